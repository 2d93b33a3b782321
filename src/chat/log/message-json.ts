/** Messages as JSON text. A message becomes text once, and pages, pushes, acks and answers share it. */
import type { MessageDocument } from '../../database/documents.js'
import { presentMessage, sentMessage } from '../messages.js'

/** A message in its present state, as JSON. */
export interface JsonMessage {
  seq: number
  json: string
  /** of the text in UTF-8 */
  bytes: number
}

const texts = new WeakMap<object, string>()

/** A message as it was sent, as JSON. The text is kept as long as the document. */
export function sentJson (document: MessageDocument): string {
  const known = texts.get(document)
  if (known !== undefined) return known
  const json = JSON.stringify(sentMessage(document))
  texts.set(document, json)
  return json
}

/** A message that was stored just now: nothing changed it yet, so its present state is the one as sent. */
export function newJson (document: MessageDocument): JsonMessage {
  return withBytes(document.seq, sentJson(document))
}

/** A message in its present state, as JSON. */
export function presentJson (document: MessageDocument): JsonMessage {
  return withBytes(document.seq, JSON.stringify(presentMessage(document)))
}

function withBytes (seq: number, json: string): JsonMessage {
  return { seq, json, bytes: Buffer.byteLength(json) }
}

/** What a message takes in a list: its text and a comma. */
export function jsonBytesOf ({ bytes }: JsonMessage): number {
  return bytes + 1
}
