import { Type, type Static } from '@sinclair/typebox'
import { ConversationId, GroupName, Moment, Rev, Role, Seq, Text } from 'chat-protocol/schemas'
import { PageLimit } from '../../lists.js'

export const Mark = Type.Object({ delivered: Seq, read: Seq }, {
  title: 'Mark',
  description: 'the highest number delivered to a member, and read by it'
})
export type Mark = Static<typeof Mark>

export const History = Type.Union([Type.Literal('joined'), Type.Literal('all')], {
  description: 'what members of a group see: what came after they joined, or all',
  examples: ['joined']
})

const conversation = {
  id: ConversationId,
  kind: Type.Union([Type.Literal('direct'), Type.Literal('group')], { examples: ['direct'] }),
  user: Type.Optional(Type.Ref('User')),
  name: Type.Optional(GroupName),
  avatarImage: Type.Optional(Type.String({ description: 'of a group: base64 of an SVG' })),
  role: Type.Optional(Role),
  members: Type.Integer({ minimum: 1, description: 'how many there are', examples: [2] }),
  history: Type.Optional(History),
  lastSeq: Seq,
  lastRev: Rev,
  lastMessage: Type.Optional(Type.Ref('Message')),
  unread: Type.Integer({ minimum: 0, description: "others' messages above one's own read mark" }),
  read: Type.Integer({ minimum: 0, description: "one's own read mark" }),
  delivered: Type.Integer({ minimum: 0, description: "one's own delivered mark" }),
  other: Type.Optional(Mark)
}

export const Conversation = Type.Object(conversation, { $id: 'Conversation', title: 'Conversation' })
export type Conversation = Static<typeof Conversation>

export const GroupDetails = Type.Object({
  ...conversation,
  memberList: Type.Array(Type.Object({ user: Type.Ref('User'), role: Role, joinedAt: Moment }))
}, { title: 'GroupDetails' })
export type GroupDetails = Static<typeof GroupDetails>

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
