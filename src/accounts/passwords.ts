import { hash, parseOptions, verify } from '@node-rs/argon2'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import { Lanes } from '../concurrency/lanes.js'
import { apiError } from '../errors.js'
import type { Attempt, PasswordTurn } from './password-attempt.js'

/** Finds the stored hash of an account; undefined if the account does not exist. */
export type HashOf = () => Promise<string | undefined>

/** OWASP Password Storage Cheat Sheet: argon2id (the package's default) with 19 MiB, 2 passes, 1 lane. */
export const PARAMETERS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

/**
 * Hashes computed at the same time: one for each core. They share libuv's 4 threads with the file system and
 * DNS, so one thread at least is left for those.
 */
const RUNNING = Math.min(availableParallelism(), 3)

/**
 * People at a login page do not wait longer for a hash. After this time the attempt is refused with
 * Retry-After.
 */
const MAX_WAIT_MS = 5_000

/**
 * The same for earlier attempts on the account: five of the slowest (SLOWEST_MS in
 * src/accounts/password-limits.ts).
 */
const MAX_LANE_WAIT_MS = 15_000

/**
 * Hashes of one network that wait at most: more than can be computed in MAX_WAIT_MS. Each takes about 1 KB.
 */
const MAX_WAITING_PER_NETWORK = 500

/** Attempts on one account from one place that wait at most: a person has fewer devices. */
const MAX_WAITING_PER_PLACE = 100

const refusal = (what: string) => () =>
  apiError('unavailable', what, '', { retryAfter: MAX_WAIT_MS / 1_000 })

// Normalised (NIST SP 800-63B, 3.1.1.2), because keyboards may produce different code points for the same
// password.
const normalize = (password: string): string => password.normalize('NFKC')

/** A hash in PHC string format, of no known password. To verify it is the same work as for a real one. */
function randomHash (): string {
  const { memoryCost, timeCost, parallelism } = PARAMETERS
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(16)}$${base64(32)}`
}

/** The queue of an account. */
type Lane = 'stranger' | 'known' | 'set'

/**
 * Hashes passwords with argon2id. The work is bounded, so that logins cannot use up all cores or all memory.
 *
 * Two queues make it fair. Attempts on one account run one at a time, so an account tried from many addresses
 * uses one hash. Networks take turns for the hashes, so a network that tries many accounts delays others by
 * one hash. Those who are known to the account have their own lane: strangers cannot lock the owner out
 * (OWASP ASVS 5.0, 6.1.1).
 */
export class Passwords {
  readonly #hashes: FairSemaphore
  /** Verified if an account does not exist. */
  readonly #decoy = randomHash()
  #computed = 0

  readonly #lanes = new Lanes({
    maxWaitMs: MAX_LANE_WAIT_MS,
    maxWaitingPerKey: MAX_WAITING_PER_PLACE,
    refusal: refusal('too many attempts on this account at once')
  })

  /** @param isBusy whether the event loop needs a core for itself: then one hash is computed at a time */
  constructor (isBusy: () => boolean = () => false) {
    this.#hashes = new FairSemaphore({
      places: () => isBusy() ? 1 : RUNNING,
      maxWaitMs: MAX_WAIT_MS,
      maxWaitingPerKey: MAX_WAITING_PER_NETWORK,
      refusal: refusal('too many people log in at once')
    })
  }

  /** How many hashes were computed, including those of `verify`. */
  get computed (): number { return this.#computed }

  /** Computes the argon2id hash of a password, in PHC string format. */
  async hash (password: string, turn: PasswordTurn): Promise<string> {
    // The sender has proved the old password, and does not wait behind those who have not.
    return await this.#inLane('set', turn, async () =>
      await this.#hashes.run(turn.network, async () => await this.#compute(password)))
  }

  /**
   * Whether a hash was made of this password. If the account does not exist, the same work is done and the
   * answer is false, so that the time does not reveal which accounts exist (OWASP Authentication Cheat
   * Sheet).
   * @param hashOf finds the hash when the work's turn has come, so that waiting attempts do not use the
   *   database
   */
  async verify (hashOf: HashOf, password: string, attempt: Attempt): Promise<boolean> {
    const lane = attempt.known === undefined ? 'stranger' : 'known'
    return await this.#inLane(lane, attempt, async () => {
      await attempt.waits?.()
      const right = await this.#hashes.run(attempt.network, () => this.#check(hashOf, password, attempt))
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
