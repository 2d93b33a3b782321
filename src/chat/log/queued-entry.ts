import type { EntryDocument } from '../../database/documents.js'

/** An entry that is to be written. */
export interface QueuedEntry {
  readonly document: EntryDocument
  /** It was in a write: it may be stored, whatever is known of that write. */
  sent: boolean
  /** A sender waits for its outcome. */
  readonly awaited: boolean
}

/** The outcome of an entry; one of these is called, once. */
export interface Outcomes<E extends QueuedEntry> {
  /**
   * It is stored, under the number of its document. Those of a conversation come in the order of their
   * numbers.
   */
  stored (entry: E): void
  /** It is not stored: its clientId was used before, for this message. */
  repeats (entry: E, stored: EntryDocument): void
  /** It is not stored, and will not be. */
  failed (entry: E, error: unknown): void
}
