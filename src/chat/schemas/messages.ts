import { Type, type Static } from '@sinclair/typebox'
import { ClientId, ClientTime, MessageText, ObjectIdString, OtherIdString, Seq } from 'chat-protocol/schemas'
import { PageLimit } from '../../lists.js'

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
