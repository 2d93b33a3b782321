/** The entries of a conversation's log. Messages are the only kind yet. */
import type { Message } from 'chat-protocol'
import type { MessageDocument } from '../../database/documents.js'
import { newDocument, toMessage, type NewMessage } from '../messages.js'

/** A message, with the document that the log stores. */
export interface MessageEntry {
  kind: 'message'
  document: MessageDocument
}

/** An entry of the log. What depends on its kind is decided in this file. */
export type Entry = MessageEntry

/** The entry of a new message; its number comes with its turn to be written. */
export function newMessage (input: NewMessage, now: Date): MessageEntry {
  return { kind: 'message', document: newDocument(input, now) }
}

/** The entry of a stored document. Documents without a kind are messages. */
export function entryOf (document: MessageDocument): Entry {
  return { kind: document.kind ?? 'message', document }
}

/** The text of an entry, which takes most of its memory. */
export function textOf ({ document }: Entry): string {
  return document.message
}

/** Whether an entry with the same clientId is the same entry sent again. */
export function isRepeat (entry: Entry, earlier: Entry): boolean {
  return entry.kind === earlier.kind && textOf(entry) === textOf(earlier)
}

/** An entry as clients see it. */
export function toClient ({ document }: Entry): Message {
  return toMessage(document)
}
