import fp from 'fastify-plugin'
import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { membersOf } from '../src/messages.js'
import { Connection, messageFrame } from '../src/realtime/connection.js'
import { CLOSE, type ServerFrame } from '../src/schemas/frames.js'
import { MESSAGE_CHARS } from '../src/schemas/messages.js'

export interface Realtime {
  /** Enters a socket in the map of user id -> sockets and greets it: from here on it misses nothing. */
  open (ws: WebSocket, caller: { user: string, session: string }): Connection
  /** Sends a conversation again from above a number, up to the last one stored, and goes on live from there; `reset` where too much is missing. */
  resume (connection: Connection, conversation: string, have: number): Promise<void>
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
  gauges (): { sockets: number, users: number, cursors: number, awaitedAcks: number, queuedBytes: number }
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
/** By how much summaries, and the clocks of other processes, may be behind. */
const BEHIND_MS = 30_000
/** How often heartbeats are looked at, in fractions of the shorter of their times. */
const TICKS = 5

/** `fastify.realtime`: the map of user id -> sockets, and what is pushed to them. */
export default fp(async function realtimePlugin (fastify) {
  const { config } = fastify
  const sockets = new Map<string, Set<Connection>>()
  const presenceListeners: ((user: string, online: boolean) => void)[] = []
  const closeListeners: ((connection: Connection) => void)[] = []
  let count = 0
  let closing = false

  const limits = { framesPerSecond: config.FRAME_RATE, queueBytes: config.QUEUE_BYTES, badFrames: config.BAD_FRAMES }
  const all = function * () { for (const connections of sockets.values()) yield * connections }
  /** Those of both members, each once. */
  const socketsIn = function * (conversation: string) { for (const member of new Set(membersOf(conversation))) yield * sockets.get(member) ?? [] }

  function open (ws: WebSocket, { user, session }: { user: string, session: string }): Connection {
    const connection = new Connection(ws, user, session, limits, async (conversation, after, bounds) => {
      return (await fastify.messageLog.after(conversation, after, { ...bounds, reader: user })).messages
    }, remove)
    const connections = sockets.get(user) ?? new Set()
    const first = connections.size === 0
    sockets.set(user, connections.add(connection))
    count++
    ws.on('close', () => { connection.end() })
    ws.on('pong', () => { connection.pongBy = Infinity })
    // The first ping comes after a random part of the time, so that those who came together don't stay together.
    connection.pingAt = Date.now() + config.HEARTBEAT_MS * Math.random()
    if (config.MAX_SOCKETS_PER_USER > 0 && connections.size > config.MAX_SOCKETS_PER_USER) {
      const [oldest] = connections
      oldest!.close(CLOSE.tooManySockets, 'too many sockets of this user')
    }
    connection.send({
      type: 'hello',
      user,
      session,
      heartbeatMs: config.HEARTBEAT_MS,
      limits: { frameBytes: config.FRAME_BYTES, messageChars: MESSAGE_CHARS, ratePerSecond: config.FRAME_RATE },
      now: new Date().toISOString()
    })
    if (first) for (const listener of presenceListeners) listener(user, true)
    // Its upgrade had been let through when the close began.
    if (closing) connection.close(CLOSE.serviceRestart, 'the server restarts')
    return connection
  }

  function remove (connection: Connection): void {
    const connections = sockets.get(connection.user)!
    connections.delete(connection)
    count--
    for (const listener of closeListeners) listener(connection)
    if (connections.size > 0) return
    sockets.delete(connection.user)
    for (const listener of presenceListeners) listener(connection.user, false)
  }

  async function resume (connection: Connection, conversation: string, have: number): Promise<void> {
    await connection.cursors.restart(conversation, have, async () => {
      const lastSeq = await fastify.messageLog.lastSeq(conversation)
      // Nothing can be sent above a number that is not there, such as after a restore from a backup.
      if (lastSeq - have <= config.RESUME_LIMIT && have <= lastSeq) return { lastSeq, goOnAfter: have }
      connection.send({ type: 'reset', conversation, lastSeq })
      connection.skip(conversation, lastSeq)
      return { lastSeq, goOnAfter: lastSeq }
    })
  }

  fastify.decorate('realtime', {
    open,
    resume,
    push (user, frame, exceptSocket) {
      const connections = sockets.get(user)
      if (connections === undefined) return
      const bytes = Buffer.from(JSON.stringify(frame))
      for (const connection of connections) if (connection.id !== exceptSocket) connection.send(bytes)
    },
    onPresence: listener => { presenceListeners.push(listener) },
    onClose: listener => { closeListeners.push(listener) },
    socketsOf: user => sockets.get(user)?.size ?? 0,
    get accepting () { return !closing && (config.MAX_SOCKETS === 0 || count < config.MAX_SOCKETS) },
    get closing () { return closing },
    gauges () {
      const sum = { sockets: count, users: sockets.size, cursors: 0, awaitedAcks: 0, queuedBytes: 0 }
      for (const connection of all()) {
        sum.cursors += connection.cursors.size
        sum.awaitedAcks += connection.awaiting
        sum.queuedBytes += connection.ws.bufferedAmount
      }
      return sum
    }
  })

  /** Pushes a stored message to every socket of both members, each in order (docs/realtime.md). */
  fastify.messageLog.onStored((message, repeat) => {
    const { conversation, seq } = message
    let frame: Buffer | undefined
    for (const connection of socketsIn(conversation)) {
      if (!repeat) connection.offer(message, frame ??= messageFrame(message))
      // Its first publication may have been lost, then it is in the log with others after it, and comes with them.
      else if (!connection.cursors.raise(conversation, seq)) resume(connection, conversation, seq - 1)
    }
  })

  fastify.sessions.onEnd(({ user, session }) => {
    for (const connection of sockets.get(user) ?? []) if (connection.session === session) connection.close(CLOSE.sessionEnded, 'the session has ended')
  })

  fastify.conversations.onReceipt(({ socket, ...mark }) => {
    for (const member of new Set(membersOf(mark.conversation))) fastify.realtime.push(member, { type: 'receipt', ...mark }, socket)
  })

  const heartbeat = setInterval(() => { beat().catch(error => { fastify.log.warn({ err: error }, 'heartbeat: sessions and conversations could not be checked') }) },
    Math.min(config.HEARTBEAT_MS, config.PONG_MS) / TICKS)

  /**
   * Pushes what was stored but not published here: by another process, or by a write whose outcome came too late. The database is the truth. One that only this
   * process writes to needs no such look.
   */
  async function recheck (users: string[], since: Date): Promise<void> {
    if (config.MONGODB_URL === '') return
    for (const { _id: conversation, lastSeq, lastAt } of await fastify.conversations.since(users, since)) {
      for (const connection of socketsIn(conversation)) {
        // A summary is made before its first message: until it tells of one there is no place to begin.
        if (lastSeq > 0 && !connection.cursors.raise(conversation, lastSeq) && lastAt.getTime() >= connection.openedAt) resume(connection, conversation, lastSeq - 1)
      }
    }
  }

  /** Pings what is due, cuts off what did not answer, and closes sockets whose session ended elsewhere or ran out. */
  async function beat (): Promise<void> {
    const now = Date.now()
    const due: Connection[] = []
    for (const connection of all()) {
      if (now >= connection.pongBy) connection.ws.terminate()
      else if (now >= connection.pingAt) {
        due.push(connection)
        connection.pongBy = Math.min(connection.pongBy, now + config.PONG_MS)
        connection.pingAt = now + config.HEARTBEAT_MS
        connection.ws.ping()
      }
    }
    if (due.length === 0) return
    const openSessions = await fastify.sessions.openAmong([...new Set(due.map(connection => connection.session))])
    for (const connection of due) if (!openSessions.has(connection.session)) connection.close(CLOSE.sessionEnded, 'the session has ended')
    await recheck([...new Set(due.map(connection => connection.user))], new Date(now - config.HEARTBEAT_MS - BEHIND_MS))
  }

  /** Planned close: no new sockets or frames, what is being written is finished and acknowledged, then `bye` and 1012. */
  fastify.addHook('preClose', async () => {
    closing = true
    clearInterval(heartbeat)
    const connections = [...all()]
    for (const { ws } of connections) ws.pause()
    await Promise.all([fastify.messageLog.drain(), ...connections.map(connection => connection.sending)])
    const gone = Promise.all(connections.map(async ({ ws }) => await once(ws, 'close')))
    for (const connection of connections) {
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
