import { Type, type Static } from '@sinclair/typebox'
import { MESSAGE_CHARS } from './constants.js'
import { ClientId, ConversationId, Moment, ObjectIdString, OtherIdString, Text, annotated } from './values.js'

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
  seq: Type.Integer({
    minimum: 1,
    description: '1, 2, 3 … in its conversation, without a gap',
    examples: [3]
  }),
  rev: Type.Integer({
    minimum: 1,
    description: 'its number among all changes of the conversation; edits never move it',
    examples: [4]
  }),
  message: Type.String({ description: "'' once deleted", examples: MessageText.examples as string[] }),
  sender: ObjectIdString,
  reciver: Type.Optional(annotated(OtherIdString, { description: 'only in direct conversations' })),
  createdAt: Type.String({
    description: "the sender's time if it gave one, else the server's; the order is by seq",
    examples: ['2024-01-31T12:00:00.000Z']
  }),
  clientId: Type.Optional(ClientId),
  replyTo: Type.Optional(Type.Integer({
    minimum: 1,
    description: 'the seq of the message that this one answers'
  })),
  editedAt: Type.Optional(annotated(Moment, { examples: undefined, description: 'of the last edit' })),
  deletedAt: Type.Optional(annotated(Moment, {
    examples: undefined,
    description: 'set once the message is deleted'
  })),
  reactions: Type.Optional(Type.Record(Type.String(), Type.Array(ObjectIdString), {
    description: 'emoji -> the users who reacted with it, in their order'
  }))
}, { $id: 'Message', title: 'Message' })
/** A stored message. The order of a conversation is that of `seq`, never that of a clock. */
export type Message = Static<typeof Message>
