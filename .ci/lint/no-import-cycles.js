/**
 * An ESLint rule: no file imports itself by way of others, type-only imports included. `import-x/no-cycle`
 * and knip look at run-time imports alone. Relative imports are enough here: other rules keep packages apart.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import ts from 'typescript'

/** file -> its relative imports, and when the file was last changed: editors keep this process for hours. */
const read = new Map()

function importsOf (file) {
  const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs
  if (changed === undefined) return []
  const known = read.get(file)
  if (known?.changed === changed) return known.imports
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
  const imports = importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => targetOf(file, fileName))
  read.set(file, { changed, imports })
  return imports
}

function targetOf (file, specifier) {
  return resolve(dirname(file), specifier).replace(/\.js$/, '.ts')
}

/** The shortest way from one file to another along imports, both included; undefined if none. */
function findPath (from, to) {
  const cameFrom = new Map([[from, undefined]])
  for (const file of cameFrom.keys()) {
    if (file === to) return pathTo(file, cameFrom)
    for (const next of importsOf(file)) {
      if (!cameFrom.has(next)) cameFrom.set(next, file)
    }
  }
  return undefined
}

function pathTo (file, cameFrom) {
  const path = []
  for (let at = file; at !== undefined; at = cameFrom.get(at)) path.unshift(at)
  return path
}

export default {
  meta: { type: 'problem', schema: [], messages: { cycle: 'Import cycle: {{path}}' } },
  create (context) {
    function check (node) {
      const specifier = node.source?.value
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return
      const path = findPath(targetOf(context.filename, specifier), context.filename)
      if (path === undefined) return
      const names = [context.filename, ...path].map(file => relative(context.cwd, file))
      context.report({ node, messageId: 'cycle', data: { path: names.join(' -> ') } })
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      TSImportType: check
    }
  }
}
