/** A token bucket: `rate` a second on average, `burst` at once. A rate of 0 lets everything pass. */
export class TokenBucket {
  private tokens: number
  private at = 0

  constructor (private readonly rate: number, private readonly burst: number) {
    this.tokens = burst
  }

  /**
   * Takes a token.
   * @param now milliseconds, of any clock that does not go back
   * @returns 0 if there was one, else the milliseconds until there is one
   */
  take (now: number): number {
    if (this.rate === 0) return 0
    if (this.at !== 0) this.tokens = Math.min(this.burst, this.tokens + Math.max(0, now - this.at) * this.rate / 1000)
    this.at = now
    if (this.tokens >= 1) {
      this.tokens -= 1
      return 0
    }
    return Math.ceil((1 - this.tokens) * 1000 / this.rate)
  }
}
