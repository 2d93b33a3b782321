import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
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

tap.test('npm run build removes the outputs of deleted sources', async t => {
  // The server would load an output in dist/plugins, and other tests start servers at this time.
  const folder = join('dist/test', `stale-${randomBytes(6).toString('hex')}`)
  t.teardown(async () => await rm(join(ROOT, folder), { recursive: true }))
  await create(ROOT, [join(folder, 'gone.js')])

  await exec('npm', ['run', '--silent', 'build'], { cwd: ROOT })

  await t.rejects(access(join(ROOT, folder, 'gone.js')), { code: 'ENOENT' })
  await t.resolves(access(join(ROOT, 'dist/src/server.js')))
})
