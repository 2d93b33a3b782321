import type { RawData, WebSocket } from 'ws'
import { CLOSE } from 'chat-protocol'
import type { App } from '../src/app.js'
import { requireUser } from '../src/accounts/known-accounts.js'
import type { Caller, Sessions } from '../src/accounts/sessions.js'
import { apiError } from '../src/errors.js'
import type { Connection } from '../src/realtime/connection.js'
import { FrameHandlers } from '../src/realtime/frame-handlers.js'
import { FrameLimiter } from '../src/realtime/frame-limiter.js'
import { FrameReader } from '../src/realtime/frame-reader.js'

/** Seconds after which a refused socket should be tried again: others may be closed by then. */
const FULL_RETRY_SECONDS = 5

/** GET /ws: the WebSocket protocol chat.v1 (docs/realtime.md). */
export default async function ws (fastify: App) {
  const { realtime } = fastify
  const open = opener(fastify)

  fastify.route({
    method: 'GET',
    url: '/ws',
    handler: async () => { throw apiError('notFound', 'open a WebSocket here (docs/realtime.md)') },
    preValidation: async () => {
      if (realtime.accepting) return
      const retryAfter = FULL_RETRY_SECONDS
      throw apiError('unavailable', 'no more sockets can be opened now', '', { retryAfter })
    },
    wsHandler (ws: WebSocket, request) {
      const connection = open(ws, request.caller)
      closeIfEnded(fastify.sessions, connection).catch((error: unknown) => {
        request.log.warn({ err: error }, 'session could not be checked again')
      })
    }
  })
}

/** Gives the function that opens a socket and reads its frames, from the same turn on: no frame is missed. */
function opener (fastify: App): (ws: WebSocket, caller: Caller) => Connection {
  const { realtime, membership, conversationLog, conversations } = fastify
  const { accounts, blocks, chat, presence, config, log } = fastify
  const limits = { framesPerSecond: config.FRAME_RATE, resumeConversations: config.RESUME_CONVERSATIONS }
  const handlers = new FrameHandlers({
    membership,
    log: conversationLog,
    sending: chat.sending,
    changes: chat.changes,
    blocks,
    conversations,
    requireUser: (user, path) => requireUser(accounts, user, path),
    presence
  })

  return function open (ws, caller) {
    const connection = realtime.open(ws, caller)
    const limiter = new FrameLimiter(limits, fastify.limits.frames.of(connection.user))
    const reader = new FrameReader(connection, limiter, handlers, log)
    ws.on('message', (data: RawData, isBinary: boolean) => {
      if (connection.closed) return
      if (isBinary) {
        connection.close(CLOSE.unsupportedData, 'text frames only')
        return
      }
      // ws gives Buffers unless its binaryType is changed.
      const taken = reader.take(data as Buffer)
      if (reader.full) ws.pause()
      taken.finally(() => {
        if (!reader.full && ws.isPaused && !realtime.closing) ws.resume()
      })
    })
    return connection
  }
}

/** Closes a socket whose session ended between its check and its entry in the map. */
async function closeIfEnded (sessions: Pick<Sessions, 'openAmong'>, connection: Connection): Promise<void> {
  const { session } = connection
  const open = await sessions.openAmong([session])
  if (!open.has(session)) connection.close(CLOSE.sessionEnded, 'the session has ended')
}
