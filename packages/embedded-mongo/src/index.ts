import { once } from 'node:events'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { WorkerData } from './server.js'

/** A loader for TypeScript may run the sources. */
const isSource = import.meta.url.endsWith('.ts')
const SERVER = new URL(isSource ? './server.ts' : './server.js', import.meta.url)

/**
 * By default V8 lets the young generation of a worker grow to 48 MiB, which it fills and keeps. Documents are
 * bytes outside of V8's heap, so the server needs little of it.
 */
const MAX_YOUNG_GENERATION_MB = 4

/**
 * Without a server behind the socket a driver reports an error after this time instead of its default of 30
 * s.
 */
const SERVER_SELECTION_MS = 5000

export interface EmbeddedMongo {
  /** The complete URL for the official driver. */
  url: string
  socketPath: string
  /** Finishes the commands in progress, closes all connections and removes the socket. */
  stop: () => Promise<void>
}

export interface EmbeddedMongoOptions {
  /** The directory of the data and the socket. It is made if it is missing. */
  dir: string
  /** Writes without flushes, which is faster. A crash may destroy the data: use it for tests only. */
  noSync?: boolean
  /** Gets what the server reports. */
  log?: (line: string) => void
}

/**
 * Starts the server in a worker thread, on a Unix socket that only this user can open. If the server dies
 * later, that is an uncaught exception of this process.
 *
 * @throws Error with a message of one line if the directory cannot be written, belongs to another process
 *   (whose number the message has), or holds data of another format
 */
export async function startEmbeddedMongo (
  { dir, noSync = false, log = () => {} }: EmbeddedMongoOptions
): Promise<EmbeddedMongo> {
  const workerData: WorkerData = { dir: resolve(dir), noSync }
  const worker = new Worker(SERVER, {
    workerData, resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB }
  })
  let stopping = false
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', code => {
      if (stopping && code === 0) resolve()
      else reject(new Error(`code ${code}`))
    })
  })
  const [socketPath] = await Promise.race([ended, once(worker, 'message')]) as [string]
  worker.on('message', log)
  ended.catch((cause: Error) => {
    if (!stopping) throwUncaught(cause)
  })
  const stop = async (): Promise<void> => {
    stopping = true
    worker.postMessage('stop')
    await ended
  }
  return { url: urlOf(socketPath), socketPath, stop }
}

function urlOf (socketPath: string): string {
  const options = `directConnection=true&serverSelectionTimeoutMS=${SERVER_SELECTION_MS}`
  return `mongodb://${encodeURIComponent(socketPath)}/?${options}`
}

/**
 * Throws outside of any promise: without its database this process must not go on as if nothing had happened.
 */
function throwUncaught (cause: Error): void {
  setImmediate(() => {
    throw new Error(`the embedded server ended: ${cause.message}`, { cause })
  })
}
