import type { FastifyRequest } from 'fastify'

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether a request would open a WebSocket: whatever Node calls an upgrade, as for @fastify/websocket. */
export const isUpgrade = (request: FastifyRequest): boolean => request.headers.upgrade !== undefined

/**
 * Whether an `Origin` names the host that a request was sent to. The port counts; its default is the
 * scheme's.
 */
function isThisHost (origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host: given } = new URL(origin)
  const own = `${protocol}//${host}`
  return given !== '' && URL.canParse(own) && new URL(own).host === given
}

/**
 * Whether a browser sent this request from a page of another origin: then its cookie proves nothing
 * (OWASP CSRF Prevention Cheat Sheet, "Verifying Origin With Standard Headers" and "Fetch Metadata").
 * A request without either header does not come from a page.
 * @param allowed origins of ALLOWED_ORIGINS
 */
export function isForeign (request: FastifyRequest, allowed: ReadonlySet<string>): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== undefined) {
    if (allowed.has(origin)) return false
    if (!isThisHost(origin, request.host)) return true
  }
  return site === 'cross-site' || site === 'same-site'
}

/** Whether a request only reads. */
export const isSafe = (request: FastifyRequest): boolean => SAFE_METHODS.has(request.method)

/** Whether a request may change data, directly or over the socket that it opens. */
export const isUnsafe = (request: FastifyRequest): boolean => !isSafe(request) || isUpgrade(request)
