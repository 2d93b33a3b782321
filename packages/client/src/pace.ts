/** How fast: frames on a socket, and attempts to reach the server. Pure: the time and the chance are handed in. */

/** The server counts frames as they arrive, and a network bunches them: a tenth below what it announces leaves room for that. */
const SHARE = 0.9

/** A token bucket that holds a second's worth: within the server's own, which holds three. */
export class Pace {
  private tokens: number
  private readonly capacity: number
  private readonly perMs: number
  private heldUntil = -Infinity

  /** @param ratePerSecond frames, as `hello` announces them; 0 and less: no limit */
  constructor (ratePerSecond: number, private at: number) {
    this.capacity = ratePerSecond > 0 ? Math.max(1, ratePerSecond) : Infinity
    this.perMs = ratePerSecond * SHARE / 1000
    this.tokens = this.capacity
  }

  /** Milliseconds until the next frame may go; 0: now. */
  wait (now: number): number {
    if (now < this.heldUntil) return this.heldUntil - now
    if (this.capacity === Infinity) return 0
    this.tokens = Math.min(this.capacity, this.tokens + Math.max(0, now - this.at) * this.perMs)
    this.at = now
    return this.tokens >= 1 ? 0 : Math.ceil((1 - this.tokens) / this.perMs)
  }

  /** Nothing goes before this time: the server asked for it. */
  hold (until: number): void { this.heldUntil = Math.max(this.heldUntil, until) }

  /** Counts a frame; those that cannot wait make later ones wait longer. */
  take (): void { this.tokens -= 1 }
}

export interface Backoff {
  /** the first wait is between 0 and this; each failure in a row doubles it */
  baseMs: number
  /** the longest wait */
  ceilingMs: number
}

/**
 * The milliseconds to wait before the next attempt: exponential with full jitter, so that clients which were cut off together don't come back together
 * ("Exponential Backoff And Jitter", AWS Architecture Blog).
 * @param failures in a row, from 0
 */
export function backoffMs ({ baseMs, ceilingMs }: Backoff, failures: number, random: () => number): number {
  return random() * Math.min(ceilingMs, baseMs * 2 ** failures)
}
