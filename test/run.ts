/**
 * Runs compiled test files, each in a process of its own:
 *   node dist/test/run.js [-jN] [PATH ...]   N at a time, as many as there are cores without -j
 *   node dist/test/run.js --long [PATH ...]  with TEST_LONG=1, one at a time
 * A PATH is a test file or a folder of the sources. Without one, every test runs but those in folders named `long`;
 * with --long those run, and the tests that do more rounds with TEST_LONG=1.
 *
 * The `tap` command loads its hooks for coverage, mocks and TypeScript into each process. That costs more than most
 * files take to run, so `npm run coverage` uses it and this program does not.
 */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const args = process.argv.slice(2)
const long = args.includes('--long')
const paths = args.filter(arg => !arg.startsWith('-'))
const jobs = Number(args.find(arg => arg.startsWith('-j'))?.slice(2) ?? (long ? 1 : availableParallelism()))
// With no worker at all nothing would fail.
if (!Number.isInteger(jobs) || jobs < 1) throw new Error('-jN: N must be a whole number from 1 on')

/** Seconds that one file may take. A hung test fails with tap's own report after that. */
const TIMEOUT_S = long ? 900 : 300
/** Seconds that a process has to report its time-out before it is killed. */
const REPORT_S = 10

interface Outcome { file: string, passed: boolean, ms: number, output: string }

/** The test files to run, from the sources: an output whose source is gone does not run. */
async function testFiles (): Promise<string[]> {
  const packages = await readdir('packages').catch(() => [])
  const folders = ['test', ...packages.map(name => join('packages', name, 'test'))]
  const found = await Promise.all(folders.map(async folder => {
    const entries = await readdir(folder, { recursive: true }).catch(() => [])
    return entries.map(entry => join(folder, entry))
  }))
  const tests = found.flat().filter(file => file.endsWith('.test.ts')).sort(byDepth)
  const unknown = paths.find(path => !tests.some(file => isAt(file, path)))
  if (unknown !== undefined) throw new Error(`no test is at ${unknown}`)
  if (paths.length > 0) return tests.filter(file => paths.some(path => isAt(file, path)))
  if (!long) return tests.filter(file => !inLongFolder(file))
  const chosen = await Promise.all(tests.map(isLong))
  return tests.filter((_, n) => chosen[n])
}

/** Files directly in `test` first: they start whole servers and take longest, so no core is idle at the end. */
function byDepth (a: string, b: string): number {
  return a.split('/').length - b.split('/').length || (a < b ? -1 : 1)
}

function inLongFolder (file: string): boolean {
  return file.includes('/long/')
}

/** Whether the test runs with --long. */
async function isLong (file: string): Promise<boolean> {
  return inLongFolder(file) || /TEST_LONG|import .*\bLONG\b/.test(await readFile(file, 'utf8'))
}

function isAt (file: string, path: string): boolean {
  return file === path || file.startsWith(path.endsWith('/') ? path : `${path}/`)
}

async function run (file: string): Promise<Outcome> {
  const begin = performance.now()
  const script = join('dist', file.replace(/ts$/, 'js'))
  const child = spawn(process.execPath, ['--enable-source-maps', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(TIMEOUT_S), ...(long ? { TEST_LONG: '1' } : {}) }
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { chunks.push(chunk) })
  const killer = setTimeout(() => { child.kill('SIGKILL') }, (TIMEOUT_S + REPORT_S) * 1000)
  const code = await new Promise<number | null>(resolve => { child.once('close', resolve) })
  clearTimeout(killer)
  const output = Buffer.concat(chunks).toString()
  // A process that ends before its tests prints no plan, or one with fewer tests.
  const passed = code === 0 && /^1\.\.[1-9]/m.test(output)
  return { file, passed, ms: performance.now() - begin, output }
}

function report ({ file, passed, ms, output }: Outcome): void {
  console.log(`${passed ? 'ok' : 'not ok'} ${file} (${(ms / 1000).toFixed(1)} s)`)
  if (!passed) console.log(output)
  // What could not be tested on this machine must not pass unseen.
  else for (const line of output.split('\n')) if (line.includes('!!!')) console.log(`    ${line.trim()}`)
}

const files = await testFiles()
const begin = performance.now()
const failed: string[] = []
const waiting = [...files]
await Promise.all(Array.from({ length: jobs }, async () => {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const outcome = await run(file)
    report(outcome)
    if (!outcome.passed) failed.push(file)
  }
}))
const seconds = Math.round((performance.now() - begin) / 1000)
console.log(`${files.length} test files in ${seconds} s, ${failed.length} failed${failed.map(file => `\n  ${file}`).join('')}`)
process.exitCode = failed.length === 0 && files.length > 0 ? 0 : 1
