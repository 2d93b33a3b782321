/** A message on its way into the log, with those who wait for its outcome. */
import type { MessageDocument } from '../../database/documents.js'
import type { Entry } from './log-writer.js'
import type { Reservation } from './send-quota.js'
import type { Message } from 'chat-protocol'

export interface Appended {
  message: Message
  /** it had been stored before: this was a repeat of its clientId */
  repeat: boolean
}

/** Somebody who waits for the outcome of a message. */
export interface Sender {
  reservation: Reservation
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

export class Send implements Entry {
  /** into a write, which may not have begun */
  taken = false
  sent = false
  settled = false
  /** by which a repeat finds it */
  readonly key: string
  /** The first one wrote it, the others repeat it; those whose time is over are gone. */
  readonly senders: Sender[] = []

  constructor (readonly document: MessageDocument) { this.key = keyOf(document) }

  get awaited (): boolean { return this.senders.length > 0 }
}

/** What is unique in a conversation. */
export function keyOf ({ sender, clientId }: MessageDocument): string {
  return sender + clientId
}
