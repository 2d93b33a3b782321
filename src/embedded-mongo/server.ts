import { type Socket, createServer } from 'node:net'
import { once, setMaxListeners } from 'node:events'
import { MongoError } from './errors.js'
import type { Plain } from './build.js'
import { runCommand } from './commands.js'
import type { Context } from './context.js'
import { Cursors } from './cursors.js'
import type { Store } from './store.js'
import { type Request, headerOf, messageLength, parseMessage, reply } from './wire.js'

/** More clients than this are turned away; a driver's pool has 100. */
const MAX_CONNECTIONS = 1000

type Log = (line: string) => void
type Base = Pick<Context, 'store' | 'cursors' | 'connection'>

/** Serves the store on a Unix socket; rejects if that can't be opened. @returns a function that lets the commands in progress finish and closes everything */
export async function serve (store: Store, socketPath: string, log: Log): Promise<() => Promise<void>> {
  const cursors = new Cursors()
  const connections = new Map<Socket, Promise<void>>()
  const stop = new AbortController()
  setMaxListeners(MAX_CONNECTIONS, stop.signal)
  let count = 0
  const server = createServer(socket => {
    connections.set(socket, serveConnection(socket, { store, cursors, connection: ++count }, stop.signal, log).finally(() => connections.delete(socket)))
  })
  server.maxConnections = MAX_CONNECTIONS
  server.listen(socketPath)
  await once(server, 'listening')
  server.on('error', error => { log(`embedded-mongo: ${error.message}`) })
  return async () => {
    const closed = once(server, 'close')
    server.close()
    stop.abort()
    await Promise.all(connections.values())
    await closed
  }
}

/** One message after the other, so that a client that sends more than it reads waits. */
async function serveConnection (socket: Socket, base: Base, stop: AbortSignal, log: Log): Promise<void> {
  let busy = false
  const leave = (): void => { if (!busy) socket.destroy() }
  stop.addEventListener('abort', leave)
  socket.on('error', () => {}) // a client that vanishes is no event
  try {
    for await (const message of messages(socket)) {
      busy = true
      const answer = await answerTo(message, base, log)
      if (answer !== undefined && !socket.write(answer)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
      busy = false
      if (stop.aborted) break
    }
  } catch (error) {
    if (error instanceof MongoError) log(`embedded-mongo: connection ${base.connection} closed: ${error.message}`)
  }
  stop.removeEventListener('abort', leave)
  socket.destroySoon()
}

/** Cuts the stream into messages. Throws ProtocolError for a length that can't be. */
async function * messages (socket: Socket): AsyncGenerator<Buffer, void> {
  let parts: Buffer[] = []
  let size = 0
  let wanted = 4
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

async function answerTo (message: Buffer, base: Base, log: Log): Promise<Buffer | undefined> {
  let request: Request | undefined
  try {
    request = parseMessage(message)
    const answer = await runCommand(base, request)
    return request.silent ? undefined : reply(request, answer as Record<string, Plain>)
  } catch (error) {
    // Without a known opcode or frame there is nobody to answer.
    if (request === undefined && error instanceof MongoError && error.code === 17) throw error
    if (!(error instanceof MongoError)) log(`embedded-mongo: ${(error as Error).stack ?? String(error)}`)
    const { message: errmsg, code, codeName, extra } = error instanceof MongoError ? error : new MongoError(1, `internal error: ${(error as Error).message}`)
    return request?.silent === true ? undefined : reply(request ?? headerOf(message), { ok: 0, errmsg, code, codeName, ...extra as Record<string, Plain> })
  }
}
