import { cacheOf } from '../cache.js'
import { TokenBucket, type Given } from './token-bucket.js'

/** Users whose allowance is remembered, as many as MAX_SOCKETS. The least recently used is forgotten. */
const REMEMBERED_USERS = 20_000

/** A token bucket for each user. All connections of a user share it, and a reconnect does not refill it. */
export class Allowances {
  readonly #rate: number
  readonly #burst: number
  readonly #given: Given
  readonly #byUser = cacheOf<TokenBucket>(REMEMBERED_USERS)

  /**
   * @param rate tokens a second of one user; 0 for no limit
   * @param burst the most tokens that a user has
   * @param given the shares of both that users get now
   */
  constructor (rate: number, burst: number, given: Given) {
    this.#rate = rate
    this.#burst = burst
    this.#given = given
  }

  /** The bucket of a user. */
  of (user: string): TokenBucket {
    const known = this.#byUser.get(user)
    if (known !== undefined) return known
    const bucket = new TokenBucket(this.#rate, this.#burst, this.#given)
    this.#byUser.set(user, bucket)
    return bucket
  }
}
