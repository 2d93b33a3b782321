import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifyUnderPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
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
  await addHeaders(fastify)
  await allowOrigins(fastify)
  refuseWhileClosing(fastify)
  await refuseUnderPressure(fastify)
}, { name: 'security', dependencies: ['websocket'] })

async function addHeaders (fastify: FastifyInstance): Promise<void> {
  const none = ["'none'"]
  await fastify.register(fastifyHelmet, {
    // For JSON, which needs nothing (OWASP REST Security Cheat Sheet). Pages have their own policies.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: none, frameAncestors: none, baseUri: none, formAction: none }
    },
    frameguard: { action: 'deny' }
  })
  fastify.addHook('onRequest', async function forbidStoring (_request, reply) {
    reply.header('Cache-Control', 'no-store')
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
  fastify.addHook('onRequest', async function refuseWhileClosing () {
    if (closing) throw apiError('unavailable', 'the server restarts', '', { retryAfter: RETRY_SECONDS })
  })
}

async function refuseUnderPressure (fastify: FastifyInstance): Promise<void> {
  const maxMemory = fastify.config.MAX_MEMORY_SHARE * availableMemory()
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
