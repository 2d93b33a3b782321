// The worker thread that index.ts starts.
import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { Connection } from './connection.js'
import { Cursors } from './cursors.js'
import { listenIn } from './listen.js'
import { Store } from './store.js'

/**
 * What the main thread gives this one. This thread posts the path of the socket when it is ready, then lines
 * to log. Any message from the main thread stops it.
 */
export interface WorkerData {
  dir: string
  noSync: boolean
}

/** Ten times the default pool of a driver. */
const MAX_CONNECTIONS = 1000

const { dir, noSync } = workerData as WorkerData
const cursors = new Cursors()
const connections = new Map<Connection, Promise<void>>()
let lastConnection = 0
let stopping = false

function log (line: string): void {
  parentPort?.postMessage(`embedded-mongo: ${line}`)
}

const server = createServer()
server.maxConnections = MAX_CONNECTIONS
const socketPath = await listenIn(dir, server).catch((error: NodeJS.ErrnoException) => {
  if (error.code === undefined) throw error
  throw new Error(`the data directory ${dir} cannot be used: ${error.message}`)
})
const store = await Store.open(dir, noSync)

server.on('connection', socket => {
  lastConnection++
  const connection = new Connection(socket, { store, cursors, connection: lastConnection }, log)
  const served = connection.serve().finally(() => connections.delete(connection))
  connections.set(connection, served)
  if (stopping) connection.close()
})
server.on('error', error => log(error.message))
parentPort?.once('message', stop)
parentPort?.postMessage(socketPath)

/** Finishes the commands in progress and closes everything. */
async function stop (): Promise<void> {
  stopping = true
  for (const connection of connections.keys()) connection.close()
  await Promise.all(connections.values())
  await store.close()
  server.close()
  parentPort?.close()
}
