/** An entry on its way into the log, with the senders who wait for its outcome. */
import type { MessageDocument } from '../../database/documents.js'
import type { Entry } from './entries.js'
import type { QueuedEntry } from './log-writer.js'
import type { Reservation } from './send-quota.js'
import type { Message } from 'chat-protocol'

export interface Appended {
  message: Message
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

  constructor (readonly entry: Entry) { this.key = keyOf(entry) }

  get document (): MessageDocument { return this.entry.document }

  get awaited (): boolean { return this.senders.length > 0 }
}

/** What is unique in a conversation: a sender uses a clientId once. */
export function keyOf ({ document }: Entry): string {
  return document.sender + document.clientId
}
