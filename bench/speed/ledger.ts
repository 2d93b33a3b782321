/** Compares what was sent with what was pushed and with what is stored. */

const MARK = /#([\w-]+)\.(\d+)\.(\d+)#/

export interface Faults { lost: number, doubled: number, disordered: number, notStored: number }

export const faultless = (): Faults => ({ lost: 0, doubled: 0, disordered: 0, notStored: 0 })

export function addFaults (a: Faults, b: Faults): Faults {
  return {
    lost: a.lost + b.lost,
    doubled: a.doubled + b.doubled,
    disordered: a.disordered + b.disordered,
    notStored: a.notStored + b.notStored
  }
}

/** The books of one run: of each conversation, how many were sent and which arrived. */
export class Ledger {
  readonly run: string
  readonly faults = faultless()
  readonly #sent: number[] = []
  readonly #seen: Set<number>[] = []
  readonly #last: number[] = []
  #missing = 0
  #wake: (() => void) | undefined

  constructor (run: string) { this.run = run }

  /** The number of the next message of a conversation, from 1. */
  next (conversation: number): number {
    this.#missing++
    const n = (this.#sent[conversation] ?? 0) + 1
    this.#sent[conversation] = n
    return n
  }

  /** How many were sent in a conversation. */
  sentIn (conversation: number): number { return this.#sent[conversation] ?? 0 }

  /**
   * Notes a message that a receiver got.
   * @returns its conversation and number; undefined if it belongs to another run
   */
  received (text: string): [number, number] | undefined {
    const found = MARK.exec(text)
    if (found === null || found[1] !== this.run) return undefined
    const [conversation, n] = [Number(found[2]), Number(found[3])]
    const seen = this.#seen[conversation] ??= new Set()
    if (seen.has(n)) {
      this.faults.doubled++
      return [conversation, n]
    }
    seen.add(n)
    if (n < (this.#last[conversation] ?? 0)) this.faults.disordered++
    this.#last[conversation] = Math.max(n, this.#last[conversation] ?? 0)
    if (--this.#missing === 0) this.#wake?.()
    return [conversation, n]
  }

  /** Waits until everything was received, at most so long; what is missing then is lost. */
  async settle (ms = 5_000): Promise<void> {
    if (this.#missing > 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.faults.lost += this.#missing
  }

  /** Compares a stored conversation, oldest first, with what was sent. */
  checkStored (conversation: number, history: string): void {
    const numbers: number[] = []
    for (const [, run, own, n] of history.matchAll(new RegExp(MARK, 'g'))) {
      if (run === this.run && Number(own) === conversation) numbers.push(Number(n))
    }
    const stored = new Set(numbers)
    this.faults.doubled += numbers.length - stored.size
    this.faults.notStored += Math.max(0, this.sentIn(conversation) - stored.size)
    this.faults.disordered += numbers.filter((n, index) => index > 0 && n < numbers[index - 1]!).length
  }
}
