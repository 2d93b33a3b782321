import type { Turn } from './turn.js'

export interface Found {
  record: number
  doc: Buffer
}

/** The documents of a query. Undefined marks a point at which the reader may wait. */
export interface Documents extends Generator<Found | undefined, void> {
  /** Forgets what was read ahead. Call it before waiting: the documents may change meanwhile. */
  rest?: () => void
}

/** Entries, and bytes of documents, that are read at once: well under a millisecond. */
export const CHUNK = 200
export const CHUNK_BYTES = 1024 * 1024

/**
 * Reads on until `take` returns false or all documents are read, and lets other work in now and then.
 *
 * @returns whether all documents were read
 */
export async function drain (
  documents: Documents, turn: Turn, take: (found: Found) => boolean
): Promise<boolean> {
  while (true) {
    const { value, done } = documents.next()
    if (done === true) return true
    if (value !== undefined && !take(value)) {
      documents.rest?.()
      return false
    }
    if (turn.isDue) {
      documents.rest?.()
      await turn.pause()
    }
  }
}
