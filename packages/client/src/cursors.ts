/**
 * The positions in all conversations: this file makes "in order, without gap, without duplicate" true on the
 * client's side. The cursor of a conversation is the highest rev that was delivered without a gap.
 */
import { placeOf, type Entry } from './fold.js'

/** `next`: deliver it, the cursor has moved. `seen`: delivered before. `gap`: some before it are missing. */
type Place = 'next' | 'seen' | 'gap'

export class Cursors {
  readonly #revs: Map<string, number>
  /** the highest rev that was announced, if it is above the cursor */
  readonly #heard = new Map<string, number>()
  /** the lowest entry above a gap that came since the conversation was asked for */
  readonly #lowest = new Map<string, Entry>()

  /**
   * @param have conversation -> the highest rev that the application has
   * @param complete whether all existing conversations are known, so that any other one is new and begins at
   *   0. Until then an unknown one begins at the first rev that is announced.
   */
  constructor (have: Record<string, number>, public complete: boolean) {
    this.#revs = new Map(Object.entries(have))
  }

  has (conversation: string): boolean { return this.complete || this.#revs.has(conversation) }

  get (conversation: string): number { return this.#revs.get(conversation) ?? 0 }

  ids (): string[] { return [...this.#revs.keys()] }

  snapshot (): Record<string, number> { return Object.fromEntries(this.#revs) }

  /** Finds the place of an entry from any source, and moves the cursor if it is the next one. */
  place (entry: Entry): Place {
    const { conversation, rev } = placeOf(entry)
    const at = this.#revs.get(conversation) ?? (this.complete ? 0 : rev - 1)
    if (rev <= at) return 'seen'
    if (rev > at + 1) {
      this.#revs.set(conversation, at)
      this.heard(conversation, rev)
      const lowest = this.#lowest.get(conversation)
      if (lowest === undefined || rev < placeOf(lowest).rev) this.#lowest.set(conversation, entry)
      return 'gap'
    }
    this.#revs.set(conversation, rev)
    if (rev >= (this.#heard.get(conversation) ?? 0)) this.#heard.delete(conversation)
    return 'next'
  }

  /** A rev was announced; it leaves a gap if it is above the cursor. */
  heard (conversation: string, rev: number): void {
    if (rev <= this.get(conversation)) return
    this.#heard.set(conversation, Math.max(rev, this.#heard.get(conversation) ?? 0))
  }

  /** A conversation is asked for: only what comes from now on tells where its visible part begins. */
  asked (conversation: string): void { this.#lowest.delete(conversation) }

  /**
   * Moves the cursor to just before the lowest entry that came, if the user joined the group with it: earlier
   * entries are not visible to this user. To be called when everything visible was sent.
   * @returns whether the cursor moved
   */
  joined (conversation: string, user: string | undefined): boolean {
    const entry = this.#lowest.get(conversation)
    if (entry === undefined || !isJoining(entry, user)) return false
    this.#revs.set(conversation, entry.rev - 1)
    return true
  }

  /**
   * Gives cursors to the conversations that have none. Returns those, and the ones whose cursor is below
   * `lastRev`.
   */
  learn (conversations: Iterable<{ id: string, lastRev: number }>): string[] {
    const incomplete = []
    for (const { id, lastRev } of conversations) {
      const known = this.#revs.get(id)
      if (known === undefined) this.#revs.set(id, this.complete ? 0 : lastRev)
      if (known === undefined || known < lastRev) incomplete.push(id)
    }
    return incomplete
  }

  /** Continues a conversation after this number, whatever was delivered before. */
  rewind (conversation: string, rev: number): void {
    this.#revs.set(conversation, rev)
    this.#heard.delete(conversation)
  }

  /** The conversation is not visible any more, so nothing is missing there. */
  lost (conversation: string): void {
    this.#heard.delete(conversation)
    this.#lowest.delete(conversation)
  }

  /** The conversations with missing entries. */
  gaps (): string[] { return [...this.#heard.keys()] }
}

/** Whether this user may have joined a group with this entry; a change of the role looks the same. */
function isJoining (entry: Entry, user: string | undefined): entry is Entry & { type: 'change' } {
  return entry.type === 'change' && entry.kind === 'member' && entry.user === user && entry.role !== null
}
