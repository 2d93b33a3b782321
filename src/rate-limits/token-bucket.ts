import type { LoadPace } from './load-pace.js'

/** The share of a burst that stays, however busy the server is. */
const LEAST_BURST = 0.25

/** A token bucket: `rate` tokens a second on average, `burst` at once. A rate of 0 lets everything pass. */
export class TokenBucket {
  readonly burst: number
  readonly #rate: number
  readonly #pace: Pick<LoadPace, 'factor'> | undefined
  #tokens: number
  #at: number | undefined

  /** @param pace the share of the rate and of the burst that is given now; all where there is none */
  constructor (rate: number, burst: number, pace?: Pick<LoadPace, 'factor'>) {
    this.#rate = rate
    this.burst = burst
    this.#pace = pace
    this.#tokens = burst
  }

  /**
   * Takes tokens, if there are enough. A cost above the burst is taken from a full bucket, which then stays
   * empty for longer: it could never pass otherwise.
   * @param now milliseconds, of any clock that does not go back
   * @param needed tokens that must be there; fewer than the cost leave a debt
   * @returns 0 if the tokens were taken, else the milliseconds after which they can be
   */
  take (now: number, cost = 1, needed = cost): number {
    const wait = this.wait(now, needed)
    if (wait === 0) this.#tokens -= cost
    return wait
  }

  /** Takes tokens in any case; where there are too few, a debt is left. */
  charge (now: number, cost: number): void {
    this.take(now, cost, -Infinity)
  }

  /** Milliseconds until there are so many tokens, or the burst, if nobody takes any; 0: now. */
  wait (now: number, needed: number): number {
    if (this.#rate === 0) return 0
    const factor = this.#pace?.factor ?? 1
    const rate = this.#rate * factor
    const most = this.burst * Math.max(LEAST_BURST, factor)
    const elapsed = Math.max(0, now - (this.#at ?? now))
    this.#tokens = Math.min(most, this.#tokens + elapsed * rate / 1000)
    this.#at = now
    const missing = Math.min(needed, most) - this.#tokens
    return missing <= 0 ? 0 : Math.ceil(missing * 1000 / rate)
  }
}
