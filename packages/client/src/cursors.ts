/**
 * The positions in all conversations: this file makes "in order, without gap, without duplicate" true on the
 * client's side. The cursor of a conversation is the highest number that was delivered without a gap.
 */
import type { Message } from 'chat-protocol'

/** `next`: deliver it, the cursor has moved. `seen`: delivered before. `gap`: some before it are missing. */
type Place = 'next' | 'seen' | 'gap'

export class Cursors {
  readonly #seqs: Map<string, number>
  /** the highest number that was announced, if it is above the cursor */
  readonly #heard = new Map<string, number>()

  /**
   * @param have conversation -> the highest number that the application has
   * @param complete whether all existing conversations are known, so that any other one is new and begins at
   *   0. Until then an unknown one begins at the first number that is announced.
   */
  constructor (have: Record<string, number>, public complete: boolean) {
    this.#seqs = new Map(Object.entries(have))
  }

  has (conversation: string): boolean { return this.complete || this.#seqs.has(conversation) }

  get (conversation: string): number { return this.#seqs.get(conversation) ?? 0 }

  ids (): string[] { return [...this.#seqs.keys()] }

  snapshot (): Record<string, number> { return Object.fromEntries(this.#seqs) }

  /** Finds the place of a message from any source, and moves the cursor if it is the next one. */
  place ({ conversation, seq }: Pick<Message, 'conversation' | 'seq'>): Place {
    const at = this.#seqs.get(conversation) ?? (this.complete ? 0 : seq - 1)
    if (seq <= at) return 'seen'
    if (seq > at + 1) {
      this.#seqs.set(conversation, at)
      this.#heard.set(conversation, Math.max(seq, this.#heard.get(conversation) ?? 0))
      return 'gap'
    }
    this.#seqs.set(conversation, seq)
    if (seq >= (this.#heard.get(conversation) ?? 0)) this.#heard.delete(conversation)
    return 'next'
  }

  /**
   * Gives cursors to the conversations that have none. Returns those, and the ones whose cursor is below
   * `lastSeq`.
   */
  learn (conversations: Iterable<{ id: string, lastSeq: number }>): string[] {
    const incomplete = []
    for (const { id, lastSeq } of conversations) {
      const known = this.#seqs.get(id)
      if (known === undefined) this.#seqs.set(id, this.complete ? 0 : lastSeq)
      if (known === undefined || known < lastSeq) incomplete.push(id)
    }
    return incomplete
  }

  /** Continues a conversation after this number, whatever was delivered before. */
  rewind (conversation: string, seq: number): void {
    this.#seqs.set(conversation, seq)
    this.#heard.delete(conversation)
  }

  /** The conversations with missing messages. */
  gaps (): string[] { return [...this.#heard.keys()] }
}
