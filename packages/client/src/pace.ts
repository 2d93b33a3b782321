/** The pace of frames and of attempts to connect. Pure functions of the time and of chance. */

/**
 * The share of the announced rate that is used. The server counts frames when they arrive, and networks
 * deliver them in bunches, so some room is needed.
 */
const SHARE = 0.9

/** A token bucket for frames. It holds those of one second, the server's own those of three. */
export class Pace {
  #tokens: number
  readonly #capacity: number
  readonly #perMs: number
  #heldUntil = -Infinity
  #at: number

  /** @param ratePerSecond frames, as `hello` announces them; no limit if it is 0 or less */
  constructor (ratePerSecond: number, at: number) {
    this.#at = at
    this.#capacity = ratePerSecond > 0 ? Math.max(1, ratePerSecond) : Infinity
    this.#perMs = ratePerSecond * SHARE / 1000
    this.#tokens = this.#capacity
  }

  /** Milliseconds until the next frame may be sent; 0 if it may be sent now. */
  wait (now: number): number {
    if (now < this.#heldUntil) return this.#heldUntil - now
    if (this.#capacity === Infinity) return 0
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, now - this.#at) * this.#perMs)
    this.#at = now
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs)
  }

  /** Sends nothing before this time, because the server asked for it. */
  hold (until: number): void { this.#heldUntil = Math.max(this.#heldUntil, until) }

  /** Counts a frame. Frames that cannot wait make later ones wait longer. */
  take (): void { this.#tokens -= 1 }
}

export interface Backoff {
  /** the first wait is between 0 and this; each failure in a row doubles it */
  baseMs: number
  /** the longest wait */
  ceilingMs: number
}

/**
 * Milliseconds to wait before the next attempt: exponential with full jitter, so that clients which were cut
 * off together do not come back together ("Exponential Backoff And Jitter", AWS Architecture Blog).
 * @param failures failures in a row, from 0
 */
export function backoffMs ({ baseMs, ceilingMs }: Backoff, failures: number, random: () => number): number {
  return random() * Math.min(ceilingMs, baseMs * 2 ** failures)
}
