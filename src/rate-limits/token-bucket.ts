/** The shares of a bucket's rate and of its burst that apply now: above 0, up to 1. */
export interface Given {
  readonly rate: number
  readonly burst: number
}

const ALL: Given = { rate: 1, burst: 1 }

/** A token bucket: `rate` tokens a second on average, `burst` at most. A rate of 0 means no limit. */
export class TokenBucket {
  readonly burst: number
  readonly #rate: number
  readonly #given: Given
  #tokens: number
  #at: number | undefined

  /** @param given read whenever tokens are taken or counted */
  constructor (rate: number, burst: number, given: Given = ALL) {
    this.#rate = rate
    this.burst = burst
    this.#given = given
    this.#tokens = burst
  }

  /**
   * Takes tokens, if there are enough. A cost above the burst is taken from a full bucket, which then stays
   * empty for longer; otherwise it could never pass.
   * @param now milliseconds of a clock that never goes back
   * @param needed tokens that the bucket must have; if these are fewer than the cost, a debt is left
   * @returns 0 if the tokens were taken, otherwise the milliseconds to wait
   */
  take (now: number, cost = 1, needed = cost): number {
    const wait = this.wait(now, needed)
    if (wait === 0) this.#tokens -= cost
    return wait
  }

  /** Takes tokens in any case. If there are too few, a debt is left. */
  charge (now: number, cost: number): void {
    this.take(now, cost, -Infinity)
  }

  /**
   * Milliseconds until the bucket has so many tokens, or is full, if none are taken; 0 if it has them now.
   */
  wait (now: number, needed: number): number {
    if (this.#rate === 0) return 0
    const rate = this.#rate * this.#given.rate
    const most = this.burst * this.#given.burst
    const elapsed = Math.max(0, now - (this.#at ?? now))
    this.#tokens = Math.min(most, this.#tokens + elapsed * rate / 1000)
    this.#at = now
    const missing = Math.min(needed, most) - this.#tokens
    return missing <= 0 ? 0 : Math.ceil(missing * 1000 / rate)
  }
}
