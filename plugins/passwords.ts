import { hash, parseOptions, verify } from '@node-rs/argon2'
import fp from 'fastify-plugin'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { apiError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

export interface Attempt {
  begins (): Promise<void>
  failed (): Promise<void>
}

export interface Passwords {
  /** The argon2id hash of a password, in PHC string format. */
  hash (password: string): Promise<string>
  /**
   * Whether a hash was made of this password. Without a hash the same work is done and the answer is false, so that its
   * time does not tell whether there is such an account (OWASP Authentication Cheat Sheet).
   * @param hashOf finds the hash once the work's turn has come, so that waiting costs the database nothing either
   * @param attempt is told when the work's turn has come, where it may throw, and whether the password was wrong before
   *   another one has its turn, so that guesses at the same time count each other
   */
  verify (hashOf: () => Promise<string | undefined>, password: string, attempt?: Attempt): Promise<boolean>
  /** Whether a hash was made with less work than is asked for today. */
  isOutdated (hash: string): boolean
  /** How many hashes were computed, those of `verify` among them. */
  readonly computed: number
}

/** OWASP Password Storage Cheat Sheet: argon2id (the package's default) with 19 MiB, 2 passes, 1 lane. */
export const PARAMETERS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

/**
 * Hashes computed at a time: one a core. They share libuv's 4 threads with the file system and DNS, which keep at
 * least one of them.
 */
const RUNNING = Math.min(availableParallelism(), 3)

/** Longer than this nobody waits at a log-in page; who is still waiting then is told to come back. */
const MAX_WAIT_MS = 5_000

/** Runs at most `places` pieces of work at a time, in the order in which they came. */
class Queue {
  readonly #waiting = new Set<() => void>()
  constructor (private places: number, private readonly maxWaitMs: number) {}

  /** @throws `unavailable` when no place became free in time */
  async run<T> (work: () => Promise<T>): Promise<T> {
    if (this.places > 0) this.places--
    else await this.#turn()
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      // The place goes over from one to the other.
      if (next !== undefined) next()
      else this.places++
    }
  }

  async #turn (): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        this.#waiting.delete(next)
      }
      const next = () => { leave(); resolve() }
      const timer = setTimeout(() => {
        leave()
        reject(apiError('unavailable', 'too many people log in at once', '', { retryAfter: this.maxWaitMs / 1_000 }))
      }, this.maxWaitMs)
      this.#waiting.add(next)
    })
  }
}

// NIST SP 800-63B, 3.1.1.2: normalised, for the same password may be typed in other code points on another keyboard.
const normalize = (password: string): string => password.normalize('NFKC')

/** `fastify.passwords`: argon2id, bounded, so that logging in can take neither all cores nor all memory. */
export default fp(async function passwordsPlugin (fastify) {
  const queue = new Queue(RUNNING, MAX_WAIT_MS)
  const nobodys = await hash(randomBytes(32), PARAMETERS)
  let computed = 0

  fastify.decorate('passwords', {
    get computed () { return computed },
    hash: async password => await queue.run(async () => {
      computed++
      return await hash(normalize(password), PARAMETERS)
    }),
    verify: async (hashOf, password, attempt) => await queue.run(async () => {
      await attempt?.begins()
      const stored = await hashOf()
      computed++
      const right = await verify(stored ?? nobodys, normalize(password)) && stored !== undefined
      if (!right) await attempt?.failed()
      return right
    }),
    isOutdated: stored => {
      const { memoryCost, timeCost } = parseOptions(stored)
      return memoryCost < PARAMETERS.memoryCost || timeCost < PARAMETERS.timeCost
    }
  })
}, { name: 'passwords' })
