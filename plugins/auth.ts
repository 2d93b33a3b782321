import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BEARER_PREFIX } from 'chat-protocol'
import fp from 'fastify-plugin'
import type { Socket } from 'node:net'
import { allowedOrigins } from '../src/config.js'
import { collection } from '../src/database/documents.js'
import { apiError } from '../src/errors.js'
import { isForeign, isUnsafe, isUpgrade } from '../src/http/origin.js'
import { noSession, sessionId, Sessions, type Caller } from '../src/accounts/sessions.js'

type Found = Caller | undefined | Promise<Caller | undefined>

declare module 'fastify' {
  interface FastifyInstance {
    sessions: Sessions & {
      /** Opens a session of a user, sets its cookie and returns its token. */
      open (user: string, request: FastifyRequest, reply: FastifyReply): Promise<string>
      /** Finds the sender of a request. @throws ApiError `unauthorized` */
      authenticate (request: FastifyRequest): Caller | Promise<Caller>
      /** Finds the caller by the cookie alone, if its session is open. */
      ofCookie (request: FastifyRequest): Found
      /** Deletes the cookie. */
      clearCookie (request: FastifyRequest, reply: FastifyReply): void
    }
  }
  interface FastifyRequest {
    /** The sender of the request. Only on routes that are not public. */
    caller: Caller
  }
  interface FastifyContextConfig {
    /** needs no session */
    public?: boolean
  }
}

/** How often expired sessions are deleted. They are invalid before that. */
const CLEAN_UP_MS = 60 * 60 * 1_000

/**
 * The prefix makes browsers insist on Secure, this host and Path=/ (RFC 6265bis, 4.1.3.2; ASVS 5.0, 3.3.1),
 * so that a neighbouring host cannot plant a session. Without TLS browsers would not keep such a cookie.
 */
const cookieName = (request: FastifyRequest): string =>
  request.protocol === 'https' ? '__Host-session' : 'session'

const cookieOptions = (request: FastifyRequest) =>
  ({ path: '/', httpOnly: true, sameSite: 'strict', secure: request.protocol === 'https' }) as const

/** The token of `Authorization: Bearer …` (RFC 6750, 2.1), or of a socket's subprotocol `bearer.TOKEN`. */
function bearerOf (request: FastifyRequest): string | undefined {
  const [scheme, token, ...rest] = request.headers.authorization?.split(' ') ?? []
  if (scheme?.toLowerCase() === 'bearer') return rest.length === 0 ? token ?? '' : ''
  if (!isUpgrade(request)) return undefined
  const protocols = request.headers['sec-websocket-protocol']?.split(',').map(protocol => protocol.trim())
  return protocols?.find(protocol => protocol.startsWith(BEARER_PREFIX))?.slice(BEARER_PREFIX.length)
}

type Authenticator = Pick<FastifyInstance['sessions'], 'authenticate' | 'ofCookie'>

/** The last token that a connection sent, with the id of its session. */
interface KnownToken { token: string, session: string }

/** Computes the id of a token's session once for each connection: the hash took 1.5 % of an HTTP send. */
function sessionIds (): (request: FastifyRequest, token: string) => string {
  const known = new WeakMap<Socket, KnownToken>()
  return function sessionIdOf ({ raw: { socket } }, token) {
    const last = known.get(socket)
    if (last?.token === token) return last.session
    const session = sessionId(token)
    known.set(socket, { token, session })
    return session
  }
}

/** Makes the functions that find the sender of a request; they need no promise where the cache knows it. */
function authenticator (
  fastify: FastifyInstance, store: Sessions, allowed: ReadonlySet<string>
): Authenticator {
  const sessionIdOf = sessionIds()

  function find (request: FastifyRequest, token: string): Found {
    const known = store.known(token, sessionIdOf(request, token))
    // Everybody can cause a read of the database: an address that used up its share is refused before.
    return known ?? fastify.limits.allows(request).then(async () => await store.find(token))
  }

  function ofCookie (request: FastifyRequest): Found {
    const token = request.cookies[cookieName(request)]
    return token === undefined ? undefined : find(request, token)
  }

  function authenticate (request: FastifyRequest): Caller | Promise<Caller> {
    const bearer = bearerOf(request)
    const withCookie = bearer === undefined
    const admitted = (caller: Caller | undefined): Caller => {
      if (caller === undefined) throw noSession()
      if (withCookie && isUnsafe(request) && isForeign(request, allowed)) {
        throw apiError('forbidden', 'a page of another origin cannot use the cookie of a session')
      }
      return caller
    }
    const found = withCookie ? ofCookie(request) : find(request, bearer)
    return found instanceof Promise ? found.then(admitted) : admitted(found)
  }

  return { authenticate, ofCookie }
}

/** Sets `request.caller` on every route that is not public, or refuses the request. */
function identifyCallers (fastify: FastifyInstance, allowed: ReadonlySet<string>): void {
  async function identify (request: FastifyRequest): Promise<void> {
    // Browsers let any page open a socket to any host, with a cookie or without (no same-origin policy).
    if (isUpgrade(request) && isForeign(request, allowed)) {
      throw apiError('forbidden', 'a page of another origin cannot open a socket')
    }
    const isPublic = request.is404 || request.routeOptions.config.public === true
    if (isPublic) return
    const caller = fastify.sessions.authenticate(request)
    // Without an await where the answer is there.
    request.caller = caller instanceof Promise ? await caller : caller
  }

  fastify.addHook('onRequest', async function authenticateRequest (request) {
    try {
      await identify(request)
    } finally {
      // Refused requests count too. Above the limit its error replaces every other one.
      await fastify.limits.request(request)
    }
  })
}

async function deleteExpiredSessions (fastify: FastifyInstance, store: Sessions): Promise<void> {
  await store.deleteExpired()
  const cleaning = setInterval(() => {
    store.deleteExpired()
      .catch(error => fastify.log.warn({ err: error }, 'expired sessions were not deleted'))
  }, CLEAN_UP_MS)
  fastify.addHook('onClose', async () => clearInterval(cleaning))
}

/** `fastify.sessions` and `request.caller`: finds the sender of each request. */
export default fp(async function authPlugin (fastify) {
  const allowed = allowedOrigins(fastify.config)
  const store = new Sessions(collection(fastify, 'sessions'), fastify.config.SESSION_DAYS,
    error => fastify.log.warn({ err: error }, 'the last use of a session was not stored'))

  async function open (user: string, request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const token = await store.create(user, request.headers['user-agent'] ?? '')
    const maxAge = Math.floor(store.maxAgeMs / 1_000)
    reply.setCookie(cookieName(request), token, { ...cookieOptions(request), maxAge })
    return token
  }

  function clearCookie (request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(cookieName(request), cookieOptions(request))
  }

  await fastify.register(fastifyCookie)
  const finders = authenticator(fastify, store, allowed)
  fastify.decorate('sessions', Object.assign(store, { open, clearCookie, ...finders }))
  fastify.decorateRequest('caller')
  identifyCallers(fastify, allowed)
  await deleteExpiredSessions(fastify, store)
}, { name: 'auth', dependencies: ['mongodb', 'security', 'rate-limits'] })
