import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap from 'tap'

const ROOT = process.cwd()
const read = async (file: string) => await readFile(join(ROOT, file), 'utf8')

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

const manifest = async (folder: string) => JSON.parse(await read(`${folder}/package.json`)) as Manifest

interface Lock {
  packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>
}

tap.test('docs/dependencies.md gives every dependency a reason, and names no other', async t => {
  const packages = await readdir(join(ROOT, 'packages'))
  const manifests = await Promise.all(['.', ...packages.map(name => `packages/${name}`)].map(manifest))
  const ours = new Set(manifests.map(({ name }) => name))
  const of = (kind: 'dependencies' | 'devDependencies') =>
    [...new Set(manifests.flatMap(manifest => Object.keys(manifest[kind] ?? {})))].filter(
      name => !ours.has(name)
    )
  const [runtime, development] = (await read('docs/dependencies.md')).split('## For development')
  const named = (section: string | undefined) =>
    [...section!.matchAll(/^\| (@?[a-z][\w@/.-]*) \| \S/gm)]
      .map(([, name]) => name)
      .filter(name => name !== 'package')
  t.strictSame(named(runtime).sort(), of('dependencies').sort())
  t.strictSame(named(development).sort(), of('devDependencies').sort())
})

tap.test('the lockfile has a hash of every package, and every package comes from the registry', async t => {
  const { packages } = JSON.parse(await read('package-lock.json')) as Lock
  const installed = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && link !== true
  )
  t.ok(installed.length > 100)
  for (const [path, { resolved, integrity }] of installed) {
    if (!/^sha512-/.test(integrity ?? '')) t.fail(`${path} has no hash`)
    if (resolved !== undefined && !/^https:\/\/registry\.npmjs\.org\//.test(resolved)) {
      t.fail(`${path} comes from ${resolved}`)
    }
  }
})
