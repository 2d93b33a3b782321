import fastifyCors from '@fastify/cors'
import fastifyUnderPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import helmet from 'helmet'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getHeapStatistics } from 'node:v8'
import { allowedOrigins } from '../src/config.js'
import { apiError } from '../src/errors.js'
import { availableMemory, memoryInUse } from '../src/http/memory.js'

/** Above this share of its heap limit, V8 is about to end the process. */
const MAX_HEAP = 0.9
/** How often memory is compared with its limit; it takes less than 0.1 ms. */
const MEMORY_MS = 1_000
/** Seconds after which an overload may be over. It is measured every second. */
const RETRY_SECONDS = 2
/** Browsers cache the answer to a preflight for at most two hours. */
const PREFLIGHT_SECONDS = 600

/** Security headers and CORS, and 503 before an overload becomes a breakdown. */
export default fp(async function securityPlugin (fastify) {
  addHeaders(fastify)
  await allowOrigins(fastify)
  refuseWhileClosing(fastify)
  await refuseUnderPressure(fastify)
}, { name: 'security', dependencies: ['websocket'] })

/**
 * The headers of every answer, made once: helmet would make them anew for each request, which took 4 % of the
 * time of an HTTP send.
 */
function constantHeaders (): Record<string, string> {
  const none = ["'none'"]
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  const apply = helmet({
    // For JSON, which needs nothing (OWASP REST Security Cheat Sheet). Pages have their own policies.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: none, frameAncestors: none, baseUri: none, formAction: none }
    },
    frameguard: { action: 'deny' }
  })
  const response = {
    setHeader (name: string, value: string) { headers[name.toLowerCase()] = value },
    removeHeader () {}
  }
  apply({} as IncomingMessage, response as unknown as ServerResponse, () => {})
  return headers
}

function addHeaders (fastify: FastifyInstance): void {
  const headers = constantHeaders()
  fastify.addHook('onRequest', function setHeaders (_request, reply, done) {
    reply.headers(headers)
    done()
  })
}

async function allowOrigins (fastify: FastifyInstance): Promise<void> {
  const origin = [...allowedOrigins(fastify.config)]
  if (origin.length === 0) return
  await fastify.register(fastifyCors, {
    origin,
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type'],
    exposedHeaders: ['Retry-After'],
    maxAge: PREFLIGHT_SECONDS,
    strictPreflight: false
  })
}

function refuseWhileClosing (fastify: FastifyInstance): void {
  let closing = false
  fastify.addHook('preClose', async () => {
    closing = true
  })
  fastify.addHook('onRequest', function refuseWhileClosing (_request, _reply, done) {
    if (!closing) done()
    else done(apiError('unavailable', 'the server restarts', '', { retryAfter: RETRY_SECONDS }))
  })
}

async function refuseUnderPressure (fastify: FastifyInstance): Promise<void> {
  const { MAX_MEMORY_SHARE, WORKERS } = fastify.config
  // In a worker WORKERS is their number.
  const maxMemory = MAX_MEMORY_SHARE * availableMemory() / Math.max(WORKERS, 1)
  await fastify.register(fastifyUnderPressure, {
    healthCheck: async () => maxMemory === 0 || memoryInUse() < maxMemory,
    healthCheckInterval: MEMORY_MS,
    maxEventLoopDelay: fastify.config.MAX_LOOP_DELAY_MS,
    maxHeapUsedBytes: MAX_HEAP * getHeapStatistics().heap_size_limit,
    retryAfter: RETRY_SECONDS,
    pressureHandler: (request, _reply, type) => {
      // After a failed probe the process would be replaced while it is busy.
      if (request.routeOptions.config.probe === true) return
      const what = type === 'healthCheck' ? 'memory' : type
      throw apiError('unavailable', `the server is overloaded (${what})`, '', { retryAfter: RETRY_SECONDS })
    }
  })
}
