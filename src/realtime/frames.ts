/**
 * Every frame of the WebSocket protocol `chat.v1` (docs/realtime.md), for validation, for /docs/asyncapi.json and as types.
 * Frames are never coerced; unknown properties are ignored.
 */
import { Type, type Static } from '@sinclair/typebox'
import { ERROR_CODES } from '../http/errors.js'
import { ClientId, ClientTime, ConversationId, ObjectIdString, OtherIdString, Seq } from '../http/schemas.js'
import { Message, MESSAGE_CHARS, MessageText } from '../chat/schemas/messages.js'

/** The subprotocol of the WebSocket handshake (RFC 6455, 1.9). */
export const SUBPROTOCOL = 'chat.v1'

/** Users that one socket may watch: a screen of contacts; each costs a look-up and a line in a map. */
export const MAX_WATCHED = 200

export const SendFrame = Type.Object({
  type: Type.Literal('send'),
  clientId: ClientId,
  reciver: OtherIdString,
  message: MessageText,
  createdAt: Type.Optional(ClientTime)
}, { title: 'send', description: 'Sends a message; answered by `ack` once it is stored durably, or by `error` with the clientId.' })
export type SendFrame = Static<typeof SendFrame>

export const ResumeFrame = Type.Object({
  type: Type.Literal('resume'),
  have: Type.Record(Type.String({ pattern: ConversationId.pattern! }), Seq, {
    additionalProperties: false,
    description: 'conversation -> the highest number that the client has without a gap',
    examples: [{ [(ConversationId.examples as string[])[0]!]: 3 }]
  })
}, { title: 'resume', description: 'Restarts conversations at the given numbers: every later message follows, ascending, then one `resumed`.' })
export type ResumeFrame = Static<typeof ResumeFrame>

const mark = { conversation: ConversationId, seq: Seq }
export const DeliveredFrame = Type.Object({ type: Type.Literal('delivered'), ...mark }, { title: 'delivered', description: 'Everything up to `seq` has arrived here.' })
export type DeliveredFrame = Static<typeof DeliveredFrame>
export const ReadFrame = Type.Object({ type: Type.Literal('read'), ...mark }, { title: 'read', description: 'Everything up to `seq` was read; implies delivered.' })
export type ReadFrame = Static<typeof ReadFrame>

export const TypingFrame = Type.Object({
  type: Type.Literal('typing'), reciver: OtherIdString, on: Type.Boolean()
}, { title: 'typing', description: 'Forwarded, never stored; ends by itself.' })
export type TypingFrame = Static<typeof TypingFrame>

export const WatchFrame = Type.Object({
  type: Type.Literal('watch'), users: Type.Array(OtherIdString, { maxItems: MAX_WATCHED })
}, { title: 'watch', description: 'Replaces the list of watched users; answered by `presence` of each, now and at each change.' })
export type WatchFrame = Static<typeof WatchFrame>

export const PingFrame = Type.Object({ type: Type.Literal('ping') }, { title: 'ping', description: 'Answered by `pong`.' })
export type PingFrame = Static<typeof PingFrame>

/** What a client may send, by `type`. */
export const CLIENT_FRAMES = {
  send: SendFrame, resume: ResumeFrame, delivered: DeliveredFrame, read: ReadFrame, typing: TypingFrame, watch: WatchFrame, ping: PingFrame
} as const
export type ClientFrame = SendFrame | ResumeFrame | DeliveredFrame | ReadFrame | TypingFrame | WatchFrame | PingFrame

const Moment = Type.String({ format: 'date-time', examples: ['2024-01-31T12:00:00.000Z'] })

export const HelloFrame = Type.Object({
  type: Type.Literal('hello'),
  user: ObjectIdString,
  session: Type.String({ description: "the session's id, as /api/v1/user/sessions lists it", examples: ['ab'.repeat(32)] }),
  heartbeatMs: Type.Integer({ examples: [25_000] }),
  limits: Type.Object({
    frameBytes: Type.Integer({ examples: [131_072] }),
    messageChars: Type.Integer({ examples: [MESSAGE_CHARS] }),
    ratePerSecond: Type.Integer({ description: '0: no limit', examples: [20] }),
    resumeConversations: Type.Optional(Type.Integer({
      description: 'conversations that one `resume` may name; older servers do not announce it',
      examples: [2_500]
    }))
  }),
  now: Moment
}, { title: 'hello', description: 'The first frame: from here on nothing for this user is missed.' })
export type HelloFrame = Static<typeof HelloFrame>

export const AckFrame = Type.Object({
  type: Type.Literal('ack'), clientId: ClientId, message: Message
}, { title: 'ack', description: 'The message is stored durably. That of a new message takes its place in the order of its conversation.' })
export type AckFrame = Static<typeof AckFrame>

export const MessageFrame = Type.Object({ type: Type.Literal('message'), message: Message }, { title: 'message', description: 'The next message of a conversation.' })
export type MessageFrame = Static<typeof MessageFrame>

export const ResumedFrame = Type.Object({
  type: Type.Literal('resumed'),
  conversations: Type.Array(Type.Object({
    id: ConversationId, user: OtherIdString, lastSeq: Seq, read: Seq, delivered: Seq
  }))
}, { title: 'resumed', description: "All that a `resume` asked for was sent. With the 50 most recent conversations: the other member, the last number, and one's own marks." })
export type ResumedFrame = Static<typeof ResumedFrame>

export const ResetFrame = Type.Object({
  type: Type.Literal('reset'), conversation: ConversationId, lastSeq: Seq
}, { title: 'reset', description: 'Too many are missing: live goes on after lastSeq, the client pages the rest over HTTP.' })
export type ResetFrame = Static<typeof ResetFrame>

export const ReceiptFrame = Type.Object({
  type: Type.Literal('receipt'), conversation: ConversationId, user: OtherIdString, delivered: Seq, read: Seq
}, { title: 'receipt', description: "A member's marks, now stored." })
export type ReceiptFrame = Static<typeof ReceiptFrame>

export const TypingNotice = Type.Object({
  type: Type.Literal('typing'), user: OtherIdString, on: Type.Boolean()
}, { title: 'typing', description: 'The other member types, or stopped.' })
export type TypingNotice = Static<typeof TypingNotice>

export const PresenceFrame = Type.Object({
  type: Type.Literal('presence'),
  user: OtherIdString,
  online: Type.Boolean(),
  lastSeen: Type.Optional(Type.String({ ...Moment, description: 'when the last device left; absent if never seen or online' }))
}, { title: 'presence', description: 'A watched user came or went.' })
export type PresenceFrame = Static<typeof PresenceFrame>

export const ErrorFrame = Type.Object({
  type: Type.Literal('error'),
  code: Type.String({ description: ERROR_CODES.join(', '), examples: ['invalid'] }),
  message: Type.String({ examples: ['Too Many Requests: too many frames'] }),
  path: Type.Optional(Type.String({ description: 'the field it is about' })),
  clientId: Type.Optional(Type.String({ description: 'of the `send` that failed', examples: ClientId.examples as string[] })),
  retryAfterMs: Type.Optional(Type.Integer({ examples: [50] }))
}, { title: 'error', description: 'A frame was refused; the socket lives on.' })
export type ErrorFrame = Static<typeof ErrorFrame>

export const ByeFrame = Type.Object({
  type: Type.Literal('bye'), retryAfterMs: Type.Integer({ examples: [1_500] })
}, { title: 'bye', description: 'A planned close follows; come back after retryAfterMs.' })
export type ByeFrame = Static<typeof ByeFrame>

export const PongFrame = Type.Object({ type: Type.Literal('pong') }, { title: 'pong', description: 'The answer to `ping`.' })
export type PongFrame = Static<typeof PongFrame>

/** What the server may send, by `type`. */
export const SERVER_FRAMES = {
  hello: HelloFrame,
  ack: AckFrame,
  message: MessageFrame,
  resumed: ResumedFrame,
  reset: ResetFrame,
  receipt: ReceiptFrame,
  typing: TypingNotice,
  presence: PresenceFrame,
  error: ErrorFrame,
  bye: ByeFrame,
  pong: PongFrame
} as const
export type ServerFrame = HelloFrame | AckFrame | MessageFrame | ResumedFrame | ResetFrame | ReceiptFrame | TypingNotice |
  PresenceFrame | ErrorFrame | ByeFrame | PongFrame

/** WebSocket closing codes of our own (RFC 6455, 7.4.2: 4000-4999 are for private use). Clients don't reconnect by themselves after 4400, 4401 and 4409. */
export const CLOSE = {
  /** RFC 6455: text only */
  unsupportedData: 1003,
  /** going on elsewhere: the server restarts (IANA registry of close codes) */
  serviceRestart: 1012,
  malformed: 4400,
  sessionEnded: 4401,
  slowReader: 4408,
  tooManySockets: 4409,
  rateLimited: 4429
} as const
