import type { EntryDocument } from '../database/documents.js'
import { frameOf, toChange } from '../chat/log/entries.js'
import { sentJson } from '../chat/log/message-json.js'

/** What an `ack` carries besides its type and clientId: a member of a JSON object. */
export type Acknowledged = `"message":${string}` | `"change":${string}`

/**
 * An entry with the WebSocket frame that carries it. The frame is made at the first use, and sent to every
 * socket (RFC 6455: text is UTF-8).
 */
export class FramedEntry {
  readonly entry: EntryDocument
  #frame: Buffer | undefined

  constructor (entry: EntryDocument) { this.entry = entry }

  get frame (): Buffer {
    this.#frame ??= Buffer.from(frameOf(this.entry))
    return this.#frame
  }

  /** What the `ack` of its sender carries. */
  get acknowledged (): Acknowledged {
    const { entry } = this
    return entry.kind === 'message'
      ? `"message":${sentJson(entry)}`
      : `"change":${JSON.stringify(toChange(entry))}`
  }
}
