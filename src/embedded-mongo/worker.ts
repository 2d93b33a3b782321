import { parentPort, workerData } from 'node:worker_threads'
import { type MongoServer, serve } from './server.js'
import { Store } from './store.js'

/** What the main thread hands over. */
export interface WorkerData { dir: string, socketPath: string, noSync: boolean }
/** What comes back: `ready` or `failed` once, `log` at any time. */
export type WorkerMessage = { type: 'ready' } | { type: 'failed', message: string } | { type: 'log', line: string }

const port = parentPort
if (port !== null) {
  const { dir, socketPath, noSync } = workerData as WorkerData
  const send = (message: WorkerMessage): void => { port.postMessage(message) }
  let store: Store | undefined
  let server: MongoServer | undefined
  port.once('message', () => {
    (async () => {
      await server?.close()
      await store?.close()
    })().catch((error: Error) => { send({ type: 'log', line: `embedded-mongo: ${error.message}` }) }).finally(() => { port.close() })
  })
  try {
    store = new Store(dir, noSync)
    server = await serve(store, socketPath, line => { send({ type: 'log', line }) })
    send({ type: 'ready' })
  } catch (error) {
    send({ type: 'failed', message: (error as Error).message })
    await store?.close()
    port.close()
  }
}
