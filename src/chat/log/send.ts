/** An entry on its way into the log, with the senders who wait for its outcome. */
import type { EntryDocument } from '../../database/documents.js'
import type { QueuedEntry } from './queued-entry.js'
import type { Reservation } from './send-quota.js'

export interface Appended {
  entry: EntryDocument
  /** it was stored before: this send repeated its clientId */
  repeat: boolean
}

/** A sender that waits for the outcome of an entry. */
export interface Sender {
  reservation: Reservation
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

export class Send implements QueuedEntry {
  /** taken into a write, which may not have begun */
  taken = false
  sent = false
  settled = false
  /** a repeat has the same */
  readonly key: string
  /** The first one wrote the entry, the others repeat it; those whose time is over are removed. */
  readonly senders: Sender[] = []

  constructor (readonly document: EntryDocument) { this.key = keyOf(document) }

  get awaited (): boolean { return this.senders.length > 0 }
}

/** What is unique in a conversation: a user uses a clientId once, whatever the kind of the entry. */
export function keyOf ({ actor, clientId }: EntryDocument): string {
  return actor + clientId
}
