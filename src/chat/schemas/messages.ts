import { Type, type Static } from '@sinclair/typebox'
import {
  ChangeFrame, ClientId, ClientTime, ConversationId, Emoji, MessageFrame, MessageText, ObjectIdString,
  OtherIdString, Rev, Seq
} from 'chat-protocol/schemas'
import { PageLimit } from '../../lists.js'
import { replyWith } from './reply.js'

/** Without an example: those of the documents are run, and a new conversation has no message yet. */
const ReplyTo = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'the seq of the message that this one answers'
})

export const AddMsgBody = Type.Object({
  message: MessageText,
  sender: ObjectIdString,
  reciver: OtherIdString,
  createdAt: Type.Optional(ClientTime),
  clientId: Type.Optional(ClientId),
  replyTo: Type.Optional(ReplyTo)
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

/** Parameters of a path are not coerced: digits, without a sign or leading zeros. */
const MessageNumber = Type.String({
  pattern: '^[1-9][0-9]{0,14}$',
  description: 'the seq of a message',
  examples: ['1']
})

export const ConversationPageQuery = Type.Object({
  after: Type.Optional({ ...Seq, description: 'the messages numbered above this one, ascending' }),
  before: Type.Optional({ ...Seq, description: 'the messages just below this one, oldest of them first' }),
  limit: Type.Optional(PageLimit)
}, { additionalProperties: false })

export const ConversationPageReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Messages retrieved'),
  data: Type.Array(Type.Ref('Message')),
  hasMore: Type.Boolean()
})

export const ChangesQuery = Type.Object({
  after: Type.Optional({ ...Rev, description: 'the entries above this rev, ascending; 0 by default' }),
  limit: Type.Optional(PageLimit)
}, { additionalProperties: false })

export const ChangesReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Changes retrieved'),
  data: Type.Array(Type.Union([MessageFrame, ChangeFrame])),
  hasMore: Type.Boolean()
})

export const NewMessageBody = Type.Object({
  message: MessageText,
  createdAt: Type.Optional(ClientTime),
  clientId: Type.Optional(ClientId),
  replyTo: Type.Optional(ReplyTo)
})

export const MessageParams = Type.Object({ id: ConversationId, seq: MessageNumber })
export const ReactionParams = Type.Object({ id: ConversationId, seq: MessageNumber, emoji: Emoji })
export const EditBody = Type.Object({ message: MessageText, clientId: Type.Optional(ClientId) })

export const MessageSentReply = replyWith('Message sent', Type.Ref('Message'))
export const MessageEditedReply = replyWith('Message edited', Type.Ref('Message'))
export const MessageDeletedReply = replyWith('Message deleted', Type.Ref('Message'))
export const ReactionAddedReply = replyWith('Reaction added', Type.Ref('Message'))
export const ReactionRemovedReply = replyWith('Reaction removed', Type.Ref('Message'))
