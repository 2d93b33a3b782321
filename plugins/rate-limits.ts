import fastifyRateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { setTimeout as delay } from 'node:timers/promises'
import { frameAllowances } from '../src/realtime/frame-limiter.js'
import { LoadPace } from '../src/rate-limits/load-pace.js'
import { Allowances } from '../src/rate-limits/allowances.js'
import { apiError } from '../src/errors.js'
import type { Attempt, PasswordTurn } from '../src/accounts/password-attempt.js'
import { UPGRADE_COST } from '../src/http/request-costs.js'

declare module 'fastify' {
  interface FastifyInstance {
    limits: Limits
  }
  interface FastifyRequest {
    /** Whose password the request tries or sets, and from where. */
    passwordTurn: PasswordTurn | null
  }
  interface FastifyContextConfig {
    /** not counted by HTTP_RATE, and answered under pressure as well: for the probes of load balancers */
    probe?: boolean
  }
}

/** Its functions throw `tooManyRequests` with the seconds until it is worth another try. */
export interface Limits {
  /** whether users get less than their rates because the event loop is busy */
  readonly busy: boolean
  /** what the frames of each user may cost (USER_FRAME_RATE); times are those of Date.now() */
  readonly frames: Allowances
  /** Counts a request: for its caller, or for its address where it has none (HTTP_RATE). */
  request (request: FastifyRequest): Promise<void>
  /**
   * Counts what a request of a caller costs besides itself, in requests; never throws, but leaves a debt.
   */
  work (request: FastifyRequest, cost: number): void
  /** Whether the caller has no debt, before costly work is begun. */
  solvent (request: FastifyRequest): void
  /** Whether an address has any share of HTTP_RATE left; counts nothing. */
  allows (request: FastifyRequest): Promise<void>
  /** Counts a registration (REGISTER_LIMIT). */
  registration (request: FastifyRequest): Promise<void>
  /**
   * Whose turn a request takes for the work of a password.
   * @param account the account's key, whether there is such an account or not
   * @param session the id of the account's own session that sends the request, if one does
   */
  passwordTurn (request: FastifyRequest, account: string, session?: string): PasswordTurn
  /**
   * Begins to try a password. Wrong ones count by account and place, by network, and by account alone
   * (LOGIN_LIMIT); the last only slows down, for otherwise anybody could lock anybody out. Right ones count
   * by account.
   * @param turn what `passwordTurn` gave for this request
   */
  passwordAttempt (request: FastifyRequest, turn: PasswordTurn): Promise<Attempt>
  /** Remembers that the request's address belongs to somebody who knows the password of the account. */
  remember (request: FastifyRequest, account: string): void
}

type Limiter = ReturnType<import('fastify').FastifyInstance['createRateLimit']>
type Count = Extract<Awaited<ReturnType<Limiter>>, { isAllowed: false }>

/** How often the load of the event loop is looked at. */
const PACE_MS = 250
/** HTTP_RATE holds over this time, so a burst may have all of it at once. */
const BURST_SECONDS = 3
const REGISTER_WINDOW_MS = 60 * 60 * 1_000
const LOGIN_WINDOW_MS = 15 * 60 * 1_000
/** Several people may sit behind one address. */
const NETWORK_FACTOR = 5
/**
 * Right passwords of one account: each costs as much work as a wrong one. A person with a dozen devices and
 * scripts uses far fewer than five times LOGIN_LIMIT.
 */
const RIGHT_FACTOR = 5

/**
 * Each failure of an account beyond LOGIN_LIMIT, from wherever, makes a stranger's next try this much
 * slower.
 */
const SLOWER_MS = 100
/** Long enough to spoil guessing, short enough that a person still gets in. */
const SLOWEST_MS = 3_000

/**
 * An IPv6 site has up to a /48 (RFC 6177); whoever guesses passwords from it has all of its 65,536
 * networks.
 */
const SITE_BITS = 48

/** How long an address stays known to an account: as long as a session may live by default. */
const KNOWN_MS = 30 * 24 * 60 * 60 * 1_000
/**
 * Addresses of one account that are known; the newest stay. Otherwise one account could push out those of
 * all others.
 */
const KNOWN_ADDRESSES = 8

/**
 * Keys that are counted at a time, for each limit; some 150 bytes each. The longest unused are forgotten
 * first.
 */
const CACHE_SIZE = 20_000

const tooMany = (what: string, { ttlInSeconds }: Pick<Count, 'ttlInSeconds'>) =>
  apiError('tooManyRequests', `${what}; try again later`, '', { retryAfter: Math.max(1, ttlInSeconds) })

const tooManyRequests = (waitMs: number) => tooMany('too many requests', { ttlInSeconds: waitMs / 1_000 })

/**
 * `fastify.limits`: how often one may do what. Counted by this process alone: several processes allow as
 * many times more.
 */
export default fp(async function rateLimitsPlugin (fastify) {
  const { FRAME_RATE, USER_FRAME_RATE, HTTP_RATE, LOGIN_LIMIT, REGISTER_LIMIT } = fastify.config
  await fastify.register(fastifyRateLimit, { global: false, cache: CACHE_SIZE })
  fastify.decorateRequest('passwordTurn', null)
  const { normalizeIP } = fastifyRateLimit
  /** IPv6 is counted by /64, of which one customer has all addresses. */
  const address = (request: FastifyRequest): string => normalizeIP(request.ip)
  const knownAddresses = new LRUCache<string, string[]>({ max: CACHE_SIZE, ttl: KNOWN_MS })

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

  const pace = new LoadPace()
  let before = performance.eventLoopUtilization()
  const pacing = setInterval(() => {
    const now = performance.eventLoopUtilization()
    pace.measure(performance.eventLoopUtilization(now, before).utilization)
    before = now
  }, PACE_MS)
  fastify.addHook('onClose', async () => { clearInterval(pacing) })

  const byAddress = limiter(HTTP_RATE * BURST_SECONDS, BURST_SECONDS * 1_000, address)
  const byUser = new Allowances(HTTP_RATE, HTTP_RATE * BURST_SECONDS, pace)
  const registrations = limiter(REGISTER_LIMIT, REGISTER_WINDOW_MS, address)
  const failuresThere = limiter(LOGIN_LIMIT, LOGIN_WINDOW_MS, ({ passwordTurn }) => {
    const { account, network, known = network } = passwordTurn!
    return `${known} ${account}`
  })
  const mostOfNetwork = LOGIN_LIMIT * NETWORK_FACTOR
  const failuresOfNetwork = limiter(mostOfNetwork, LOGIN_WINDOW_MS, request => request.passwordTurn!.network)
  // Counted up to the slowest answer; what comes after that changes nothing.
  const mostFailures = LOGIN_LIMIT === 0 ? 0 : LOGIN_LIMIT + SLOWEST_MS / SLOWER_MS
  const failuresOfAccount = limiter(mostFailures, LOGIN_WINDOW_MS, request => request.passwordTurn!.account)
  const mostRight = LOGIN_LIMIT * RIGHT_FACTOR
  const successes = limiter(mostRight, LOGIN_WINDOW_MS, request => request.passwordTurn!.account)

  /** A network's failures with other accounts do not keep out somebody whom the account knows. */
  async function passwordAllowed (request: FastifyRequest): Promise<void> {
    const strange = request.passwordTurn!.known === undefined
    for (const failures of strange ? [failuresThere, failuresOfNetwork] : [failuresThere]) {
      const count = await failures.read(request)
      // Nothing of an unused key is counted yet, so its ttl is 0 and its remainder whole.
      if (count?.remaining === 0) throw tooMany('too many wrong passwords', count)
    }
    const count = await successes.read(request)
    if (count?.remaining === 0) throw tooMany('too many logins or password changes of this account', count)
  }

  async function slowDown (request: FastifyRequest): Promise<void> {
    if (request.passwordTurn!.known !== undefined) return
    const failures = await failuresOfAccount.read(request)
    const excess = failures === undefined ? 0 : failures.max - failures.remaining - LOGIN_LIMIT
    if (excess > 0) await delay(excess * SLOWER_MS)
  }

  async function countPassword (request: FastifyRequest, right: boolean): Promise<void> {
    const counters = right ? [successes] : [failuresThere, failuresOfNetwork, failuresOfAccount]
    await Promise.all(counters.map(async counter => await counter.count(request)))
  }

  function remember (request: FastifyRequest, account: string): void {
    const here = address(request)
    const others = (knownAddresses.get(account) ?? []).filter(known => known !== here)
    knownAddresses.set(account, [here, ...others].slice(0, KNOWN_ADDRESSES))
  }

  /** The session or address by which the account knows who sends a request. */
  function knownPlace (request: FastifyRequest, account: string, session?: string): string | undefined {
    if (session !== undefined) return `session ${session}`
    const here = address(request)
    return knownAddresses.get(account)?.includes(here) === true ? here : undefined
  }

  fastify.decorate('limits', {
    get busy () { return pace.rate < 1 },
    frames: frameAllowances(FRAME_RATE === 0 ? 0 : USER_FRAME_RATE, pace.withBurst),
    async request (request) {
      if (request.routeOptions.config.probe === true) return
      if (request.caller !== undefined) {
        const wait = byUser.of(request.caller.user).take(performance.now(), request.ws ? UPGRADE_COST : 1)
        if (wait > 0) throw tooManyRequests(wait)
        return
      }
      const count = await byAddress.count(request)
      if (count?.isExceeded === true) throw tooMany('too many requests', count)
    },
    work (request, cost) {
      if (cost > 0 && request.caller !== undefined) byUser.of(request.caller.user).charge(performance.now(), cost)
    },
    solvent (request) {
      const wait = byUser.of(request.caller.user).wait(performance.now(), 0)
      if (wait > 0) throw tooManyRequests(wait)
    },
    async allows (request) {
      const count = await byAddress.read(request)
      if (count?.remaining === 0) throw tooMany('too many requests', count)
    },
    async registration (request) {
      const count = await registrations.count(request)
      if (count?.isExceeded === true) throw tooMany('too many registrations', count)
    },
    passwordTurn: (request, account, session) => ({
      account,
      network: normalizeIP(request.ip, SITE_BITS),
      known: knownPlace(request, account, session)
    }),
    async passwordAttempt (request, turn) {
      request.passwordTurn = turn
      await passwordAllowed(request)
      return {
        ...turn,
        waits: async () => {
          // Again, for others have failed while this one waited.
          await passwordAllowed(request)
          await slowDown(request)
        },
        begins: async () => { await passwordAllowed(request) },
        ended: async right => {
          await countPassword(request, right)
          if (right) remember(request, turn.account)
        }
      }
    },
    remember
  })
}, { name: 'rate-limits' })
