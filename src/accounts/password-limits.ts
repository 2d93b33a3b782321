import { setTimeout as delay } from 'node:timers/promises'
import type { Counter } from '../rate-limits/counter.js'
import { tooMany } from '../rate-limits/refusal.js'
import type { Attempt, PasswordTurn } from './password-attempt.js'

const WINDOW_MS = 15 * 60 * 1_000
/** Several people may share an address. */
const NETWORK_FACTOR = 5
/**
 * Right passwords of one account: each costs as much work as a wrong one. A person with a dozen devices and
 * scripts needs far fewer than five times LOGIN_LIMIT.
 */
const RIGHT_FACTOR = 5

/**
 * Each failure of an account beyond LOGIN_LIMIT, from anywhere, delays the next attempt of a stranger by this
 * time.
 */
const SLOWER_MS = 100
/** Long enough to spoil guessing, short enough that a person still gets in. */
const SLOWEST_MS = 3_000

/** A request that tries or sets a password. */
export interface PasswordRequest {
  passwordTurn: PasswordTurn | null
}

/** Makes a counter of at most `max` requests in a window; 0 switches it off. */
type MakeCounter<Request> =
  (max: number, windowMs: number, key: (request: Request) => string) => Counter<Request>

/**
 * Limits the attempts to use passwords (LOGIN_LIMIT). Wrong ones count by account and place, by network, and
 * by account alone. The last only delays attempts; otherwise everybody could lock out everybody. Right ones
 * count by account.
 */
export class PasswordLimits<Request extends PasswordRequest> {
  readonly #limit: number
  readonly #failuresOfPlace: Counter<Request>
  readonly #failuresOfNetwork: Counter<Request>
  readonly #failuresOfAccount: Counter<Request>
  readonly #successes: Counter<Request>

  /** @param limit LOGIN_LIMIT */
  constructor (limit: number, makeCounter: MakeCounter<Request>) {
    const counter = (max: number, key: (turn: PasswordTurn) => string) =>
      makeCounter(max, WINDOW_MS, request => key(request.passwordTurn!))
    // More failures than for the slowest attempt change nothing.
    const mostFailures = limit === 0 ? 0 : limit + SLOWEST_MS / SLOWER_MS
    this.#limit = limit
    this.#failuresOfPlace = counter(limit, ({ account, network, known = network }) => `${known} ${account}`)
    this.#failuresOfNetwork = counter(limit * NETWORK_FACTOR, turn => turn.network)
    this.#failuresOfAccount = counter(mostFailures, turn => turn.account)
    this.#successes = counter(limit * RIGHT_FACTOR, turn => turn.account)
  }

  /**
   * Begins an attempt.
   * @param onSuccess called if the password is right
   * @throws ApiError `tooManyRequests`; the hooks of the attempt throw it too
   */
  async begin (request: Request, turn: PasswordTurn, onSuccess: () => void): Promise<Attempt> {
    request.passwordTurn = turn
    await this.#check(request)
    return {
      ...turn,
      waits: async () => {
        // Again, because other attempts may have failed while this one waited.
        await this.#check(request)
        await this.#slowDown(request)
      },
      begins: () => this.#check(request),
      ended: async right => {
        await this.#count(request, right)
        if (right) onSuccess()
      }
    }
  }

  async #check (request: Request): Promise<void> {
    const isStranger = request.passwordTurn!.known === undefined
    await refuseExhausted(this.#failuresOfPlace, request, 'too many wrong passwords')
    // Somebody known to the account is not kept out by failures of their network with other accounts.
    if (isStranger) await refuseExhausted(this.#failuresOfNetwork, request, 'too many wrong passwords')
    await refuseExhausted(this.#successes, request, 'too many logins or password changes of this account')
  }

  async #slowDown (request: Request): Promise<void> {
    if (request.passwordTurn!.known !== undefined) return
    const failures = await this.#failuresOfAccount.read(request)
    const excess = failures === undefined ? 0 : failures.max - failures.remaining - this.#limit
    if (excess > 0) await delay(excess * SLOWER_MS)
  }

  async #count (request: Request, right: boolean): Promise<void> {
    const counters = right
      ? [this.#successes]
      : [this.#failuresOfPlace, this.#failuresOfNetwork, this.#failuresOfAccount]
    await Promise.all(counters.map(counter => counter.count(request)))
  }
}

async function refuseExhausted<Request> (
  counter: Counter<Request>, request: Request, what: string
): Promise<void> {
  const count = await counter.read(request)
  if (count?.remaining === 0) throw tooMany(what, count.ttlInSeconds)
}
