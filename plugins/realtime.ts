import fp from 'fastify-plugin'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { whenKnown } from '../src/chat/membership.js'
import { Connection, DRAINED_SHARE, messageFrame, type Caller } from '../src/realtime/connection.js'
import { costOfPage } from '../src/realtime/frame-costs.js'
import { Heartbeat } from '../src/realtime/heartbeat.js'
import { LogReads } from '../src/realtime/log-reads.js'
import { Sockets, type SocketGauges } from '../src/realtime/sockets.js'
import { CLOSE, MESSAGE_CHARS, type ServerFrame } from 'chat-protocol'

export interface Realtime {
  /** Enters a socket in the map of user id -> sockets and greets it: from then on it misses nothing. */
  open (ws: WebSocket, caller: Caller): Connection
  /**
   * Sends conversations again from above a number each, up to the last one stored, and goes on live from
   * there; `reset` where too much is missing. Resolves when that is done, or the socket is closed.
   * @throws validation if these are more conversations than one socket may follow
   */
  resume (connection: Connection, have: Record<string, number>): Promise<void>
  /** Pushes a frame to every socket of a user, but for one. */
  push (user: string, frame: ServerFrame, exceptSocket?: string): void
  /** Registers what is told when a user's first socket came, and when its last one went. */
  onPresence (listener: (user: string, online: boolean) => void): void
  /** Registers what is told when a socket went. */
  onClose (listener: (connection: Connection) => void): void
  /** Open sockets of a user. */
  socketsOf (user: string): number
  /** Whether another socket may be opened: not above MAX_SOCKETS, nor while shutting down. */
  readonly accepting: boolean
  /** Whether the server shuts down: sockets are not read any more. */
  readonly closing: boolean
  /** What is held in memory, for /metrics and for tests that nothing stays behind. */
  gauges (): SocketGauges
}

declare module 'fastify' {
  interface FastifyInstance {
    realtime: Realtime
  }
}

/** After the closing handshake began: a peer that does not answer is cut off. */
const CLOSE_MS = 5_000
/** Clients come back after a restart within this time, not all at once. */
const MAX_RETRY_MS = 5_000
/**
 * `hello` waits this long for the heads; while the database is away a client should learn that the server is
 * there.
 */
const HELLO_MS = 5_000
/** The pause after a failed read of the heads. */
const RETRY_MS = 500

/** `fastify.realtime`: the map of user id -> sockets, and what is pushed to them. */
export default fp(async function realtimePlugin (fastify) {
  const { config, membership, messageLog } = fastify
  const sockets = new Sockets()
  const presenceListeners: ((user: string, online: boolean) => void)[] = []
  const closeListeners: ((connection: Connection) => void)[] = []
  // The embedded database has one process, which knows the order of what it stored by itself.
  const onlyWriter = config.MONGODB_URL === ''
  const reads = new LogReads({
    log: messageLog,
    messages: fastify.repositories.messages,
    conversations: fastify.conversations,
    // A page fits into a queue that has drained.
    pageBytes: config.QUEUE_BYTES * DRAINED_SHARE,
    onPage: (user, bytes) => { fastify.limits.frames.of(user).charge(Date.now(), costOfPage(bytes)) }
  })
  let closing = false

  const limits = {
    queueBytes: config.QUEUE_BYTES,
    badFrames: config.BAD_FRAMES,
    maxCursors: config.MAX_CURSORS,
    resumeLimit: config.RESUME_LIMIT,
    onlyWriter
  }

  function open (ws: WebSocket, caller: Caller): Connection {
    const connection = new Connection(ws, caller, { limits, reads, onEnd: remove })
    const connections = sockets.add(connection)
    const first = connections.size === 1
    ws.on('close', () => { connection.end() })
    ws.on('pong', data => { connection.pong(data) })
    if (config.MAX_SOCKETS_PER_USER > 0 && connections.size > config.MAX_SOCKETS_PER_USER) {
      const [oldest] = connections
      oldest!.close(CLOSE.tooManySockets, 'too many sockets of this user')
    }
    if (onlyWriter) greet(connection)
    else greetWithHeads(connection)
    if (first) for (const listener of presenceListeners) listener(caller.user, true)
    // Its upgrade had been let through when the close began.
    if (closing) {
      greet(connection)
      connection.close(CLOSE.serviceRestart, 'the server restarts')
    }
    return connection
  }

  /** Greets a socket, unless that was done; it has its heartbeats from then on. */
  function greet (connection: Connection): boolean {
    const greeted = connection.greet({
      type: 'hello',
      user: connection.user,
      session: connection.session,
      heartbeatMs: config.HEARTBEAT_MS,
      limits: {
        frameBytes: config.FRAME_BYTES,
        messageChars: MESSAGE_CHARS,
        ratePerSecond: config.FRAME_RATE,
        resumeConversations: config.RESUME_CONVERSATIONS
      },
      now: new Date().toISOString()
    })
    if (greeted) heartbeat.join(connection)
    return greeted
  }

  /**
   * Finds out where the conversations of a socket begin, before it is greeted: so everything that is
   * acknowledged after its hello, by whatever process, is pushed to it, and what was stored before is not.
   */
  async function greetWithHeads (connection: Connection): Promise<void> {
    const { ws, user, openedAt, ending } = connection
    // No frame is answered before hello.
    ws.pause()
    const welcome = () => { if (greet(connection) && !closing) ws.resume() }
    const patience = setTimeout(welcome, HELLO_MS)
    while (!connection.closed) {
      try {
        const heads = await reads.heads(user, openedAt, ending)
        welcome()
        connection.cursors.setHeads(heads)
        break
      } catch (error) {
        if (connection.closed) break
        fastify.log.warn({ err: error }, 'heads of conversations could not be read: will try again')
        welcome()
        await delay(RETRY_MS)
      }
    }
    clearTimeout(patience)
    // It answers the closing handshake only if it is read.
    if (connection.closed) ws.resume()
  }

  function remove (connection: Connection): void {
    const left = sockets.remove(connection)
    for (const listener of closeListeners) listener(connection)
    if (left.size === 0) for (const listener of presenceListeners) listener(connection.user, false)
  }

  fastify.decorate('realtime', {
    open,
    resume: (connection, have) => connection.cursors.restart(have),
    push (user, frame, exceptSocket) {
      const connections = sockets.of(user)
      if (connections === undefined) return
      const bytes = Buffer.from(JSON.stringify(frame))
      for (const connection of connections) if (connection.id !== exceptSocket) connection.send(bytes)
    },
    onPresence: listener => { presenceListeners.push(listener) },
    onClose: listener => { closeListeners.push(listener) },
    socketsOf: user => sockets.of(user)?.size ?? 0,
    get accepting () { return !closing && (config.MAX_SOCKETS === 0 || sockets.count < config.MAX_SOCKETS) },
    get closing () { return closing },
    gauges: () => sockets.gauges()
  })

  function raise (conversation: string, seq: number): void {
    whenKnown(membership.members(conversation), members => {
      for (const connection of sockets.ofAll(members)) connection.cursors.raise(conversation, seq)
    })
  }

  /** Pushes a stored message to every socket of both members, each in order (docs/realtime.md). */
  messageLog.onStored((message, repeat) => {
    const { conversation, seq } = message
    // The first publication of a repeat may have been lost: then it comes in its place, with those before it.
    if (repeat) {
      raise(conversation, seq)
      return
    }
    whenKnown(membership.members(conversation), members => {
      let frame: Buffer | undefined
      for (const connection of sockets.ofAll(members)) connection.offer(message, frame ??= messageFrame(message))
    })
  })

  fastify.sessions.onEnd(({ user, session }) => {
    for (const connection of sockets.of(user) ?? []) {
      if (connection.session === session) connection.close(CLOSE.sessionEnded, 'the session has ended')
    }
  })

  fastify.conversations.onReceipt(({ socket, ...mark }) => {
    whenKnown(membership.members(mark.conversation), members => {
      for (const member of members) fastify.realtime.push(member, { type: 'receipt', ...mark }, socket)
    })
  })

  const heartbeat = new Heartbeat({
    sockets,
    heartbeatMs: config.HEARTBEAT_MS,
    pongMs: config.PONG_MS,
    openAmong: sessions => fastify.sessions.openAmong(sessions),
    storedSince: onlyWriter ? undefined : (users, since) => fastify.conversations.since(users, since),
    raise,
    log: fastify.log
  })

  /**
   * Planned close: no new sockets or frames, what is being written is finished and acknowledged, then `bye`
   * and 1012.
   */
  fastify.addHook('preClose', async () => {
    closing = true
    heartbeat.stop()
    const connections = [...sockets.all()]
    // From here on: one of them may go while its sends are stored.
    const gone = Promise.all(connections.map(async ({ ws }) => await once(ws, 'close')))
    for (const { ws } of connections) ws.pause()
    // A send may still look up its receiver: only then it is in the log.
    await Promise.all(connections.map(connection => connection.sending))
    await messageLog.drain()
    // By then the handlers of these sends have answered.
    await new Promise(resolve => { setImmediate(resolve) })
    for (const connection of connections) {
      greet(connection)
      connection.send({ type: 'bye', retryAfterMs: Math.ceil(Math.random() * MAX_RETRY_MS) })
      connection.ws.resume()
      connection.close(CLOSE.serviceRestart, 'the server restarts')
    }
    const cutOff = setTimeout(() => { for (const { ws } of connections) ws.terminate() }, CLOSE_MS)
    await gone
    clearTimeout(cutOff)
    // Those that were closing already, such as slow readers.
    for (const ws of fastify.websocketServer.clients) ws.terminate()
  })
}, { name: 'realtime', dependencies: ['auth', 'conversations', 'message-log', 'websocket'] })
