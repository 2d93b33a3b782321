/** Compares entries that a client handed on with those that a server stores. */
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../src/index.js'

/** Whether a device was told what is stored; it may know the text of a message that was deleted later. */
export function isSameEntry (stored: Entry | undefined, seen: Entry): boolean {
  return stored !== undefined && isDeepStrictEqual(withoutErased(stored, stored), withoutErased(seen, stored))
}

/** Objects of the same content are equal whatever made them. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function withoutErased (entry: Entry, stored: Entry): unknown {
  const { message: text } = stored.type === 'message' ? stored.message : stored as { message?: string }
  if (text !== '') return plain(entry)
  if (entry.type !== 'message') return plain({ ...entry, message: '' })
  const { deletedAt, ...message } = entry.message
  return plain({ ...entry, message: { ...message, message: '' } })
}
