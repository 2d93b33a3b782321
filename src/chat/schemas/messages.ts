import { Type, type Static } from '@sinclair/typebox'
import { ClientId, ClientTime, ConversationId, ObjectIdString, OtherIdString, PageLimit, Seq, Text } from '../../http/schemas.js'

/** Code points. 10,000 are about four pages: enough for a chat, and 40 KB at most in UTF-8. */
export const MESSAGE_CHARS = 10_000

export const MessageText = Text({
  minLength: 1,
  maxLength: MESSAGE_CHARS,
  pattern: '\\S',
  description: '1 to 10,000 code points, not only white space',
  examples: ['Hello 👋🏽 from 🇧🇩 👨‍👩‍👧‍👦']
})

export const Message = Type.Object({
  _id: ObjectIdString,
  conversation: ConversationId,
  seq: Type.Integer({ minimum: 1, description: '1, 2, 3 … in its conversation, without a gap', examples: [3] }),
  message: Type.String({ examples: MessageText.examples as string[] }),
  sender: ObjectIdString,
  reciver: OtherIdString,
  createdAt: Type.String({ description: "the sender's time if it gave one, else the server's; the order is by seq", examples: ['2024-01-31T12:00:00.000Z'] }),
  clientId: Type.Optional(ClientId)
}, { $id: 'Message', title: 'Message' })
export type Message = Static<typeof Message>

export const AddMsgBody = Type.Object({
  message: MessageText,
  sender: ObjectIdString,
  reciver: OtherIdString,
  createdAt: Type.Optional(ClientTime),
  clientId: Type.Optional(ClientId)
})
export type AddMsgBody = Static<typeof AddMsgBody>

export const AddMsgReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Message sent successfully'),
  data: Type.Ref('Message')
})

const Members = {
  sender: Type.Optional(ObjectIdString),
  reciver: Type.Optional(OtherIdString)
}

/** The original documents a GET with a body; an empty body is null here and counts as none. */
export const GetAllMessagesBody = Type.Unsafe<{ sender?: string, reciver?: string } | null>({
  type: ['object', 'null'],
  description: 'The same as in the query, for clients that can send a GET with a body; browsers cannot.',
  properties: Members
})

export const GetAllMessagesQuery = Type.Object({
  ...Members,
  after: Type.Optional({ ...Seq, description: 'the messages numbered above this one, ascending' }),
  before: Type.Optional({ ...Seq, description: 'the messages just below this one, oldest of them first' }),
  limit: Type.Optional(PageLimit)
}, { additionalProperties: false })
export type GetAllMessagesQuery = Static<typeof GetAllMessagesQuery>

export const GetAllMessagesReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Message sent successfully'),
  data: Type.Array(Type.Ref('Message')),
  hasMore: Type.Boolean()
})
