import { hash, parseOptions, verify } from '@node-rs/argon2'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import { Lanes } from '../concurrency/lanes.js'
import { apiError } from '../errors.js'
import type { Attempt, PasswordTurn } from './password-attempt.js'

/** Finds the stored hash of an account; undefined without such an account. */
export type HashOf = () => Promise<string | undefined>

/** OWASP Password Storage Cheat Sheet: argon2id (the package's default) with 19 MiB, 2 passes, 1 lane. */
export const PARAMETERS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

/**
 * Hashes computed at a time: one a core. They share libuv's 4 threads with the file system and DNS, which
 * keep at least one of them.
 */
const RUNNING = Math.min(availableParallelism(), 3)

/**
 * Nobody waits longer than this for a hash at a log-in page; who is still waiting then is told to come
 * back.
 */
const MAX_WAIT_MS = 5_000

/**
 * The same for other attempts on the same account: five of the slowest ones (SLOWEST_MS in plugins/rate-limits.ts).
 */
const MAX_LANE_WAIT_MS = 15_000

/**
 * Hashes of one network that wait at most: more than 5 s are enough for on any number of cores, some 1 KB
 * each.
 */
const MAX_WAITING_PER_NETWORK = 500

/** Attempts on one account from one place that wait at most: nobody opens more devices at once. */
const MAX_WAITING_PER_PLACE = 100

const refusal = (what: string) => () =>
  apiError('unavailable', what, '', { retryAfter: MAX_WAIT_MS / 1_000 })

// NIST SP 800-63B, 3.1.1.2: normalised, for the same password may be typed in other code points on another
// keyboard.
const normalize = (password: string): string => password.normalize('NFKC')

/** The queue of an account that an attempt waits in. */
type Lane = 'stranger' | 'known' | 'set'

/**
 * Hashes passwords with argon2id, bounded, so that logging in can take neither all cores nor all memory.
 *
 * Two queues make it fair. The attempts on one account run one at a time, so an account with many addresses
 * holds one hash; networks take turns for the hashes, so a network with many accounts delays others by one
 * hash. Whoever is known to the account has a lane apart: strangers cannot keep the owner out (OWASP ASVS
 * 5.0, 6.1.1).
 */
export class Passwords {
  readonly #hashes: FairSemaphore

  readonly #lanes = new Lanes({
    maxWaitMs: MAX_LANE_WAIT_MS,
    maxWaitingPerKey: MAX_WAITING_PER_PLACE,
    refusal: refusal('too many attempts on this account at once')
  })

  /** What is verified where there is no account. */
  readonly #decoy: string
  #computed = 0

  private constructor (decoy: string, isBusy: () => boolean) {
    this.#decoy = decoy
    this.#hashes = new FairSemaphore({
      places: () => isBusy() ? 1 : RUNNING,
      maxWaitMs: MAX_WAIT_MS,
      maxWaitingPerKey: MAX_WAITING_PER_NETWORK,
      refusal: refusal('too many people log in at once')
    })
  }

  /** @param isBusy whether the event loop needs a core for itself: then one hash is computed at a time */
  static async create (isBusy: () => boolean = () => false): Promise<Passwords> {
    return new Passwords(await hash(randomBytes(32), PARAMETERS), isBusy)
  }

  /** How many hashes were computed, those of `verify` among them. */
  get computed (): number { return this.#computed }

  /** The argon2id hash of a password, in PHC string format. */
  async hash (password: string, turn: PasswordTurn): Promise<string> {
    // Whoever sets a password has shown the old one: it does not wait again behind those who have yet to.
    return await this.#inLane('set', turn, async () =>
      await this.#hashes.run(turn.network, async () => await this.#compute(password)))
  }

  /**
   * Whether a hash was made of this password. Without a hash the same work is done and the answer is false,
   * so that its time does not tell whether there is such an account (OWASP Authentication Cheat Sheet).
   * @param hashOf finds the hash once the work's turn has come, so that waiting costs the database nothing
   *   either
   */
  async verify (hashOf: HashOf, password: string, attempt: Attempt): Promise<boolean> {
    const lane = attempt.known === undefined ? 'stranger' : 'known'
    return await this.#inLane(lane, attempt, async () => {
      await attempt.waits?.()
      const right = await this.#hashes.run(attempt.network, async () => await this.#check(hashOf, password, attempt))
      await attempt.ended?.(right)
      return right
    })
  }

  /** Whether a hash was made with less work than is asked for today. */
  isOutdated (stored: string): boolean {
    const { memoryCost, timeCost } = parseOptions(stored)
    return memoryCost < PARAMETERS.memoryCost || timeCost < PARAMETERS.timeCost
  }

  async #inLane<T> (lane: Lane, turn: PasswordTurn, task: () => Promise<T>): Promise<T> {
    const { account, known, network } = turn
    return await this.#lanes.run(`${lane} ${account}`, known ?? network, task)
  }

  async #compute (password: string): Promise<string> {
    this.#computed++
    return await hash(normalize(password), PARAMETERS)
  }

  async #check (hashOf: HashOf, password: string, attempt: Attempt): Promise<boolean> {
    await attempt.begins?.()
    const stored = await hashOf()
    this.#computed++
    const matches = await verify(stored ?? this.#decoy, normalize(password))
    return matches && stored !== undefined
  }
}
