import { parentPort, workerData } from 'node:worker_threads'
import { serve } from './server.js'
import { Store } from './store.js'

/** What the main thread hands over. */
export interface WorkerData { dir: string, socketPath: string, noSync: boolean }
/** What comes back: `ready` or `failed` once, `log` at any time. */
export type WorkerMessage = { type: 'ready' } | { type: 'failed' | 'log', line: string }

const send = (message: WorkerMessage): void => { parentPort?.postMessage(message) }

async function start ({ dir, socketPath, noSync }: WorkerData): Promise<void> {
  const store = new Store(dir, noSync)
  try {
    const close = await serve(store, socketPath, line => { send({ type: 'log', line }) })
    parentPort?.once('message', () => { close().finally(async () => { await store.close() }).finally(() => parentPort?.close()).catch((error: Error) => { throw error }) })
    send({ type: 'ready' })
  } catch (error) {
    await store.close()
    throw error
  }
}

start(workerData as WorkerData).catch((error: Error) => { send({ type: 'failed', line: error.message }) })
