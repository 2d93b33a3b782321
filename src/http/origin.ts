import type { FastifyRequest } from 'fastify'

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether a request would open a WebSocket. @fastify/websocket takes whatever Node calls an upgrade; so is it here. */
export const isUpgrade = (request: FastifyRequest): boolean => request.headers.upgrade !== undefined

/** Whether an `Origin` names the host that the request was sent to; the port too, the scheme's own where none is given. */
function isThisHost (origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host: given } = new URL(origin)
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === given && given !== ''
}

/**
 * Whether a browser sent this request from a page of another origin: then a cookie proves nothing
 * (OWASP CSRF Prevention Cheat Sheet, "Verifying Origin With Standard Headers" and "Fetch Metadata").
 * Without either header it was no browser's page.
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

/** Whether a request can do something: it changes data, or opens a socket over which data is changed. */
export const isUnsafe = (request: FastifyRequest): boolean => !isSafe(request) || isUpgrade(request)
