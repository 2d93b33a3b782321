/**
 * A process that runs test files one after the other, as test/run.ts names them. The files share the loaded
 * modules, the database server and the compiled schemas. To make those takes longer than to run most files.
 */
import { pathToFileURL } from 'node:url'
import tap from 'tap'

/** What a worker says when it is ready for a file; `passed` is about the file before. */
export interface FileResult {
  passed: boolean
}

// tap ends when nothing keeps the process alive, and the channel to test/run.ts does not always.
const alive = setInterval(() => {}, 60_000)

let answered: (file: string | undefined) => void
process.on('message', ({ file }: { file?: string }) => answered(file))

/** Resolves with the next file, or with nothing at the end. */
async function nextFile (passed: boolean): Promise<string | undefined> {
  const answer = new Promise<string | undefined>(resolve => {
    answered = resolve
  })
  process.send!({ passed } satisfies FileResult)
  return await answer
}

/**
 * Queues a test that loads a file. The tests of the file are queued behind it, and behind those the test that
 * asks for the next file.
 */
function load (file: string | undefined): void {
  if (file === undefined) {
    clearInterval(alive)
    process.disconnect()
    return
  }
  tap.test(`loads ${file}`, async t => {
    await import(pathToFileURL(file).href)
    askNext(tap.counts.total + 1)
    t.pass()
  })
}

/** Queues the end of a file; `before` is the number of tests that ran before its own. */
function askNext (before: number): void {
  tap.test('asks for the next file', async t => {
    t.ok(tap.counts.total > before, 'the file has a test')
    // After a failure, a later file could not be told from this one.
    const passed = t.passing() && tap.passing()
    if (!passed) process.send!({ passed } satisfies FileResult)
    load(passed ? await nextFile(passed) : undefined)
  })
}

load(await nextFile(true))
