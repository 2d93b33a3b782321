import type { WebSocket } from 'ws'
import type { App } from '../src/app.js'
import { apiError, toApiError } from '../src/http/errors.js'
import { FairSemaphore } from '../src/concurrency/fair-semaphore.js'
import { FrameLimiter, pathOf } from '../src/realtime/frame-limiter.js'
import type { Connection } from '../src/realtime/connection.js'
import { checkFrame, clientIdOf, parseFrame } from '../src/realtime/frame-parser.js'
import { glance } from '../src/realtime/glance.js'
import { markOf } from '../src/chat/conversations-repository.js'
import { CLOSE, conversationOf, type ClientFrame } from 'chat-protocol'

/** Conversations that `resumed` tells of. */
const RECENT = 50
/**
 * Lists that are read for sockets at the same time: the recent conversations of a resume, and watched users.
 * Each takes up to 50 look-ups, and messages to be stored need the database too.
 */
const LISTS_AT_ONCE = 4
/** After a full house: sockets of others may have gone by then. */
const FULL_RETRY_SECONDS = 5

type FrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>
type Handler<F extends ClientFrame> = (connection: Connection, frame: F) => void | Promise<void>

/** What an error frame names beside the error, where that is known. */
interface About {
  clientId?: string | undefined
  /** The field, where the error itself names none. */
  path?: string
}

/** GET /ws: the WebSocket protocol chat.v1 (docs/realtime.md). */
export default async function ws (fastify: App) {
  const { membership, realtime, messageLog, conversations, accounts, presence, config } = fastify
  const limits = {
    framesPerSecond: config.FRAME_RATE,
    resumeConversations: config.RESUME_CONVERSATIONS
  }
  const refusal = () => apiError('unavailable', 'the server is busy')
  const lists = new FairSemaphore({ places: LISTS_AT_ONCE, refusal })

  const handlers: { [T in ClientFrame['type']]: Handler<FrameOf<T>> } = {
    async send (connection, { clientId, reciver, message, createdAt }) {
      const conversation = conversationOf(connection.user, reciver)
      const reservation = messageLog.reserve(message)
      const expected = connection.expectAck(conversation, clientId)
      try {
        // One after the other as far as the log, so that they are numbered in the order of their frames.
        const appended = connection.sending.then(async () => {
          const exists = await reservation.within(accounts.exists(reciver))
          if (!exists) throw apiError('notFound', 'there is no user with this id', 'reciver')
          const given = createdAt === undefined ? {} : { createdAt }
          const input = { sender: connection.user, reciver, message, clientId, ...given }
          return { outcome: messageLog.append(input, reservation) }
        })
        connection.sending = appended.catch(() => {})
        const { message: stored, repeat } = await (await appended).outcome
        connection.stored(expected, stored, repeat)
      } catch (error) {
        connection.forget(expected)
        throw error
      } finally {
        reservation.release()
      }
    },

    async resume (connection, { have }) {
      for (const conversation of Object.keys(have)) {
        const checked = membership.requireMember(conversation, connection.user, `have.${conversation}`)
        // Without an await where the answer is there: direct conversations restart in this very turn.
        if (checked !== undefined) await checked
      }
      // In this very turn: from here on nothing of these conversations goes out but from where they resume.
      const caughtUp = connection.cursors.restart(have)
      const work = connection.resuming.then(async () => {
        await caughtUp
        await lists.run(connection.user, async () => { await tellRecent(connection) })
      })
      connection.resuming = work.catch(() => {})
      await work
    },

    async delivered (connection, { conversation, seq }) { await mark(connection, conversation, 'delivered', seq) },
    async read (connection, { conversation, seq }) { await mark(connection, conversation, 'read', seq) },

    async typing (connection, { reciver, on }) {
      if (!await accounts.exists(reciver)) throw apiError('notFound', 'there is no user with this id', 'reciver')
      presence.typing(connection, reciver, on)
    },

    async watch (connection, { users }) {
      await lists.run(connection.user, async () => {
        if (!connection.closed) await presence.watch(connection, users)
      })
    },

    ping (connection) { connection.send({ type: 'pong' }) }
  }

  async function tellRecent (connection: Connection): Promise<void> {
    if (connection.closed) return
    const recent = await conversations.page(connection.user, undefined, RECENT)
    connection.send({
      type: 'resumed',
      conversations: recent.map(document => ({
        id: document._id,
        user: membership.partner(document._id, connection.user)!,
        lastSeq: document.lastSeq,
        ...markOf(document, connection.user)
      }))
    })
  }

  async function mark (
    connection: Connection, conversation: string, kind: 'delivered' | 'read', seq: number
  ): Promise<void> {
    await membership.requireMember(conversation, connection.user, 'conversation')
    await conversations.mark(conversation, connection.user, kind, seq, connection.id)
  }

  function refuse (connection: Connection, error: unknown, about: About = {}): void {
    const { kind, code, message, errorMessages: [first], retryAfter, cause } = toApiError(error)
    if (kind === 'internal') fastify.log.error({ err: cause ?? error }, 'frame failed')
    const path = first?.path || about.path
    connection.send({
      type: 'error',
      code,
      message,
      ...(path ? { path } : {}),
      ...(about.clientId === undefined ? {} : { clientId: about.clientId }),
      ...(retryAfter === undefined ? {} : { retryAfterMs: Math.ceil(retryAfter * 1000) })
    })
  }

  /** The frame that came, or undefined: then the client got an `error` frame. */
  function read (connection: Connection, limiter: FrameLimiter, data: Buffer): ClientFrame | undefined {
    try {
      limiter.arrive(data.length, Date.now())
    } catch (error) {
      refuseUnread(connection, limiter, data, error)
      return undefined
    }
    let parsed: unknown
    try {
      parsed = parseFrame(data)
      const frame = checkFrame(parsed)
      connection.countFrame(true)
      return frame
    } catch (error) {
      refuse(connection, error, { clientId: clientIdOf(parsed) })
      connection.countFrame(false)
      return undefined
    }
  }

  /** Refuses a frame over the limits without parsing it. */
  function refuseUnread (connection: Connection, limiter: FrameLimiter, data: Buffer, error: unknown): void {
    const { clientId, resume } = glance(data)
    refuse(connection, error, { clientId, path: resume ? pathOf({ type: 'resume' }) : '' })
    closeIfIgnored(connection, limiter)
  }

  function closeIfIgnored (connection: Connection, limiter: FrameLimiter): void {
    if (limiter.ignored) connection.close(CLOSE.rateLimited, 'too many frames')
  }

  /** Every frame is handled inside one try: a throw in a listener would end the process. */
  async function handle (connection: Connection, limiter: FrameLimiter, data: Buffer): Promise<void> {
    const frame = read(connection, limiter, data)
    if (frame === undefined) return
    const handler = handlers[frame.type] as Handler<ClientFrame>
    const about = { clientId: clientIdOf(frame), path: pathOf(frame) }
    try {
      limiter.begin(frame, data.length, Date.now())
    } catch (error) {
      refuse(connection, error, about)
      closeIfIgnored(connection, limiter)
      return
    }
    try {
      await handler(connection, frame)
    } catch (error) {
      refuse(connection, error, about)
    } finally {
      limiter.done(frame)
    }
  }

  fastify.route({
    method: 'GET',
    url: '/ws',
    handler: async () => { throw apiError('notFound', 'open a WebSocket here (docs/realtime.md)') },
    preValidation: async () => {
      if (!realtime.accepting) throw apiError('unavailable', 'no more sockets can be opened now', '', { retryAfter: FULL_RETRY_SECONDS })
    },
    wsHandler (ws: WebSocket, request) {
      const connection = realtime.open(ws, request.caller)
      const limiter = new FrameLimiter(limits, fastify.limits.frames.of(connection.user))
      // Attached in the same turn as the socket was opened: no frame is missed.
      ws.on('message', (data, isBinary) => {
        if (connection.closed) return
        if (isBinary) {
          connection.close(CLOSE.unsupportedData, 'text frames only')
          return
        }
        // ws gives Buffers unless its binaryType is changed.
        const handled = handle(connection, limiter, data as Buffer)
        if (limiter.full) ws.pause()
        handled.finally(() => { if (!limiter.full && ws.isPaused && !realtime.closing) ws.resume() })
      })
      // The session may have ended between its check and its entry in the map.
      fastify.sessions.openAmong([connection.session]).then(
        open => { if (!open.has(connection.session)) connection.close(CLOSE.sessionEnded, 'the session has ended') },
        error => { request.log.warn({ err: error }, 'session could not be checked again') })
    }
  })
}
