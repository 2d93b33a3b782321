import { hash, parseOptions, verify } from '@node-rs/argon2'
import fp from 'fastify-plugin'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { apiError } from '../src/http/errors.js'
import { FairSemaphore } from '../src/concurrency/fair-semaphore.js'
import { Lanes } from '../src/concurrency/lanes.js'
import type { Attempt, PasswordTurn } from '../src/accounts/password-attempt.js'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

type HashOf = () => Promise<string | undefined>

export interface Passwords {
  /** The argon2id hash of a password, in PHC string format. */
  hash (password: string, turn: PasswordTurn): Promise<string>
  /**
   * Whether a hash was made of this password. Without a hash the same work is done and the answer is false,
   * so that its time does not tell whether there is such an account (OWASP Authentication Cheat Sheet).
   * @param hashOf finds the hash once the work's turn has come, so that waiting costs the database nothing
   *   either
   */
  verify (hashOf: HashOf, password: string, attempt: Attempt): Promise<boolean>
  /** Whether a hash was made with less work than is asked for today. */
  isOutdated (hash: string): boolean
  /** How many hashes were computed, those of `verify` among them. */
  readonly computed: number
}

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
 * The same for other attempts on the same account: five of the slowest ones (SLOWEST_MS in rate-limits.ts).
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

/**
 * `fastify.passwords`: argon2id, bounded, so that logging in can take neither all cores nor all memory.
 *
 * Two queues make it fair. The attempts on one account run one at a time, so an account with many addresses
 * holds one hash; networks take turns for the hashes, so a network with many accounts delays others by one
 * hash. Whoever is known to the account has a lane apart: strangers cannot keep the owner out (OWASP ASVS
 * 5.0, 6.1.1).
 */
export default fp(async function passwordsPlugin (fastify) {
  const hashes = new FairSemaphore({
    places: RUNNING,
    maxWaitMs: MAX_WAIT_MS,
    maxWaitingPerKey: MAX_WAITING_PER_NETWORK,
    refusal: refusal('too many people log in at once')
  })
  const lanes = new Lanes({
    maxWaitMs: MAX_LANE_WAIT_MS,
    maxWaitingPerKey: MAX_WAITING_PER_PLACE,
    refusal: refusal('too many attempts on this account at once')
  })
  const nobodys = await hash(randomBytes(32), PARAMETERS)
  let computed = 0

  type Lane = 'stranger' | 'known' | 'set'
  async function inLane<T> (lane: Lane, turn: PasswordTurn, task: () => Promise<T>): Promise<T> {
    const { account, known, network } = turn
    return await lanes.run(`${lane} ${account}`, known ?? network, task)
  }

  async function compute (password: string): Promise<string> {
    computed++
    return await hash(normalize(password), PARAMETERS)
  }

  async function check (hashOf: HashOf, password: string, attempt: Attempt): Promise<boolean> {
    await attempt.begins?.()
    const stored = await hashOf()
    computed++
    const matches = await verify(stored ?? nobodys, normalize(password))
    return matches && stored !== undefined
  }

  fastify.decorate('passwords', {
    get computed () { return computed },
    // Whoever sets a password has shown the old one: it does not wait again behind those who have yet to.
    hash: async (password, turn) => await inLane('set', turn, async () =>
      await hashes.run(turn.network, async () => await compute(password))),
    verify: async (hashOf, password, attempt) => {
      const lane = attempt.known === undefined ? 'stranger' : 'known'
      return await inLane(lane, attempt, async () => {
        await attempt.waits?.()
        const right = await hashes.run(attempt.network, async () => await check(hashOf, password, attempt))
        await attempt.ended?.(right)
        return right
      })
    },
    isOutdated: stored => {
      const { memoryCost, timeCost } = parseOptions(stored)
      return memoryCost < PARAMETERS.memoryCost || timeCost < PARAMETERS.timeCost
    }
  })
}, { name: 'passwords' })
