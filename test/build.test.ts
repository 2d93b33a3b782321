import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import tap from 'tap'
import { ROOT } from './server.js'

const exec = promisify(execFile)

async function create (folder: string, files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), '')
  }
}

async function compiled (folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true })
  return files.filter(file => /\.(js|ts|map|tsbuildinfo)$/.test(file) && file.includes('dist/')).sort()
}

tap.test('removes the outputs of deleted sources and keeps the others', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-build-'))
  t.teardown(async () => await rm(folder, { recursive: true }))
  const kept = [
    'dist/.tsbuildinfo', 'dist/packages/a/test/kept.test.js', 'dist/plugins/kept.js',
    'dist/plugins/kept.js.map',
    'packages/a/dist/kept.d.ts', 'packages/a/dist/kept.js', 'packages/a/dist/kept.js.map'
  ]
  const sources = ['plugins/kept.ts', 'packages/a/src/kept.ts', 'packages/a/test/kept.test.ts']
  await create(folder, [...sources, ...kept])
  await create(folder, [
    'dist/plugins/gone.js', 'dist/plugins/gone.js.map', 'dist/packages/a/test/gone.test.js',
    'packages/a/dist/gone.d.ts', 'packages/a/dist/gone.js', 'packages/a/dist/gone.js.map'
  ])

  await exec(process.execPath, [join(ROOT, 'build/remove-stale-outputs.js')], { cwd: folder })

  t.strictSame(await compiled(folder), kept)
})

tap.test('the scripts that compile remove the outputs of deleted sources first', async t => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  for (const name of ['build', 'build:test']) {
    t.match(scripts[name], /^node build\/remove-stale-outputs\.js && tsc /, name)
  }
})
