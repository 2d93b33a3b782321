/** What a message is, between the database and the wire. */
import { kindOf, partnerIn, type Message } from 'chat-protocol'
import type { MessageDocument } from '../database/documents.js'
import { apiError } from '../errors.js'

export interface NewMessage {
  conversation: string
  sender: string
  message: string
  /** ISO 8601; '' or undefined: now */
  createdAt?: string | undefined
  /** UUID; undefined: the server fills in a hidden one */
  clientId?: string | undefined
  /** the seq of the message that this one answers */
  replyTo?: number | undefined
}

/** What a message takes in JSON at most besides its text and reactions: ids, numbers, times, field names. */
export const MESSAGE_BYTES = 440
/** What a reaction takes in JSON: the id of a user, with its quotation marks. */
const REACTION_BYTES = 27
/** What an emoji takes in JSON at most, besides the users who reacted with it. */
const EMOJI_BYTES = 50

/** The characters of a UUID; a hidden clientId, the hex of an ObjectId, has 24. */
const UUID_LENGTH = 36

/** A message as it was sent; of a deleted one the text is gone. */
export function sentMessage (document: Omit<MessageDocument, 'storedAt'>): Message {
  const { _id, conversation, seq, rev, message, actor, createdAt, clientId } = document
  const shown: Message = { _id: _id.toHexString(), conversation, seq, rev, message, sender: actor, createdAt }
  if (kindOf(conversation) === 'direct') shown.reciver = partnerIn(conversation, actor)!
  if (isNamed(clientId)) shown.clientId = clientId
  if (document.replyTo !== undefined) shown.replyTo = document.replyTo
  if (document.deletedAt !== undefined) shown.deletedAt = document.deletedAt
  return shown
}

/** A message in its present state. */
export function presentMessage (document: Omit<MessageDocument, 'storedAt'>): Message {
  const shown = sentMessage(document)
  if (document.deletedAt !== undefined) return shown
  if (document.current !== undefined) shown.message = document.current
  if (document.editedAt !== undefined) shown.editedAt = document.editedAt
  const reactions = reactionsOf(document)
  if (reactions.length > 0) shown.reactions = Object.fromEntries(reactions)
  return shown
}

/** The emoji of a message, each with the users who reacted with it. */
export function reactionsOf ({ reactions = {} }: Pick<MessageDocument, 'reactions'>): [string, string[]][] {
  return Object.entries(reactions).filter(([, users]) => users.length > 0)
}

/** What the reactions of a message take in JSON at most. */
export function reactionBytes (document: Pick<MessageDocument, 'reactions'>): number {
  if (document.reactions === undefined) return 0
  const bytes = reactionsOf(document).map(([, users]) => EMOJI_BYTES + users.length * REACTION_BYTES)
  return bytes.reduce((sum, some) => sum + some, 0)
}

/** Whether a client gave this clientId. */
export function isNamed (clientId: string): boolean {
  return clientId.length === UUID_LENGTH
}

/** @param path the field of the request that names the message */
export function noSuchMessage (path: string): Error {
  return apiError('notFound', 'there is no message with this number', path)
}
