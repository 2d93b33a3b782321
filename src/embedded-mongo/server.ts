import { type Server, type Socket, createServer } from 'node:net'
import { MongoError } from './errors.js'
import type { Plain } from './build.js'
import { runCommand } from './commands.js'
import { Cursors } from './cursors.js'
import type { Store } from './store.js'
import { OP_QUERY, type Request, messageLength, parseMessage, reply } from './wire.js'

/** More clients than this are turned away; a driver's pool has 100. */
const MAX_CONNECTIONS = 1000

export interface MongoServer { close: () => Promise<void> }

/** Serves the store on a Unix socket (a named pipe on Windows). Rejects if that can't be opened. */
export async function serve (store: Store, socketPath: string, log: (line: string) => void): Promise<MongoServer> {
  const cursors = new Cursors()
  const running = new Set<Promise<void>>()
  const sockets = new Set<Socket>()
  let connections = 0
  const server: Server = createServer(socket => {
    sockets.add(socket)
    const done = serveConnection(socket, { store, cursors, connection: ++connections }, log).finally(() => {
      running.delete(done)
      sockets.delete(socket)
    })
    running.add(done)
  })
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
  server.on('error', error => log(`embedded-mongo: ${error.message}`))
  return {
    /** Takes nothing new, lets the commands in progress finish, then closes every connection. */
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const socket of sockets) socket.emit('stop')
      await Promise.all(running)
      await closed
      cursors.close()
    }
  }
}

type Base = Parameters<typeof runCommand>[0]

/** One message after the other: a client that sends more than it reads waits. */
async function serveConnection (socket: Socket, base: Base, log: (line: string) => void): Promise<void> {
  let stopped = false
  let busy = false
  socket.on('error', () => {}) // a client that vanishes is no event
  socket.once('stop', () => {
    stopped = true
    if (!busy) socket.destroy()
  })
  try {
    for await (const message of messages(socket)) {
      busy = true
      const answer = await answerTo(message, base, log)
      if (answer !== undefined && !socket.write(answer)) await drained(socket)
      busy = false
      if (stopped) break
    }
  } catch (error) {
    if (error instanceof MongoError) log(`embedded-mongo: connection ${base.connection} closed: ${error.message}`)
  }
  await new Promise<void>(resolve => socket.end(() => resolve()).once('close', resolve))
  socket.destroy()
}

async function drained (socket: Socket): Promise<void> {
  if (socket.destroyed) return
  await new Promise<void>(resolve => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

/** Cuts the stream into messages. Throws ProtocolError for a length that can't be. */
async function * messages (socket: Socket): AsyncGenerator<Buffer, void> {
  let parts: Buffer[] = []
  let size = 0
  let wanted: number | undefined
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    parts.push(chunk)
    size += chunk.length
    for (;;) {
      if (wanted === undefined && size >= 4) {
        parts = [Buffer.concat(parts)]
        wanted = messageLength(parts[0] as Buffer)
      }
      if (wanted === undefined || size < wanted) break
      const whole = Buffer.concat(parts)
      parts = [whole.subarray(wanted)]
      size -= wanted
      yield whole.subarray(0, wanted)
      wanted = undefined
    }
  }
}

async function answerTo (message: Buffer, base: Base, log: (line: string) => void): Promise<Buffer | undefined> {
  let request: Request | undefined
  try {
    request = parseMessage(message)
    const answer = await runCommand(base, request, OP_QUERY)
    return request.silent ? undefined : reply(request, answer as Record<string, Plain>)
  } catch (error) {
    if (!(error instanceof MongoError)) log(`embedded-mongo: ${(error as Error).stack ?? String(error)}`)
    const known = error instanceof MongoError ? error : new MongoError(1, `internal error: ${(error as Error).message}`)
    if (request === undefined) {
      // What can be read of a broken message is its number; without a known opcode there is nobody to answer.
      if (known.code === 17) throw known
      return reply({ id: message.readInt32LE(4), opCode: message.readInt32LE(12) }, failure(known))
    }
    return request.silent ? undefined : reply(request, failure(known))
  }
}

function failure (error: MongoError): Record<string, Plain> {
  return { ok: 0, errmsg: error.message, code: error.code, codeName: error.codeName, ...error.extra as Record<string, Plain> | undefined }
}
