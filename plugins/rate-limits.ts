import fastifyRateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { setTimeout as delay } from 'node:timers/promises'
import { apiError } from '../src/errors.js'
import type { Attempt } from './passwords.js'

declare module 'fastify' {
  interface FastifyInstance {
    limits: Limits
  }
  interface FastifyRequest {
    /** the account whose password is tried, as the limits know it */
    triedAccount: string
  }
  interface FastifyContextConfig {
    /** not counted by HTTP_RATE, and answered under pressure as well: for the probes of load balancers */
    probe?: boolean
  }
}

/** Each of them throws `tooManyRequests` with the seconds until it is worth another try. */
export interface Limits {
  /** Counts a request: for its caller, or for its address where it has none (HTTP_RATE). */
  request (request: FastifyRequest): Promise<void>
  /** Whether an address has any share of HTTP_RATE left; counts nothing. */
  allows (request: FastifyRequest): Promise<void>
  /** Counts a registration (REGISTER_LIMIT). */
  registration (request: FastifyRequest): Promise<void>
  /**
   * Begins to try a password; what it gives counts the try if it was wrong (LOGIN_LIMIT): by account and address, by
   * address, and by account alone. The last only slows tries down, right ones too, for otherwise anybody could lock
   * anybody out.
   * @param account whose password it is, whether there is such an account or not
   */
  passwordAttempt (request: FastifyRequest, account: string): Promise<Attempt>
}

type Limiter = ReturnType<import('fastify').FastifyInstance['createRateLimit']>
type Count = Extract<Awaited<ReturnType<Limiter>>, { isAllowed: false }>

/** HTTP_RATE holds over this time, so a burst may have all of it at once. */
const BURST_SECONDS = 3
const REGISTER_WINDOW_MS = 60 * 60 * 1_000
const LOGIN_WINDOW_MS = 15 * 60 * 1_000
/** Several people may sit behind one address. */
const ADDRESS_FACTOR = 5

/** Each failure of an account beyond LOGIN_LIMIT, from wherever, makes its next try this much slower. */
const SLOWER_MS = 100
/** Long enough to spoil guessing, short enough that a person still gets in. */
const SLOWEST_MS = 3_000

/** Keys that are counted at a time, for each limit; some 150 bytes each. The longest unused are forgotten first. */
const CACHE_SIZE = 20_000

const tooMany = (what: string, { ttlInSeconds }: Count) =>
  apiError('tooManyRequests', `${what}; try again later`, '', { retryAfter: Math.max(1, ttlInSeconds) })

/** `fastify.limits`: how often one may do what. Counted by this process alone: several processes allow as many times more. */
export default fp(async function rateLimitsPlugin (fastify) {
  const { HTTP_RATE, LOGIN_LIMIT, REGISTER_LIMIT } = fastify.config
  await fastify.register(fastifyRateLimit, { global: false, cache: CACHE_SIZE })
  fastify.decorateRequest('triedAccount', '')
  const { normalizeIP } = fastifyRateLimit
  /** IPv6 is counted by /64, of which one customer has all addresses. */
  const address = (request: FastifyRequest): string => normalizeIP(request.ip)

  function limiter (max: number, timeWindow: number, key: (request: FastifyRequest) => string) {
    const options: CreateRateLimitOptions & { cache: number } = { max, timeWindow, keyGenerator: key, cache: CACHE_SIZE }
    const limit = fastify.createRateLimit(options)
    const off = max === 0
    return {
      /** Counts; the state is undefined where the limit is switched off. */
      count: async (request: FastifyRequest) => off ? undefined : await limit(request) as Count,
      /** Looks, without counting. */
      read: async (request: FastifyRequest) => off ? undefined : await limit(request, { increment: false }) as Count
    }
  }

  const byAddress = limiter(HTTP_RATE * BURST_SECONDS, BURST_SECONDS * 1_000, address)
  const byUser = limiter(HTTP_RATE * BURST_SECONDS, BURST_SECONDS * 1_000, request => request.caller.user)
  const registrations = limiter(REGISTER_LIMIT, REGISTER_WINDOW_MS, address)
  const failuresThere = limiter(LOGIN_LIMIT, LOGIN_WINDOW_MS, request => `${address(request)} ${request.triedAccount}`)
  const failuresOfAddress = limiter(LOGIN_LIMIT * ADDRESS_FACTOR, LOGIN_WINDOW_MS, address)
  // Counted up to the slowest answer; what comes after that changes nothing.
  const failuresOfAccount = limiter(LOGIN_LIMIT === 0 ? 0 : LOGIN_LIMIT + SLOWEST_MS / SLOWER_MS, LOGIN_WINDOW_MS, request => request.triedAccount)

  async function passwordAllowed (request: FastifyRequest): Promise<void> {
    for (const failures of [failuresThere, failuresOfAddress]) {
      const count = await failures.read(request)
      // Nothing of an unused key is counted yet, so its ttl is 0 and its remainder whole.
      if (count?.remaining === 0) throw tooMany('too many wrong passwords', count)
    }
  }

  fastify.decorate('limits', {
    async request (request) {
      if (request.routeOptions.config.probe === true) return
      const count = await (request.caller === undefined ? byAddress : byUser).count(request)
      if (count?.isExceeded === true) throw tooMany('too many requests', count)
    },
    async allows (request) {
      const count = await byAddress.read(request)
      if (count?.remaining === 0) throw tooMany('too many requests', count)
    },
    async registration (request) {
      const count = await registrations.count(request)
      if (count?.isExceeded === true) throw tooMany('too many registrations', count)
    },
    async passwordAttempt (request, account) {
      request.triedAccount = account
      await passwordAllowed(request)
      const failures = await failuresOfAccount.read(request)
      const excess = failures === undefined ? 0 : failures.max - failures.remaining - LOGIN_LIMIT
      if (excess > 0) await delay(excess * SLOWER_MS)
      return {
        // Again, for others have failed while this one waited.
        begins: async () => { await passwordAllowed(request) },
        failed: async () => { await Promise.all([failuresThere, failuresOfAddress, failuresOfAccount].map(async failures => await failures.count(request))) }
      }
    }
  })
}, { name: 'rate-limits' })
