import fastifyRateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Attempt, PasswordTurn } from '../src/accounts/password-attempt.js'
import { PasswordLimits } from '../src/accounts/password-limits.js'
import { UPGRADE_COST } from '../src/http/request-costs.js'
import { Allowances } from '../src/rate-limits/allowances.js'
import type { Count, Counter } from '../src/rate-limits/counter.js'
import { KnownAddresses } from '../src/rate-limits/known-addresses.js'
import { LoadPace } from '../src/rate-limits/load-pace.js'
import { tooMany } from '../src/rate-limits/refusal.js'
import { frameAllowances } from '../src/realtime/frame-limiter.js'

declare module 'fastify' {
  interface FastifyInstance {
    limits: Limits
  }
  interface FastifyRequest {
    /** The account whose password the request tries or sets, and from where. */
    passwordTurn: PasswordTurn | null
  }
  interface FastifyContextConfig {
    /** not counted by HTTP_RATE, and answered under pressure too: for the probes of load balancers */
    probe?: boolean
  }
}

/** Its functions throw `tooManyRequests` with the seconds until a repeat makes sense. */
export interface Limits extends RequestLimits {
  /** Whether users get less than their rates because the event loop is busy. */
  readonly busy: boolean
  /** What the frames of each user may cost (USER_FRAME_RATE). Times are those of Date.now(). */
  readonly frames: Allowances
  /** Counts a registration (REGISTER_LIMIT). */
  registration (request: FastifyRequest): Promise<void>
  /**
   * Describes a request that needs the work of a password, for the queues of src/accounts/passwords.ts.
   * @param account the account's key, even if no such account exists
   * @param session the id of the session that sends the request, if it is one of this account
   */
  passwordTurn (request: FastifyRequest, account: string, session?: string): PasswordTurn
  /**
   * Begins an attempt to use a password (src/accounts/password-limits.ts).
   * @param turn what `passwordTurn` returned for this request
   */
  passwordAttempt (request: FastifyRequest, turn: PasswordTurn): Promise<Attempt>
  /** Remembers that somebody at the request's address knows the password of the account. */
  remember (request: FastifyRequest, account: string): void
}

interface RequestLimits {
  /** Counts a request: for its caller, or for its address if it has no caller (HTTP_RATE). */
  request (request: FastifyRequest): Promise<void>
  /**
   * Counts what a caller's request costs beyond itself, in requests. It never throws, but may leave a debt.
   */
  work (request: FastifyRequest, cost: number): void
  /** Checks that the caller has no debt, before costly work begins. */
  solvent (request: FastifyRequest): void
  /** Checks that an address has a share of HTTP_RATE left, without counting. */
  allows (request: FastifyRequest): Promise<void>
}

/** How often the load of the event loop is measured. */
const PACE_MS = 250
/** HTTP_RATE is counted over this time, so a burst may use all of it at once. */
const BURST_SECONDS = 3
const REGISTER_WINDOW_MS = 60 * 60 * 1_000

/** An IPv6 site has up to a /48 (RFC 6177): a guesser there can use all of its 65,536 networks. */
const SITE_BITS = 48

/**
 * Keys that each limit counts at a time; each takes about 150 bytes. The least recently used are forgotten
 * first.
 */
const CACHE_SIZE = 20_000

const TOO_MANY = 'too many requests'

const { normalizeIP } = fastifyRateLimit

/** The address of a request. IPv6 is counted by /64, because one customer has all of its addresses. */
const addressOf = (request: FastifyRequest): string => normalizeIP(request.ip)

/**
 * `fastify.limits`: how often each user and address may do what. This process counts alone: several processes
 * together allow as many times more.
 */
export default fp(async function rateLimitsPlugin (fastify) {
  const { FRAME_RATE, USER_FRAME_RATE, REGISTER_LIMIT, LOGIN_LIMIT } = fastify.config
  await fastify.register(fastifyRateLimit, { global: false, cache: CACHE_SIZE })
  fastify.decorateRequest('passwordTurn', null)

  const pace = measuredPace(fastify)
  const registrations = counter(fastify, REGISTER_LIMIT, REGISTER_WINDOW_MS, addressOf)
  const knownAddresses = new KnownAddresses()
  const passwords = new PasswordLimits<FastifyRequest>(LOGIN_LIMIT, (max, windowMs, key) =>
    counter(fastify, max, windowMs, key))

  function remember (request: FastifyRequest, account: string): void {
    knownAddresses.add(account, addressOf(request))
  }

  /** The session or address by which the account knows the sender of a request. */
  function knownPlace (request: FastifyRequest, account: string, session?: string): string | undefined {
    if (session !== undefined) return `session ${session}`
    const address = addressOf(request)
    return knownAddresses.has(account, address) ? address : undefined
  }

  fastify.decorate('limits', {
    get busy () { return pace.rate < 1 },
    frames: frameAllowances(FRAME_RATE === 0 ? 0 : USER_FRAME_RATE, pace.withBurst),
    ...requestLimits(fastify, pace),
    async registration (request) {
      const count = await registrations.count(request)
      if (count?.isExceeded === true) throw tooMany('too many registrations', count.ttlInSeconds)
    },
    passwordTurn: (request, account, session) => ({
      account,
      network: normalizeIP(request.ip, SITE_BITS),
      known: knownPlace(request, account, session)
    }),
    passwordAttempt: (request, turn) => passwords.begin(request, turn, () => remember(request, turn.account)),
    remember
  })
}, { name: 'rate-limits' })

/** Makes a counter of at most `max` requests in a window; 0 switches it off. */
function counter (
  fastify: FastifyInstance, max: number, timeWindow: number, keyGenerator: (request: FastifyRequest) => string
): Counter<FastifyRequest> {
  const cache = CACHE_SIZE
  const options: CreateRateLimitOptions & { cache: number } = { max, timeWindow, keyGenerator, cache }
  const limit = fastify.createRateLimit(options)
  const isOff = max === 0
  return {
    count: async request => isOff ? undefined : await limit(request) as Count,
    read: async request => isOff ? undefined : await limit(request, { increment: false }) as Count
  }
}

/** Makes a pace that follows the load of the event loop until the application closes. */
function measuredPace (fastify: FastifyInstance): LoadPace {
  const pace = new LoadPace()
  let measuring: NodeJS.Timeout | undefined
  // Not before: the start of the process keeps the event loop busy, but no users.
  fastify.addHook('onReady', async () => {
    let before = performance.eventLoopUtilization()
    measuring = setInterval(() => {
      const now = performance.eventLoopUtilization()
      pace.measure(performance.eventLoopUtilization(now, before).utilization)
      before = now
    }, PACE_MS)
  })
  fastify.addHook('onClose', async () => clearInterval(measuring))
  return pace
}

function requestLimits (fastify: FastifyInstance, pace: LoadPace): RequestLimits {
  const { HTTP_RATE } = fastify.config
  const burst = HTTP_RATE * BURST_SECONDS
  const byAddress = counter(fastify, burst, BURST_SECONDS * 1_000, addressOf)
  const byUser = new Allowances(HTTP_RATE, burst, pace)

  function refuseAfter (waitMs: number): void {
    if (waitMs > 0) throw tooMany(TOO_MANY, waitMs / 1_000)
  }

  return {
    async request (request) {
      if (request.routeOptions.config.probe === true) return
      if (request.caller !== undefined) {
        const cost = request.ws ? UPGRADE_COST : 1
        refuseAfter(byUser.of(request.caller.user).take(performance.now(), cost))
        return
      }
      const count = await byAddress.count(request)
      if (count?.isExceeded === true) throw tooMany(TOO_MANY, count.ttlInSeconds)
    },
    work (request, cost) {
      if (cost <= 0 || request.caller === undefined) return
      byUser.of(request.caller.user).charge(performance.now(), cost)
    },
    solvent (request) {
      refuseAfter(byUser.of(request.caller.user).wait(performance.now(), 0))
    },
    async allows (request) {
      const count = await byAddress.read(request)
      if (count?.remaining === 0) throw tooMany(TOO_MANY, count.ttlInSeconds)
    }
  }
}
