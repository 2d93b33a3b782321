/** One's own receipts: the highest marks only, a frame for many, said again after a reconnect unless the server is known to have them. */
import type { DeliveredFrame, ReadFrame } from 'chat-protocol'

/** How long marks gather: a screen of messages that is scrolled through becomes one frame a conversation; nobody sees a receipt come 200 ms later. */
const GATHER_MS = 200

interface Mark { delivered: number, read: number, saidDelivered: number, saidRead: number }

export class Marks {
  /** one for each conversation that was marked, until the server tells that it has that mark */
  private readonly marks = new Map<string, Mark>()
  private readonly unsaid = new Set<string>()
  /** when the gathered ones are due; Infinity: there are none */
  dueAt = Infinity

  raise (kind: 'delivered' | 'read', conversation: string, seq: number, now: number): void {
    const mark = this.marks.get(conversation) ?? { delivered: 0, read: 0, saidDelivered: 0, saidRead: 0 }
    if (seq <= mark[kind]) return
    mark[kind] = seq
    this.marks.set(conversation, mark)
    this.unsaid.add(conversation)
    this.dueAt = Math.min(this.dueAt, now + GATHER_MS)
  }

  /** What the server has of one's own: nothing up to there needs saying. */
  stored (conversation: string, delivered: number, read: number): void {
    const mark = this.marks.get(conversation)
    if (mark === undefined || mark.read > read || mark.delivered > Math.max(delivered, read)) return
    this.marks.delete(conversation)
    this.unsaid.delete(conversation)
    if (this.unsaid.size === 0) this.dueAt = Infinity
  }

  /** What was said may have been lost: all is to be said again. */
  repeat (now: number): void {
    for (const [conversation, mark] of this.marks) {
      mark.saidDelivered = mark.saidRead = 0
      this.unsaid.add(conversation)
    }
    this.dueAt = this.unsaid.size === 0 ? Infinity : now
  }

  next (now: number): ReadFrame | DeliveredFrame | undefined {
    if (now < this.dueAt) return undefined
    for (const conversation of this.unsaid) {
      const mark = this.marks.get(conversation)!
      if (mark.read > mark.saidRead) {
        mark.saidRead = mark.read
        mark.saidDelivered = Math.max(mark.saidDelivered, mark.read)
        return { type: 'read', conversation, seq: mark.read }
      }
      this.unsaid.delete(conversation)
      if (mark.delivered > mark.saidDelivered) {
        mark.saidDelivered = mark.delivered
        return { type: 'delivered', conversation, seq: mark.delivered }
      }
    }
    this.dueAt = Infinity
    return undefined
  }
}
