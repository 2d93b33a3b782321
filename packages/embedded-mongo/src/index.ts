import { once } from 'node:events'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { WorkerData } from './server.js'

const SERVER = new URL(import.meta.url.endsWith('.ts') ? './server.ts' : './server.js', import.meta.url)
/** V8's default lets the worker's young generation take 48 MiB, which it fills and keeps; documents are bytes outside of it. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 }
/** `url` is complete, for the official driver; `stop` finishes the writes in progress, closes every connection, removes the socket. */
export interface EmbeddedMongo { url: string, socketPath: string, stop: () => Promise<void> }
/** `dir` holds the data and the socket, and is made if missing. `noSync` is faster; a crash may destroy the data: for tests. */
export interface EmbeddedMongoOptions { dir: string, noSync?: boolean, log?: (line: string) => void }
/** Starts the server in a worker thread, on a Unix socket that only this user can open. Rejects with an Error of one line if the directory can't be written, is
  * owned by another process (named by its number) or holds data of another format. If the server dies later, that is an uncaught exception of this process. */
export async function startEmbeddedMongo ({ dir, noSync = false, log = () => {} }: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const worker = new Worker(SERVER, { workerData: { dir: resolve(dir), noSync } satisfies WorkerData, resourceLimits })
  let stopping = false
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', code => { stopping && code === 0 ? resolve() : reject(new Error(`code ${code}`)) })
  })
  const [socketPath] = await Promise.race([ended, once(worker, 'message')]) as [string]
  worker.on('message', log)
  // Thrown outside of any promise: nobody may go on without a database as if nothing had happened.
  ended.catch((cause: Error) => { if (!stopping) setImmediate(() => { throw new Error(`the embedded server ended: ${cause.message}`, { cause }) }) })
  const stop = async (): Promise<void> => {
    stopping = true
    worker.postMessage('stop')
    await ended
  }
  return { url: `mongodb://${encodeURIComponent(socketPath)}/?directConnection=true&serverSelectionTimeoutMS=5000`, socketPath, stop }
}
