import fastifyCookie from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BEARER_PREFIX } from 'chat-protocol'
import fp from 'fastify-plugin'
import { allowedOrigins } from '../src/config.js'
import { collection } from '../src/database/documents.js'
import { apiError } from '../src/errors.js'
import { isForeign, isUnsafe, isUpgrade } from '../src/http/origin.js'
import { noSession, Sessions, type Caller } from '../src/accounts/sessions.js'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: Sessions & {
      /** Opens a session of a user, sets its cookie and gives its token. */
      open (user: string, request: FastifyRequest, reply: FastifyReply): Promise<string>
      /** Who sends a request, or an `unauthorized` error. */
      authenticate (request: FastifyRequest): Promise<Caller>
      /** The caller by the cookie alone, where there is an open session. */
      ofCookie (request: FastifyRequest): Promise<Caller | undefined>
      /** Takes the cookie back. */
      clearCookie (request: FastifyRequest, reply: FastifyReply): void
    }
  }
  interface FastifyRequest {
    /** Who sends the request. Only on routes that are not public. */
    caller: Caller
  }
  interface FastifyContextConfig {
    /** needs no session */
    public?: boolean
  }
}

/** How often expired sessions are deleted. They open nothing meanwhile. */
const CLEAN_UP_MS = 60 * 60 * 1_000

/**
 * The prefix makes browsers insist on Secure, this host and Path=/ (RFC 6265bis, 4.1.3.2; ASVS 5.0, 3.3.1), so that no
 * neighbouring host can plant a session. Without TLS no browser would keep such a cookie.
 */
const cookieName = (request: FastifyRequest): string => request.protocol === 'https' ? '__Host-session' : 'session'

const cookieOptions = (request: FastifyRequest) =>
  ({ path: '/', httpOnly: true, sameSite: 'strict', secure: request.protocol === 'https' }) as const

/** The token of `Authorization: Bearer …` (RFC 6750, 2.1), or for a socket that of the subprotocol `bearer.TOKEN`. */
function bearerOf (request: FastifyRequest): string | undefined {
  const [scheme, token, ...rest] = request.headers.authorization?.split(' ') ?? []
  if (scheme?.toLowerCase() === 'bearer') return rest.length === 0 ? token ?? '' : ''
  if (!isUpgrade(request)) return undefined
  const protocols = request.headers['sec-websocket-protocol']?.split(',').map(protocol => protocol.trim())
  return protocols?.find(protocol => protocol.startsWith(BEARER_PREFIX))?.slice(BEARER_PREFIX.length)
}

/**
 * Who sends a request: `fastify.sessions`, and one hook that sets `request.caller` on every route that is not public,
 * or refuses the request.
 */
export default fp(async function authPlugin (fastify) {
  const allowed = allowedOrigins(fastify.config)
  const store = new Sessions(collection(fastify, 'sessions'), fastify.config.SESSION_DAYS,
    error => fastify.log.warn({ err: error }, 'the last use of a session was not written'))

  async function find (request: FastifyRequest, token: string): Promise<Caller | undefined> {
    const known = store.known(token)
    if (known !== undefined) return known
    // Asking the database is work that anybody can cause: an address that used up its share is refused before.
    await fastify.limits.allows(request)
    return await store.find(token)
  }

  async function ofCookie (request: FastifyRequest): Promise<Caller | undefined> {
    const token = request.cookies[cookieName(request)]
    return token === undefined ? undefined : await find(request, token)
  }

  async function authenticate (request: FastifyRequest): Promise<Caller> {
    const bearer = bearerOf(request)
    const caller = bearer === undefined ? await ofCookie(request) : await find(request, bearer)
    if (caller === undefined) throw noSession()
    if (bearer === undefined && isUnsafe(request) && isForeign(request, allowed)) {
      throw apiError('forbidden', 'a page of another origin cannot use the cookie of a session')
    }
    return caller
  }

  async function open (user: string, request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const token = await store.create(user, request.headers['user-agent'] ?? '')
    reply.setCookie(cookieName(request), token, { ...cookieOptions(request), maxAge: Math.floor(store.maxAgeMs / 1_000) })
    return token
  }

  function clearCookie (request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(cookieName(request), cookieOptions(request))
  }

  await fastify.register(fastifyCookie)
  fastify.decorate('sessions', Object.assign(store, { open, authenticate, ofCookie, clearCookie }))
  fastify.decorateRequest('caller')

  async function identify (request: FastifyRequest): Promise<void> {
    // However it authenticates: a browser lets any page open a socket to any host (no same-origin policy there).
    if (isUpgrade(request) && isForeign(request, allowed)) throw apiError('forbidden', 'a page of another origin cannot open a socket')
    if (!request.is404 && request.routeOptions.config.public !== true) request.caller = await authenticate(request)
  }

  fastify.addHook('onRequest', async function authenticateRequest (request) {
    try {
      await identify(request)
    } finally {
      // What was refused counts as well, and over the limit nothing else is said.
      await fastify.limits.request(request)
    }
  })

  await store.deleteExpired()
  const cleaning = setInterval(() => {
    store.deleteExpired().catch(error => fastify.log.warn({ err: error }, 'expired sessions were not deleted'))
  }, CLEAN_UP_MS)
  fastify.addHook('onClose', async () => clearInterval(cleaning))
}, { name: 'auth', dependencies: ['mongodb', 'security', 'rate-limits'] })
