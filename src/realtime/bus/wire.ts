/** How a message of the bus is written for other processes: JSON of at most MAX_BYTES. */
import { mongodb } from '../../database/driver.js'
import type { EntryDocument } from '../../database/documents.js'
import { FramedEntry } from '../framed-entry.js'
import type { BusMessage } from './bus.js'

/**
 * Bytes of an entry that is sent with its content; of a larger one only the number is. Redis cuts off
 * subscribers that are 32 MB behind (client-output-buffer-limit).
 */
const MAX_BYTES = 8 * 1_024

/** A message and the process that published it. */
export interface Parcel {
  origin: string
  message: BusMessage
}

/** An entry with the types of JSON: its id in hex, its time in ISO 8601. */
type EntryJson = Record<string, unknown> & { _id: string, storedAt: string }

/** Writes a message; an entry that does not fit without its content. */
export function encode (origin: string, message: BusMessage): string {
  if (message.type !== 'entry') return JSON.stringify({ origin, message })
  const { type, conversation, rev, entry } = message
  const numbers = { type, conversation, rev }
  if (entry !== undefined) {
    const text = JSON.stringify({ origin, message: { ...numbers, entry: entry.entry } })
    if (Buffer.byteLength(text) <= MAX_BYTES) return text
  }
  return JSON.stringify({ origin, message: numbers })
}

/**
 * Reads what `encode` wrote.
 * @throws SyntaxError where it is not JSON
 */
export function decode (text: string): Parcel {
  const { origin, message } = JSON.parse(text) as { origin: string, message: BusMessage }
  if (message.type !== 'entry') return { origin, message }
  const { type, conversation, rev, entry } = message
  const numbers = { type, conversation, rev, elsewhere: true } as const
  if (entry === undefined) return { origin, message: numbers }
  return { origin, message: { ...numbers, entry: new FramedEntry(entryOf(entry as unknown as EntryJson)) } }
}

function entryOf ({ _id, storedAt, ...fields }: EntryJson): EntryDocument {
  const typed = { _id: new mongodb.ObjectId(_id), storedAt: new Date(storedAt) }
  return { ...fields, ...typed } as unknown as EntryDocument
}
