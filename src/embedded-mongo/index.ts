import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Lock, lock } from './lock.js'
import type { WorkerData, WorkerMessage } from './worker.js'

/** V8's default lets the worker's young generation take 48 MiB, which it fills and keeps; documents are bytes outside of it. */
const YOUNG_MB = 4

export interface EmbeddedMongo {
  /** For the official driver, complete. */
  url: string
  socketPath: string
  /** Finishes the writes in progress, closes every connection, removes socket and lock. */
  stop: () => Promise<void>
}

export interface EmbeddedMongoOptions {
  /** Holds the data, the socket and the lock; made if missing, for its owner only. */
  dir: string
  /** Faster and not durable: a crash of the machine may lose or destroy the data. For tests. */
  noSync?: boolean
  log?: (line: string) => void
}

/**
 * Starts the server in a worker thread, on a Unix socket that only this user can open. Rejects with an Error of one line if the directory can't be written, is
 * owned by another process (named by its number) or holds data of another format. If the server dies later, that is an uncaught exception of this process.
 */
export async function startEmbeddedMongo ({ dir: given, noSync = false, log = () => {} }: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const dir = resolve(given)
  const { socketPath, release } = await prepare(dir)
  const workerData: WorkerData = { dir, socketPath, noSync }
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url), { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
  let stopping: Promise<void> | undefined
  const ended = new Promise<Error | undefined>(resolve => {
    worker.once('error', error => { resolve(new Error(`the embedded server died: ${error.message}`, { cause: error })) })
    worker.once('exit', code => { resolve(stopping === undefined || code !== 0 ? new Error(`the embedded server ended with code ${code}`) : undefined) })
  }).finally(release)
  const failure = await Promise.race([ended, started(worker, log)])
  if (failure !== undefined) {
    await worker.terminate()
    await ended
    throw failure
  }
  chmodSync(socketPath, 0o600)
  // Thrown outside of any promise: nobody may go on without a database as if nothing had happened.
  ended.then(error => { if (error !== undefined && stopping === undefined) setImmediate(() => { throw error }) }).catch(() => {})
  const stop = async (): Promise<void> => {
    worker.postMessage('stop')
    const error = await ended
    if (error !== undefined) throw error
  }
  return {
    url: `mongodb://${encodeURIComponent(socketPath)}/?directConnection=true&serverSelectionTimeoutMS=5000`,
    socketPath,
    stop: async () => { await (stopping ??= stop()) }
  }
}

/** Node's own recursive mkdir never returns where nothing can be made, as in /proc. */
function makeDirectory (dir: string): void {
  if (existsSync(dir)) return
  makeDirectory(dirname(dir))
  mkdirSync(dir, { mode: 0o700 })
}

async function prepare (dir: string): Promise<Lock> {
  try {
    makeDirectory(dir)
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    chmodSync(dir, 0o700)
    return await lock(dir)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === undefined ? error : new Error(`the data directory ${dir} can't be used: ${message}`, { cause: error })
  }
}

async function started (worker: Worker, log: (line: string) => void): Promise<Error | undefined> {
  return await new Promise(resolve => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'log') log(message.line)
      else resolve(message.type === 'ready' ? undefined : new Error(message.line))
    })
  })
}
