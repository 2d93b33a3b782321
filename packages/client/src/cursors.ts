/**
 * The place of each message in its conversation: the part that makes "in order, without gap, without duplicate" true on this side.
 * A conversation's cursor is the highest number that was handed on without a gap.
 */
import type { Message } from 'chat-protocol'

/** `next`: hand it on, the cursor has moved. `seen`: it was handed on before. `gap`: some before it are missing. */
export type Place = 'next' | 'seen' | 'gap'

export class Cursors {
  private readonly seqs: Map<string, number>
  /** the highest number heard of, where it lies above the cursor */
  private readonly heard = new Map<string, number>()

  /**
   * @param have conversation -> the highest number that the application has
   * @param complete whether every conversation that exists by now is known, so that any other is new and begins at 0. Until then an unknown one begins
   *   where it is first heard of.
   */
  constructor (have: Record<string, number>, public complete: boolean) {
    this.seqs = new Map(Object.entries(have))
  }

  has (conversation: string): boolean { return this.complete || this.seqs.has(conversation) }

  get (conversation: string): number { return this.seqs.get(conversation) ?? 0 }

  ids (): string[] { return [...this.seqs.keys()] }

  snapshot (): Record<string, number> { return Object.fromEntries(this.seqs) }

  /** Judges a message, from whatever source, and moves the cursor if it is the next one. */
  place ({ conversation, seq }: Pick<Message, 'conversation' | 'seq'>): Place {
    const at = this.seqs.get(conversation) ?? (this.complete ? 0 : seq - 1)
    if (seq <= at) return 'seen'
    if (seq > at + 1) {
      this.seqs.set(conversation, at)
      this.heard.set(conversation, Math.max(seq, this.heard.get(conversation) ?? 0))
      return 'gap'
    }
    this.seqs.set(conversation, seq)
    if (seq >= (this.heard.get(conversation) ?? 0)) this.heard.delete(conversation)
    return 'next'
  }

  /** Gives cursors to the conversations that have none. Returns those, and the ones whose cursor is below `lastSeq`. */
  learn (conversations: Iterable<{ id: string, lastSeq: number }>): string[] {
    const incomplete = []
    for (const { id, lastSeq } of conversations) {
      const known = this.seqs.get(id)
      if (known === undefined) this.seqs.set(id, this.complete ? 0 : lastSeq)
      if (known === undefined || known < lastSeq) incomplete.push(id)
    }
    return incomplete
  }

  /** The conversation goes on after this number, whatever was had before. */
  rewind (conversation: string, seq: number): void {
    this.seqs.set(conversation, seq)
    this.heard.delete(conversation)
  }

  /** The conversations of which a later message was heard than the cursor's. */
  gaps (): string[] { return [...this.heard.keys()] }
}
