/** By how much summaries, and the clocks of other processes, may be behind. */
export const BEHIND_MS = 30_000

/** The last numbers of a user's conversations at the moment when a socket opens. */
export interface Heads {
  /** Those of the most recent conversations. */
  readonly last: Map<string, number>
  /**
   * In a conversation that is not in `last`, what was stored up to this time was stored before the socket
   * opened. Undefined where all conversations are in `last`: any other one did not exist.
   */
  readonly othersUntil: Date | undefined
}

/** What was pushed of a conversation before the heads were known. */
interface Early {
  /** The lowest number that this process stored and told. */
  first: number
  highest: number
}

/**
 * Where the conversations that a socket did not resume begin: after the last entry stored before it opened.
 *
 * If only this process writes it tells of what is stored in order, so a conversation begins at the first
 * number pushed. Otherwise the heads say it, which are read when the socket opens; pushes that come before
 * wait for them.
 */
export class Beginnings {
  readonly #onlyWriter: boolean
  readonly #early = new Map<string, Early>()
  #heads: Heads | undefined

  constructor (onlyWriter: boolean) {
    this.#onlyWriter = onlyWriter
  }

  /** The time of `Heads.othersUntil`, for a beginning that has to be looked up. */
  get othersUntil (): Date | undefined { return this.#heads?.othersUntil }

  /**
   * Where a conversation begins, of which this number is stored.
   * @param told whether this process stored it just now, and tells of it in order
   * @returns the number to go on after; or that it has to be looked up; or undefined if nothing is to be
   *   sent: the number is older than the socket, or the heads are not known yet
   */
  of (conversation: string, rev: number, told: boolean): number | 'look up' | undefined {
    if (this.#onlyWriter) return told ? rev - 1 : undefined
    if (this.#heads === undefined) {
      this.#keep(conversation, rev, told)
      return undefined
    }
    const { last, othersUntil } = this.#heads
    const head = last.get(conversation)
    if (head === undefined) return othersUntil === undefined ? 0 : 'look up'
    return rev <= head ? undefined : head
  }

  /** Whether a number is known to be older than the socket. */
  isBefore (conversation: string, rev: number): boolean {
    return rev <= (this.#heads?.last.get(conversation) ?? 0)
  }

  /** The conversation has a cursor now. */
  forget (conversation: string): void {
    this.#heads?.last.delete(conversation)
  }

  /**
   * Takes the heads.
   * @returns the highest number of each conversation that was pushed before
   */
  set (heads: Heads): [conversation: string, highest: number][] {
    this.#heads = heads
    const pushed = [...this.#early]
    this.#early.clear()
    return pushed.map(([conversation, { first, highest }]) => {
      const head = heads.last.get(conversation)
      // What was told here is newer than the socket, also if the heads could only be read afterwards.
      if (head !== undefined && first <= head) heads.last.set(conversation, first - 1)
      return [conversation, highest]
    })
  }

  clear (): void { this.#early.clear() }

  #keep (conversation: string, rev: number, told: boolean): void {
    const { first, highest } = this.#early.get(conversation) ?? { first: Infinity, highest: 0 }
    this.#early.set(conversation, {
      first: told ? Math.min(first, rev) : first,
      highest: Math.max(highest, rev)
    })
  }
}
