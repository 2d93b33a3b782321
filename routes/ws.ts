import type { RawData, WebSocket } from 'ws'
import type { App } from '../src/app.js'
import { apiError, toApiError } from '../src/errors.js'
import { conversationId, otherMember } from '../src/messages.js'
import type { Connection } from '../src/realtime/connection.js'
import { CLIENT_FRAMES, CLOSE, type ClientFrame } from '../src/schemas/frames.js'
import { compileFrame, frameError } from '../src/validation.js'
import { markOf } from '../src/summaries.js'

/** Conversations that `resumed` tells of. */
const RECENT = 50
/** Sends of one socket that wait for the database; above it the socket is not read until they are stored. */
const MAX_IN_FLIGHT = 256
/** After a full house: sockets of others may have gone by then. */
const FULL_RETRY_SECONDS = 5

type FrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

/** GET /ws: the WebSocket protocol chat.v1 (docs/realtime.md). */
export default async function ws (fastify: App) {
  const { realtime, messageLog, conversations, accounts, presence } = fastify
  const validators = Object.fromEntries(Object.entries(CLIENT_FRAMES).map(([type, schema]) => [type, compileFrame(schema)]))

  const handlers: { [T in ClientFrame['type']]: (connection: Connection, frame: FrameOf<T>) => void | Promise<void> } = {
    async send (connection, { clientId, reciver, message, createdAt }) {
      const conversation = conversationId(connection.user, reciver)
      const admission = messageLog.admit(message)
      connection.expectAck(conversation, clientId)
      try {
        // One after the other as far as the log, so that they are numbered in the order of their frames.
        const appended = connection.sending.then(async () => {
          const exists = await admission.within(accounts.exists(reciver))
          if (!exists) throw apiError('notFound', 'there is no user with this id', 'reciver')
          const given = createdAt === undefined ? {} : { createdAt }
          const input = { sender: connection.user, reciver, message, clientId, ...given }
          return { outcome: messageLog.append(input, admission) }
        })
        connection.sending = appended.catch(() => {})
        const { message: stored, repeat } = await (await appended).outcome
        connection.stored(stored, clientId, repeat)
      } catch (error) {
        connection.forget(conversation, clientId)
        throw error
      } finally {
        admission.leave()
      }
    },

    async resume (connection, { have }) {
      const entries = Object.entries(have)
      for (const [conversation] of entries) {
        if (otherMember(conversation, connection.user) === undefined) throw apiError('forbidden', 'this is a conversation of others', `have.${conversation}`)
      }
      // In this very turn: from here on nothing of these conversations goes out but from where they resume.
      const caughtUp = Promise.all(entries.map(([conversation, seq]) => realtime.resume(connection, conversation, seq)))
      const work = connection.resuming.then(async () => {
        await caughtUp
        const recent = await conversations.page(connection.user, undefined, RECENT)
        connection.send({
          type: 'resumed',
          conversations: recent.map(document => ({
            id: document._id, user: otherMember(document._id, connection.user)!, lastSeq: document.lastSeq, ...markOf(document, connection.user)
          }))
        })
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

    async watch (connection, { users }) { await presence.watch(connection, users) },

    ping (connection) { connection.send({ type: 'pong' }) }
  }

  async function mark (connection: Connection, conversation: string, kind: 'delivered' | 'read', seq: number): Promise<void> {
    if (otherMember(conversation, connection.user) === undefined) throw apiError('forbidden', 'this is a conversation of others', 'conversation')
    await conversations.mark(conversation, connection.user, kind, seq, connection.id)
  }

  function refuse (connection: Connection, error: unknown, clientId?: string): void {
    const { kind, code, message, errorMessages: [first], retryAfter, cause } = toApiError(error)
    if (kind === 'internal') fastify.log.error({ err: cause ?? error }, 'frame failed')
    connection.send({
      type: 'error',
      code,
      message,
      ...(first !== undefined && first.path !== '' ? { path: first.path } : {}),
      ...(clientId === undefined ? {} : { clientId }),
      ...(retryAfter === undefined ? {} : { retryAfterMs: Math.ceil(retryAfter * 1000) })
    })
  }

  /** Parses and validates; throws what the client gets as an `error` frame. */
  function parse (data: RawData): ClientFrame {
    let frame: unknown
    try {
      frame = JSON.parse(data.toString())
    } catch {
      throw apiError('validation', 'the frame is no JSON')
    }
    const type = typeof frame === 'object' && frame !== null && 'type' in frame ? frame.type : undefined
    if (typeof type !== 'string' || !Object.hasOwn(CLIENT_FRAMES, type)) throw apiError('validation', `type must be one of ${Object.keys(CLIENT_FRAMES).join(', ')}`, 'type')
    const validate = validators[type]!
    if (!validate(frame)) throw frameError(validate.errors ?? [])
    return frame as ClientFrame
  }

  /** Every frame is handled inside one try: a throw in a listener would end the process. */
  async function handle (connection: Connection, data: RawData): Promise<void> {
    const wait = connection.takeToken()
    if (connection.closed) return
    let clientId: string | undefined
    try {
      if (wait > 0) {
        clientId = clientIdOf(data)
        throw apiError('tooManyRequests', 'too many frames', '', { retryAfter: wait / 1000 })
      }
      let frame: ClientFrame
      try {
        frame = parse(data)
        connection.countFrame(true)
      } catch (error) {
        clientId = clientIdOf(data)
        refuse(connection, error, clientId)
        connection.countFrame(false)
        return
      }
      if (frame.type === 'send') clientId = frame.clientId
      await (handlers[frame.type] as (connection: Connection, frame: ClientFrame) => void | Promise<void>)(connection, frame)
    } catch (error) {
      refuse(connection, error, clientId)
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
      let inFlight = 0
      // Attached in the same turn as the socket was opened: no frame is missed.
      ws.on('message', (data, isBinary) => {
        if (connection.closed) return
        if (isBinary) {
          connection.close(CLOSE.unsupportedData, 'text frames only')
          return
        }
        if (++inFlight >= MAX_IN_FLIGHT) ws.pause()
        handle(connection, data).finally(() => { if (--inFlight < MAX_IN_FLIGHT && ws.isPaused && !realtime.closing) ws.resume() })
      })
      // The session may have ended between its check and its entry in the map.
      fastify.sessions.openAmong([connection.session]).then(
        open => { if (!open.has(connection.session)) connection.close(CLOSE.sessionEnded, 'the session has ended') },
        error => { request.log.warn({ err: error }, 'session could not be checked again') })
    }
  })
}

/** The clientId of a `send` that was refused unread, so that the client knows which. */
function clientIdOf (data: RawData): string | undefined {
  try {
    const { clientId } = JSON.parse(data.toString())
    return typeof clientId === 'string' && clientId.length <= 36 ? clientId : undefined
  } catch {
    return undefined
  }
}
