import { LRUCache } from 'lru-cache'
import { TokenBucket, type Given } from './token-bucket.js'

/** Users whose allowance is remembered, as many as MAX_SOCKETS. The longest unused is forgotten. */
const REMEMBERED_USERS = 20_000

/** A token bucket for each user: all connections of a user share it, and a reconnect brings no new one. */
export class Allowances {
  readonly #rate: number
  readonly #burst: number
  readonly #given: Given
  readonly #byUser = new LRUCache<string, TokenBucket>({ max: REMEMBERED_USERS })

  /**
   * @param rate tokens a second of one user; 0 lets everything pass
   * @param burst tokens that a user has at once
   * @param given the shares of both that users get now
   */
  constructor (rate: number, burst: number, given: Given) {
    this.#rate = rate
    this.#burst = burst
    this.#given = given
  }

  of (user: string): TokenBucket {
    const known = this.#byUser.get(user)
    if (known !== undefined) return known
    const bucket = new TokenBucket(this.#rate, this.#burst, this.#given)
    this.#byUser.set(user, bucket)
    return bucket
  }
}
