/** What a message is, between the database and the wire. */
import { mongodb } from '@fastify/mongodb'
import type { MessageDocument } from '../database/documents.js'
import type { Message } from 'chat-protocol'

/** The id of the conversation of two users (of one, with itself): `"<lower id>:<higher id>"`. */
export function conversationId (a: string, b: string): string {
  return a < b ? `${a}:${b}` : `${b}:${a}`
}

/** The two members that a conversation's id names; twice the same for a conversation with oneself. */
export function membersOf (conversation: string): [string, string] {
  return [conversation.slice(0, 24), conversation.slice(25)]
}

/** The other member; oneself in a conversation with oneself. Undefined where the user is no member. */
export function otherMember (conversation: string, user: string): string | undefined {
  const [low, high] = membersOf(conversation)
  return low === user ? high : high === user ? low : undefined
}

export interface NewMessage {
  sender: string
  reciver: string
  message: string
  /** ISO 8601; '' or undefined: now */
  createdAt?: string
  /** UUID; undefined: the server fills in a hidden one */
  clientId?: string
}

/** The document of a new message; its number comes with its turn to be written. */
export function newDocument (input: NewMessage, now: Date): MessageDocument {
  const _id = new mongodb.ObjectId()
  return {
    _id,
    conversation: conversationId(input.sender, input.reciver),
    seq: 0,
    sender: input.sender,
    reciver: input.reciver,
    message: input.message,
    createdAt: input.createdAt === undefined || input.createdAt === '' ? now.toISOString() : input.createdAt,
    storedAt: now,
    clientId: input.clientId?.toLowerCase() ?? _id.toHexString()
  }
}

/** What a message takes in JSON at most besides its text: ids, number, times and names of fields. */
export const MESSAGE_BYTES = 320

/** The characters of a UUID; a hidden clientId, the hex of an ObjectId, has 24. */
const UUID_LENGTH = 36

/** A message as clients see it: without the hidden clientId. */
export function toMessage (document: Omit<MessageDocument, 'storedAt'>): Message {
  const { _id, conversation, seq, message, sender, reciver, createdAt, clientId } = document
  const shown: Message = { _id: _id.toHexString(), conversation, seq, message, sender, reciver, createdAt }
  if (clientId.length === UUID_LENGTH) shown.clientId = clientId
  return shown
}
