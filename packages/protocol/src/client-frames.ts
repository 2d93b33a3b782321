/** Every frame that a client may send. Frames are never coerced; unknown properties are ignored. */
import { Type, type Static } from '@sinclair/typebox'
import { CONVERSATION_ID_PATTERN, MAX_WATCHED } from './constants.js'
import { MessageText } from './message.js'
import { ClientId, ClientTime, ConversationId, Emoji, OtherIdString, Rev, Seq, annotated } from './values.js'

const SeqOfMessage = annotated(Seq, {
  minimum: 1,
  description: 'the number of a message of this conversation',
  examples: [1]
})

/** Exactly one of the two: src/realtime/frame-parser.ts of the server checks it. */
const target = {
  reciver: Type.Optional(OtherIdString),
  conversation: Type.Optional(annotated(ConversationId, { examples: undefined }))
}

export const SendFrame = Type.Object({
  type: Type.Literal('send'),
  clientId: ClientId,
  ...target,
  message: MessageText,
  createdAt: Type.Optional(ClientTime),
  replyTo: Type.Optional(annotated(SeqOfMessage, { examples: undefined }))
}, {
  title: 'send',
  description: 'Sends a message to a user or a conversation; answered by `ack` once it is stored durably, ' +
    'or by `error` with clientId.'
})
export type SendFrame = Static<typeof SendFrame>

const change = { clientId: ClientId, conversation: ConversationId, seq: SeqOfMessage }

export const EditFrame = Type.Object({
  type: Type.Literal('edit'),
  ...change,
  message: MessageText
}, { title: 'edit', description: 'Replaces the text of an own message; answered by `ack` or `error`.' })
export type EditFrame = Static<typeof EditFrame>

export const DeleteFrame = Type.Object({
  type: Type.Literal('delete'),
  ...change
}, { title: 'delete', description: 'Deletes a message for all members; answered by `ack` or `error`.' })
export type DeleteFrame = Static<typeof DeleteFrame>

export const ReactFrame = Type.Object({
  type: Type.Literal('react'),
  ...change,
  emoji: Emoji,
  on: Type.Boolean()
}, {
  title: 'react',
  description: 'Adds a reaction to a message, or takes it back; answered by `ack` or `error`.'
})
export type ReactFrame = Static<typeof ReactFrame>

export const ResumeFrame = Type.Object({
  type: Type.Literal('resume'),
  have: Type.Record(Type.String({ pattern: CONVERSATION_ID_PATTERN }), Rev, {
    additionalProperties: false,
    description: 'conversation -> the highest rev that the client has without a gap',
    examples: [{ [(ConversationId.examples as string[])[0]!]: 3 }]
  })
}, {
  title: 'resume',
  description: 'Restarts conversations at the given numbers: every later message and change follows, ' +
    'ascending, then one `resumed`.'
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
  ...target,
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
  edit: EditFrame,
  delete: DeleteFrame,
  react: ReactFrame,
  resume: ResumeFrame,
  delivered: DeliveredFrame,
  read: ReadFrame,
  typing: TypingFrame,
  watch: WatchFrame,
  ping: PingFrame
} as const
export type ClientFrame =
  SendFrame | EditFrame | DeleteFrame | ReactFrame | ResumeFrame | DeliveredFrame | ReadFrame |
  TypingFrame | WatchFrame | PingFrame
