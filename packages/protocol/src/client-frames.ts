/** Every frame that a client may send. Frames are never coerced; unknown properties are ignored. */
import { Type, type Static } from '@sinclair/typebox'
import { CONVERSATION_ID_PATTERN, MAX_WATCHED } from './constants.js'
import { MessageText } from './message.js'
import { ClientId, ClientTime, ConversationId, OtherIdString, Seq } from './values.js'

export const SendFrame = Type.Object({
  type: Type.Literal('send'),
  clientId: ClientId,
  reciver: OtherIdString,
  message: MessageText,
  createdAt: Type.Optional(ClientTime)
}, {
  title: 'send',
  description: 'Sends a message; answered by `ack` once it is stored durably, or by `error` with clientId.'
})
export type SendFrame = Static<typeof SendFrame>

export const ResumeFrame = Type.Object({
  type: Type.Literal('resume'),
  have: Type.Record(Type.String({ pattern: CONVERSATION_ID_PATTERN }), Seq, {
    additionalProperties: false,
    description: 'conversation -> the highest number that the client has without a gap',
    examples: [{ [(ConversationId.examples as string[])[0]!]: 3 }]
  })
}, {
  title: 'resume',
  description: 'Restarts conversations at the given numbers: every later message follows, ascending, ' +
    'then one `resumed`.'
})
export type ResumeFrame = Static<typeof ResumeFrame>

const mark = { conversation: ConversationId, seq: Seq }

export const DeliveredFrame = Type.Object({
  type: Type.Literal('delivered'),
  ...mark
}, { title: 'delivered', description: 'Everything up to `seq` has arrived here.' })
export type DeliveredFrame = Static<typeof DeliveredFrame>

export const ReadFrame = Type.Object({
  type: Type.Literal('read'),
  ...mark
}, { title: 'read', description: 'Everything up to `seq` was read; implies delivered.' })
export type ReadFrame = Static<typeof ReadFrame>

export const TypingFrame = Type.Object({
  type: Type.Literal('typing'),
  reciver: OtherIdString,
  on: Type.Boolean()
}, { title: 'typing', description: 'Forwarded, never stored; ends automatically.' })
export type TypingFrame = Static<typeof TypingFrame>

export const WatchFrame = Type.Object({
  type: Type.Literal('watch'),
  users: Type.Array(OtherIdString, { maxItems: MAX_WATCHED })
}, {
  title: 'watch',
  description: 'Replaces the list of watched users; answered by `presence` of each, now and at each change.'
})
export type WatchFrame = Static<typeof WatchFrame>

export const PingFrame = Type.Object({
  type: Type.Literal('ping')
}, { title: 'ping', description: 'Answered by `pong`.' })
export type PingFrame = Static<typeof PingFrame>

/** What a client may send, by `type`. */
export const CLIENT_FRAMES = {
  send: SendFrame,
  resume: ResumeFrame,
  delivered: DeliveredFrame,
  read: ReadFrame,
  typing: TypingFrame,
  watch: WatchFrame,
  ping: PingFrame
} as const
export type ClientFrame =
  SendFrame | ResumeFrame | DeliveredFrame | ReadFrame | TypingFrame | WatchFrame | PingFrame
