import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { MongoError } from './errors.js'
import type { Plain } from './bson.js'
import { runCommand } from './commands.js'
import { linked, ownDirectory, removeStale } from './ownership.js'
import { Cursors } from './reads.js'
import { Store } from './store.js'
import { type Request, headerOf, messageLength, parseMessage, reply } from './wire.js'

/** What the main thread hands over to this one. It is told the socket's path when the server is ready, then what is to be logged; whatever it sends ends it. */
export interface WorkerData { dir: string, noSync: boolean }
/** A socket's path is cut silently beyond this (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final NUL). */
const MAX_SOCKET_PATH = 103
const { dir, noSync } = workerData as WorkerData
const cursors = new Cursors()
const connections = new Map<Socket, Promise<void>>()
const busy = new Set<Socket>()
let [count, stopping] = [0, false]
const log = (line: string): void => { parentPort?.postMessage(`embedded-mongo: ${line}`) }
const server = createServer()
server.maxConnections = 1000 // a driver's pool has 100
const socketPath = await own().catch((error: NodeJS.ErrnoException) => {
  throw error.code === undefined ? error : new Error(`the data directory ${dir} can't be used: ${error.message}`)
})
const store = await Store.open(dir, noSync)
server.on('connection', socket => { connections.set(socket, serve(socket, ++count).finally(() => connections.delete(socket))) })
server.on('error', error => { log(error.message) })
parentPort?.once('message', stop).postMessage(socketPath)
/** Makes this the directory's only server, and links its socket as mongodb.sock. The socket lies in a directory that
  * only this user can enter, whatever the mode of the data directory is. @returns the path for clients. Throws an
  * Error that names the owner, or the system's. */
async function own (): Promise<string> {
  if (process.platform === 'win32') throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  await ownDirectory(dir)
  const link = join(dir, 'mongodb.sock')
  await removeStale(link)
  const name = `${process.pid}.sock`
  const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_SOCKET_PATH
  const home = mkdtempSync(join(fits(join(dir, 'mongodb-XXXXXX', name)) ? dir : tmpdir(), 'mongodb-'))
  const path = join(home, name)
  const target = relative(dir, path).startsWith('..') ? path : relative(dir, path)
  process.once('exit', () => {
    if (linked(link) === target) rmSync(link)
    rmSync(home, { recursive: true, force: true })
  })
  await once(server.listen(path), 'listening')
  chmodSync(path, 0o600)
  symlinkSync(target, link)
  return fits(link) ? link : path
}

/** Lets the commands in progress finish and closes everything. */
async function stop (): Promise<void> {
  stopping = true
  for (const socket of connections.keys()) if (!busy.has(socket)) socket.destroy()
  await Promise.all(connections.values())
  await store.close()
  server.close()
  parentPort?.close()
}

/** One message after the other, so that a client that sends more than it reads waits. */
async function serve (socket: Socket, connection: number): Promise<void> {
  socket.on('error', () => {}) // a client that vanishes is no event
  if (stopping) socket.destroy()
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
  let [size, wanted] = [0, 0]
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    parts.push(chunk)
    size += chunk.length
    if (size < wanted) continue
    let rest = parts.length === 1 ? chunk : Buffer.concat(parts)
    for (; rest.length >= (wanted = rest.length < 4 ? 4 : messageLength(rest)); rest = rest.subarray(wanted)) yield rest.subarray(0, wanted)
    parts = [rest]
    size = rest.length
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
