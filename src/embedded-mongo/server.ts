import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { MongoError } from './errors.js'
import type { Plain } from './bson.js'
import { runCommand } from './commands.js'
import { Cursors } from './reads.js'
import { Store } from './store.js'
import { type Request, headerOf, messageLength, parseMessage, reply } from './wire.js'

/** What the main thread hands over to this one. It is told when the server is ready, then what is to be logged; whatever it sends ends the server. */
export interface WorkerData { dir: string, socketPath: string, noSync: boolean }
const { dir, socketPath, noSync } = workerData as WorkerData
const store = new Store(dir, noSync)
const cursors = new Cursors()
const connections = new Map<Socket, Promise<void>>()
const busy = new Set<Socket>()
let [count, stopping] = [0, false]
const log = (line: string): void => { parentPort?.postMessage(`embedded-mongo: ${line}`) }
const server = createServer(socket => { connections.set(socket, serve(socket, ++count).finally(() => connections.delete(socket))) })
server.maxConnections = 1000 // a driver's pool has 100
await once(server.listen(socketPath), 'listening')
chmodSync(socketPath, 0o600)
server.on('error', error => { log(error.message) })
parentPort?.once('message', stop).postMessage('ready')
/** Lets the commands in progress finish and closes everything. */
async function stop (): Promise<void> {
  stopping = true
  server.close()
  for (const socket of connections.keys()) if (!busy.has(socket)) socket.destroy()
  await Promise.all(connections.values())
  await store.close()
  parentPort?.close()
}

/** One message after the other, so that a client that sends more than it reads waits. */
async function serve (socket: Socket, connection: number): Promise<void> {
  socket.on('error', () => {}) // a client that vanishes is no event
  try {
    for await (const message of messages(socket)) {
      busy.add(socket)
      const answer = await answerTo(message, connection)
      if (answer !== undefined) await new Promise(resolve => socket.write(answer, resolve))
      busy.delete(socket)
      if (stopping) break
    }
  } catch (error) {
    if (error instanceof MongoError) log(`connection ${connection} closed: ${error.message}`)
  }
  busy.delete(socket)
  socket.destroySoon()
}

/** Cuts the stream into messages. Throws ProtocolError for a length that can't be. */
async function * messages (socket: Socket): AsyncGenerator<Buffer, void> {
  let parts: Buffer[] = []
  let [size, wanted] = [0, 4]
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    parts.push(chunk)
    size += chunk.length
    while (size >= wanted) {
      const all = parts.length === 1 ? parts[0] as Buffer : Buffer.concat(parts)
      if (wanted === 4) wanted = messageLength(all)
      parts = [all]
      if (size < wanted) break
      parts = [all.subarray(wanted)]
      size -= wanted
      yield all.subarray(0, wanted)
      wanted = 4
    }
  }
}

async function answerTo (message: Buffer, connection: number): Promise<Buffer | undefined> {
  let request: Request | undefined
  let answer: Plain
  try {
    request = parseMessage(message)
    answer = await runCommand({ store, cursors, connection }, request)
  } catch (error) {
    const known = error instanceof MongoError ? error : new MongoError(1, `internal error: ${(error as Error).message}`)
    // Without a known opcode or frame there is nobody to answer.
    if (known.code === 17) throw known
    if (known !== error) log((error as Error).stack ?? String(error))
    answer = { ok: 0, errmsg: known.message, code: known.code, codeName: known.codeName, ...known.extra as Record<string, Plain> }
  }
  return request?.silent === true ? undefined : reply(request ?? headerOf(message), answer as Record<string, Plain>)
}
