/**
 * Runs compiled test files:
 *   node dist/test/run.js [-jN] [PATH ...]   in N processes, one more than there are cores without -j
 *   node dist/test/run.js --long [PATH ...]  with TEST_LONG=1, one file at a time, each in its own process
 * A PATH is a test file or a folder of the sources. Without one, every test runs but those in folders named
 * `long`; with --long those run, and the tests that do more rounds with TEST_LONG=1.
 *
 * Without --long, test/worker.ts runs many files in one process. A file that says @own-process in a comment
 * gets a process of its own, because it measures or changes the process.
 *
 * The `tap` command loads its hooks for coverage, mocks and TypeScript into each process. That costs more
 * than most files take to run, so `npm run coverage` uses it and this program does not.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { FileResult } from './worker.js'

const args = process.argv.slice(2)
const long = args.includes('--long')
const paths = args.filter(arg => !arg.startsWith('-'))
// One more than there are cores: some tests wait for a time-out or for another process.
const usualJobs = long ? 1 : availableParallelism() + 1
const jobs = Number(args.find(arg => arg.startsWith('-j'))?.slice(2) ?? usualJobs)
// With no worker at all nothing would fail.
if (!Number.isInteger(jobs) || jobs < 1) throw new Error('-jN: N must be a whole number from 1 on')

/** Seconds that one file may take. A hung test fails with tap's own report after that. */
const TIMEOUT_S = long ? 900 : 300
/** Seconds that all files of one process may take. */
const SHARED_TIMEOUT_S = 1800
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

/** Files directly in `test` first: they take longest, so no core is idle at the end. */
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

interface Running {
  child: ChildProcess
  /** Resolves with the exit code. */
  ended: Promise<number | null>
  /** Returns what was printed since the last call. */
  takeOutput: () => string
}

/**
 * For programs that run for seconds: code is optimised thirty times later than by default, and garbage is
 * collected by one thread, for the other cores run tests. Both together save a tenth of the time.
 */
const V8_OPTIONS = ['--interrupt-budget=2000000', '--single-threaded-gc']

function start (script: string, timeout: number, ipc: boolean): Running {
  const options = ['--enable-source-maps', ...V8_OPTIONS, '--import', './dist/test/no-domains.js']
  const child = spawn(process.execPath, [...options, script], {
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc' as const] : [])],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(timeout), ...(long ? { TEST_LONG: '1' } : {}) }
  })
  let chunks: Buffer[] = []
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', chunk => chunks.push(chunk))
  const takeOutput = () => {
    const output = Buffer.concat(chunks).toString()
    chunks = []
    return output
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, ended, takeOutput }
}

/** Kills a process that did not report its own time-out. Returns the function that ends the watch. */
function watch ({ child }: Running): () => void {
  const killer = setTimeout(() => child.kill('SIGKILL'), (TIMEOUT_S + REPORT_S) * 1000)
  return () => clearTimeout(killer)
}

/** Runs a file in a process of its own. */
async function runAlone (file: string): Promise<Outcome> {
  const begin = performance.now()
  const running = start(compiled(file), TIMEOUT_S, false)
  const unwatch = watch(running)
  const code = await running.ended
  unwatch()
  const output = running.takeOutput()
  // A process that ends before its tests prints no plan, or one with fewer tests.
  const passed = code === 0 && /^1\.\.[1-9]/m.test(output)
  return { file, passed, ms: performance.now() - begin, output }
}

function compiled (file: string): string {
  return join('dist', file.replace(/ts$/, 'js'))
}

/** Runs files in one process until none waits or one fails. */
async function runShared (waiting: string[], done: (outcome: Outcome) => void): Promise<void> {
  const running = start('dist/test/worker.js', SHARED_TIMEOUT_S, true)
  const { child, ended, takeOutput } = running
  let current: { file: string, begin: number, unwatch: () => void } | undefined
  const finish = (passed: boolean) => {
    if (current === undefined) return
    current.unwatch()
    done({ file: current.file, passed, ms: performance.now() - current.begin, output: takeOutput() })
    current = undefined
  }
  child.on('message', ({ passed }: FileResult) => {
    // The output of a failed test may still be on its way.
    if (!passed) return
    finish(true)
    const file = waiting.shift()
    if (file !== undefined) current = { file, begin: performance.now(), unwatch: watch(running) }
    child.send(file === undefined ? {} : { file: compiled(file) })
  })
  const code = await ended
  if (code === 0 || current !== undefined) return finish(false)
  // What a file leaves may fail at the end, for example a server that does not stop.
  done({ file: 'test/worker.ts', passed: false, ms: 0, output: takeOutput() })
  // If no worker can start, trying again would not end.
  waiting.length = 0
}

function report ({ file, passed, ms, output }: Outcome): void {
  console.log(`${passed ? 'ok' : 'not ok'} ${file} (${(ms / 1000).toFixed(1)} s)`)
  if (!passed) console.log(output)
  // What could not be tested on this machine must not pass unseen.
  else {
    for (const line of output.split('\n')) {
      if (line.includes('!!!')) console.log(`    ${line.trim()}`)
    }
  }
}

const files = await testFiles()
const begin = performance.now()
const failed: string[] = []
const alone: string[] = []
const shared: string[] = []
for (const file of files) {
  const own = long || (await readFile(file, 'utf8')).includes('@own-process')
  if (own) alone.push(file)
  else shared.push(file)
}

function done (outcome: Outcome): void {
  report(outcome)
  if (!outcome.passed) failed.push(outcome.file)
}

await Promise.all(Array.from({ length: jobs }, async () => {
  for (let file = alone.shift(); file !== undefined; file = alone.shift()) done(await runAlone(file))
  while (shared.length > 0) await runShared(shared, done)
}))
const seconds = Math.round((performance.now() - begin) / 1000)
const names = failed.map(file => `\n  ${file}`).join('')
console.log(`${files.length} test files in ${seconds} s, ${failed.length} failed${names}`)
process.exitCode = failed.length === 0 && files.length > 0 ? 0 : 1
