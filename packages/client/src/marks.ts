/**
 * The receipts that this client sends: only the highest marks, collected into few frames, and repeated after
 * a reconnect unless the server has them.
 */
import type { DeliveredFrame, ReadFrame } from 'chat-protocol'

/**
 * How long marks are collected. Scrolling through a screen of messages becomes one frame for each
 * conversation, and nobody notices a receipt that comes 200 ms later.
 */
const GATHER_MS = 200

interface Mark {
  delivered: number
  read: number
  sentDelivered: number
  sentRead: number
}

export class Marks {
  /** by conversation, until the server says that it has the mark */
  readonly #marks = new Map<string, Mark>()
  readonly #unsent = new Set<string>()
  /** when the collected marks are due; Infinity without any */
  dueAt = Infinity

  raise (kind: 'delivered' | 'read', conversation: string, seq: number, now: number): void {
    const mark = this.#marks.get(conversation) ?? { delivered: 0, read: 0, sentDelivered: 0, sentRead: 0 }
    if (seq <= mark[kind]) return
    mark[kind] = seq
    this.#marks.set(conversation, mark)
    this.#unsent.add(conversation)
    this.dueAt = Math.min(this.dueAt, now + GATHER_MS)
  }

  /** The server has these marks, so they need not be sent. */
  stored (conversation: string, delivered: number, read: number): void {
    const mark = this.#marks.get(conversation)
    if (mark === undefined || mark.read > read || mark.delivered > Math.max(delivered, read)) return
    this.#marks.delete(conversation)
    this.#unsent.delete(conversation)
    if (this.#unsent.size === 0) this.dueAt = Infinity
  }

  /** Frames may have been lost: sends all marks again. */
  repeat (now: number): void {
    for (const [conversation, mark] of this.#marks) {
      mark.sentDelivered = 0
      mark.sentRead = 0
      this.#unsent.add(conversation)
    }
    this.dueAt = this.#unsent.size === 0 ? Infinity : now
  }

  /** Takes the next frame to send, or undefined. */
  next (now: number): ReadFrame | DeliveredFrame | undefined {
    if (now < this.dueAt) return undefined
    for (const conversation of this.#unsent) {
      const mark = this.#marks.get(conversation)!
      if (mark.read > mark.sentRead) {
        mark.sentRead = mark.read
        mark.sentDelivered = Math.max(mark.sentDelivered, mark.read)
        return { type: 'read', conversation, seq: mark.read }
      }
      this.#unsent.delete(conversation)
      if (mark.delivered > mark.sentDelivered) {
        mark.sentDelivered = mark.delivered
        return { type: 'delivered', conversation, seq: mark.delivered }
      }
    }
    this.dueAt = Infinity
    return undefined
  }
}
