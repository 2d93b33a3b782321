import fastifyCors from '@fastify/cors'
import fastifyHelmet from '@fastify/helmet'
import fastifyUnderPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { getHeapStatistics } from 'node:v8'
import { allowedOrigins } from '../src/config.js'
import { apiError } from '../src/errors.js'
import { availableMemory, memoryInUse } from '../src/http/memory.js'

/** Above this share of the heap's limit the process is about to be ended by V8. */
const MAX_HEAP = 0.9
/** How often memory is compared with its limit; it takes less than 0.1 ms. */
const MEMORY_MS = 1_000
/** Seconds after which overload may have passed; it is measured every second. */
const RETRY_SECONDS = 2
/** Browsers keep the answer to a preflight for up to two hours at most. */
const PREFLIGHT_SECONDS = 600

/** Headers against what browsers do with answers, CORS, and 503 before an overload becomes a breakdown. */
export default fp(async function securityPlugin (fastify) {
  await fastify.register(fastifyHelmet, {
    // For JSON, which needs nothing at all (OWASP REST Security Cheat Sheet). Pages bring a policy of their own.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] }
    },
    frameguard: { action: 'deny' }
  })
  fastify.addHook('onRequest', async function forbidStoring (_request, reply) {
    reply.header('Cache-Control', 'no-store')
  })

  const origins = [...allowedOrigins(fastify.config)]
  if (origins.length > 0) {
    await fastify.register(fastifyCors, {
      origin: origins,
      credentials: true,
      methods: ['GET', 'POST', 'DELETE'],
      allowedHeaders: ['Authorization', 'Content-Type'],
      exposedHeaders: ['Retry-After'],
      maxAge: PREFLIGHT_SECONDS,
      strictPreflight: false
    })
  }

  let closing = false
  fastify.addHook('preClose', async () => { closing = true })
  fastify.addHook('onRequest', async function refuseWhileClosing () {
    if (closing) throw apiError('unavailable', 'the server restarts', '', { retryAfter: RETRY_SECONDS })
  })

  const maxMemory = fastify.config.MAX_MEMORY_SHARE * availableMemory()
  await fastify.register(fastifyUnderPressure, {
    healthCheck: async () => maxMemory === 0 || memoryInUse() < maxMemory,
    healthCheckInterval: MEMORY_MS,
    maxEventLoopDelay: fastify.config.MAX_LOOP_DELAY_MS,
    maxHeapUsedBytes: MAX_HEAP * getHeapStatistics().heap_size_limit,
    retryAfter: RETRY_SECONDS,
    pressureHandler: (request, _reply, type) => {
      // A probe that fails would have the process replaced just when it is busy.
      if (request.routeOptions.config.probe === true) return
      const what = type === 'healthCheck' ? 'memory' : type
      throw apiError('unavailable', `the server is overloaded (${what})`, '', { retryAfter: RETRY_SECONDS })
    }
  })
}, { name: 'security', dependencies: ['websocket'] })
