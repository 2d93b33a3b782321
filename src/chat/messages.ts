/** What a message is, between the database and the wire. */
import { mongodb } from '../database/driver.js'
import { conversationOf, type Message } from 'chat-protocol'
import type { MessageDocument } from '../database/documents.js'

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
    conversation: conversationOf(input.sender, input.reciver),
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
