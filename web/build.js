/**
 * Builds the page into web/dist, unless it was built from the same sources: web/dist/.stamp holds their hash.
 * Text files are compressed once here, so the server never compresses. It fails above the budget.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Compressed JavaScript of the first load (design: 150 KiB). */
const BUDGET = 150 * 1024
const HERE = import.meta.dirname
const DIST = join(HERE, 'dist')
const STAMP = join(DIST, '.stamp')
const SOURCES = [
  'src', 'public', 'index.html', 'vite.config.js', 'build.js', 'package.json',
  '../packages/client/src', '../packages/protocol/src', '../package-lock.json'
]

async function filesOf (path) {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return [path]
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).sort()
}

async function hashOfSources () {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    for (const file of await filesOf(join(HERE, source))) hash.update(file).update(await readFile(file))
  }
  return hash.digest('hex')
}

async function compress (file) {
  const content = await readFile(file)
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length }
  await writeFile(`${file}.br`, await promisify(brotliCompress)(content, { params }))
  await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }))
}

/** The files that the browser loads before the page shows anything: the entry and its static imports. */
async function firstLoad () {
  const manifest = JSON.parse(await readFile(join(DIST, '.vite/manifest.json'), 'utf8'))
  const names = new Set(['index.html'])
  for (const name of names) for (const imported of manifest[name].imports ?? []) names.add(imported)
  return [...names].map(name => join(DIST, manifest[name].file))
}

async function checkBudget () {
  const files = await firstLoad()
  const sizes = await Promise.all(files.map(async file => (await readFile(`${file}.gz`)).length))
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  const text = `first load: ${(bytes / 1024).toFixed(1)} KiB of compressed JavaScript (gzip)`
  if (bytes > BUDGET) throw new Error(`${text}; the budget is ${BUDGET / 1024} KiB`)
  return text
}

if (process.env.WEB !== 'off') {
  const hash = await hashOfSources()
  const built = existsSync(STAMP) ? await readFile(STAMP, 'utf8') : ''
  if (built !== hash) {
    const { build } = await import('vite')
    await build({ configFile: join(HERE, 'vite.config.js'), logLevel: 'warn' })
    const files = await filesOf(DIST)
    await Promise.all(files.filter(file => /\.(js|css|html|svg|json|webmanifest)$/.test(file)).map(compress))
    console.log(await checkBudget())
    await writeFile(STAMP, hash)
  }
}
