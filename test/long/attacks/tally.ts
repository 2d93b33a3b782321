/** What an attack did, and what became of it. */

export interface TallyReport {
  attempts: number
  outcomes: Record<string, number>
  /** answers that were not refusals: median and 99th percentile, ms */
  p50: number
  p99: number
}

/** Times that are kept: the newest. */
const KEPT = 5_000

export class Tally {
  #attempts = 0
  #answered = 0
  readonly #outcomes = new Map<string, number>()
  readonly #times: number[] = []

  /** A request, a socket or a frame goes out. */
  attempt (count = 1): void { this.#attempts += count }

  /** Something came back: a status, a frame, a closing code. */
  outcome (what: string): void { this.#outcomes.set(what, (this.#outcomes.get(what) ?? 0) + 1) }

  /** An attempt was answered after so many milliseconds. */
  took (ms: number): void { this.#times[this.#answered++ % KEPT] = ms }

  report (): TallyReport {
    const sorted = this.#times.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
    return {
      attempts: this.#attempts,
      outcomes: Object.fromEntries([...this.#outcomes].sort(([, a], [, b]) => b - a)),
      p50: at(0.5),
      p99: at(0.99)
    }
  }
}
