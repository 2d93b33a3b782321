/** Every frame that the server may send. Clients ignore frames of a type that they do not know. */
import { Type, type Static } from '@sinclair/typebox'
import { ERROR_CODES, MESSAGE_CHARS } from './constants.js'
import { Change, ChangeFrame } from './changes.js'
import { Message } from './message.js'
import {
  ClientId, ConversationId, GroupName, Moment, ObjectIdString, OtherIdString, Rev, Seq, annotated
} from './values.js'

export const HelloFrame = Type.Object({
  type: Type.Literal('hello'),
  user: ObjectIdString,
  session: Type.String({
    description: "the session's id, as /api/v1/user/sessions lists it",
    examples: ['ab'.repeat(32)]
  }),
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
}, { title: 'hello', description: 'The first frame: everything for this user after it is sent.' })
export type HelloFrame = Static<typeof HelloFrame>

export const AckFrame = Type.Object({
  type: Type.Literal('ack'),
  clientId: ClientId,
  message: Type.Optional(Message),
  change: Type.Optional(Change)
}, {
  title: 'ack',
  description: 'The message or change is stored durably. Acks of new ones keep the order of the ' +
    'conversation. A change without effect is answered with the present message.'
})
export type AckFrame = Static<typeof AckFrame>

export const MessageFrame = Type.Object({
  type: Type.Literal('message'),
  message: Message
}, { title: 'message', description: 'The next message of a conversation.' })
export type MessageFrame = Static<typeof MessageFrame>

const ConversationState = Type.Object({
  id: ConversationId,
  kind: Type.Union([Type.Literal('direct'), Type.Literal('group')], { examples: ['direct'] }),
  user: Type.Optional(OtherIdString),
  name: Type.Optional(annotated(GroupName, { examples: undefined })),
  lastSeq: Seq,
  lastRev: Rev,
  read: Seq,
  delivered: Seq
})
/**
 * A conversation in `resumed`: the other member or the name of the group, the last numbers, and the user's
 * own marks.
 */
export type ConversationState = Static<typeof ConversationState>

export const ResumedFrame = Type.Object({
  type: Type.Literal('resumed'),
  conversations: Type.Array(ConversationState)
}, {
  title: 'resumed',
  description: 'All messages that a `resume` asked for were sent. With the 50 most recent conversations: ' +
    "the other member or the group's name, the last numbers, and the user's own marks."
})
export type ResumedFrame = Static<typeof ResumedFrame>

export const ResetFrame = Type.Object({
  type: Type.Literal('reset'),
  conversation: ConversationId,
  lastSeq: Seq,
  lastRev: Rev
}, {
  title: 'reset',
  description: 'Too much is missing: what is live continues after lastRev; page the rest over HTTP.'
})
export type ResetFrame = Static<typeof ResetFrame>

export const ReceiptFrame = Type.Object({
  type: Type.Literal('receipt'),
  conversation: ConversationId,
  user: OtherIdString,
  delivered: Seq,
  read: Seq
}, { title: 'receipt', description: 'The stored marks of a member.' })
export type ReceiptFrame = Static<typeof ReceiptFrame>

export const TypingNotice = Type.Object({
  type: Type.Literal('typing'),
  user: OtherIdString,
  conversation: ConversationId,
  on: Type.Boolean()
}, { title: 'typing', description: 'The other member types, or stopped.' })
export type TypingNotice = Static<typeof TypingNotice>

export const PresenceFrame = Type.Object({
  type: Type.Literal('presence'),
  user: OtherIdString,
  online: Type.Boolean(),
  lastSeen: Type.Optional(annotated(Moment, {
    description: 'when the last device left; absent if the user is online or was never seen'
  }))
}, { title: 'presence', description: 'A watched user came or went.' })
export type PresenceFrame = Static<typeof PresenceFrame>

export const ErrorFrame = Type.Object({
  type: Type.Literal('error'),
  code: Type.String({ description: ERROR_CODES.join(', '), examples: ['invalid'] }),
  message: Type.String({ examples: ['Too Many Requests: too many frames'] }),
  path: Type.Optional(Type.String({ description: 'the field that the error is about' })),
  clientId: Type.Optional(Type.String({
    description: 'of the `send` that failed',
    examples: ClientId.examples as string[]
  })),
  retryAfterMs: Type.Optional(Type.Integer({ examples: [50] }))
}, { title: 'error', description: 'A frame was refused; the socket stays open.' })
export type ErrorFrame = Static<typeof ErrorFrame>

export const ByeFrame = Type.Object({
  type: Type.Literal('bye'),
  retryAfterMs: Type.Integer({ examples: [1_500] })
}, { title: 'bye', description: 'A planned close follows; come back after retryAfterMs.' })
export type ByeFrame = Static<typeof ByeFrame>

export const PongFrame = Type.Object({
  type: Type.Literal('pong')
}, { title: 'pong', description: 'The answer to `ping`.' })
export type PongFrame = Static<typeof PongFrame>

/** What the server may send, by `type`. */
export const SERVER_FRAMES = {
  hello: HelloFrame,
  ack: AckFrame,
  message: MessageFrame,
  change: ChangeFrame,
  resumed: ResumedFrame,
  reset: ResetFrame,
  receipt: ReceiptFrame,
  typing: TypingNotice,
  presence: PresenceFrame,
  error: ErrorFrame,
  bye: ByeFrame,
  pong: PongFrame
} as const
export type ServerFrame =
  HelloFrame | AckFrame | MessageFrame | ChangeFrame | ResumedFrame | ResetFrame | ReceiptFrame |
  TypingNotice | PresenceFrame | ErrorFrame | ByeFrame | PongFrame
