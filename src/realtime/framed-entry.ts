import type { Change, Message } from 'chat-protocol'
import type { EntryDocument } from '../database/documents.js'
import { toChange, toFrame } from '../chat/log/entries.js'
import { sentMessage } from '../chat/messages.js'

/** What an `ack` carries. */
export type Acknowledged = { message: Message } | { change: Change }

/**
 * An entry with the WebSocket frame that carries it. The frame is made at the first use, and sent to every
 * socket (RFC 6455: text is UTF-8).
 */
export class FramedEntry {
  readonly entry: EntryDocument
  #frame: Buffer | undefined

  constructor (entry: EntryDocument) { this.entry = entry }

  get frame (): Buffer {
    this.#frame ??= Buffer.from(JSON.stringify(toFrame(this.entry)))
    return this.#frame
  }

  /** What the `ack` of its sender carries. */
  get acknowledged (): Acknowledged {
    const { entry } = this
    return entry.kind === 'message' ? { message: sentMessage(entry) } : { change: toChange(entry) }
  }
}
