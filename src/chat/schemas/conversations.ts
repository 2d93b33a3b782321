import { Type, type Static } from '@sinclair/typebox'
import { ConversationId, Seq, Text } from 'chat-protocol/schemas'
import { PageLimit } from '../../lists.js'

export const Mark = Type.Object({ delivered: Seq, read: Seq }, {
  title: 'Mark',
  description: 'the highest number delivered to a member, and read by it'
})
export type Mark = Static<typeof Mark>

export const Conversation = Type.Object({
  id: ConversationId,
  user: Type.Ref('User'),
  lastSeq: Seq,
  lastMessage: Type.Ref('Message'),
  unread: Type.Integer({ minimum: 0, description: "the other member's messages above one's own read mark" }),
  read: Type.Integer({ minimum: 0, description: "one's own read mark" }),
  delivered: Type.Integer({ minimum: 0, description: "one's own delivered mark" }),
  other: Mark
}, { $id: 'Conversation', title: 'Conversation' })
export type Conversation = Static<typeof Conversation>

export const ConversationsQuery = Type.Object({
  after: Type.Optional(Text({ minLength: 1, maxLength: 120, description: '`next` of the page before' })),
  limit: Type.Optional({ ...PageLimit, maximum: 200 })
}, { additionalProperties: false })
export type ConversationsQuery = Static<typeof ConversationsQuery>

export const ConversationsReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Conversations retrieved successfully'),
  data: Type.Array(Type.Ref('Conversation')),
  next: Type.Optional(Type.String())
})

export const ConversationParams = Type.Object({ id: ConversationId })
export type ConversationParams = Static<typeof ConversationParams>

export const ReadBody = Type.Object({ seq: Seq })
export type ReadBody = Static<typeof ReadBody>

export const ReadReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Conversation marked as read'),
  data: Mark
})
