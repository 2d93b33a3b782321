import { Type } from '@sinclair/typebox'
import type { App } from '../src/app.js'
import { apiError } from '../src/errors.js'
import { replies } from '../src/http/schemas.js'

const StatusReply = Type.Object({ status: Type.Literal('ok') })
/** `degraded`: the server of the bus does not answer; this process serves all requests nevertheless. */
const ReadyReply = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  bus: Type.Optional(Type.Literal('away'))
})

/** Any number of probes causes one ping of the database in this time. */
const PING_MS = 1_000

/** GET /health and GET /ready, for load balancers and orchestrators. */
export default async function health (fastify: App) {
  const databaseAnswers = databaseProbe(fastify)

  fastify.get('/health', {
    config: { public: true, probe: true },
    schema: {
      tags: ['operation'],
      operationId: 'health',
      summary: 'The process lives',
      response: replies(200, StatusReply)
    }
  }, async function health () {
    return { status: 'ok' as const }
  })

  fastify.get('/ready', {
    config: { public: true, probe: true },
    schema: {
      tags: ['operation'],
      operationId: 'ready',
      summary: 'The database answers, and messages of other processes arrive',
      response: replies(200, ReadyReply)
    }
  }, async function ready () {
    await databaseAnswers()
    const { state } = fastify.bus
    if (state === 'wedged') throw apiError('unavailable', 'messages of other processes do not arrive')
    return state === 'away' ? { status: 'degraded' as const, bus: state } : { status: 'ok' as const }
  })
}

/**
 * Makes a function that pings the database. Calls during a ping, and until PING_MS after it, share its
 * outcome, also if it fails.
 */
function databaseProbe (fastify: App): () => Promise<void> {
  let ping: Promise<unknown> | undefined
  let pingAgainAt = 0

  return async function databaseAnswers () {
    if (performance.now() >= pingAgainAt) {
      ping = fastify.mongo.db!.command({ ping: 1 })
      // No other ping while this one is running.
      pingAgainAt = Infinity
      ping.catch(() => {}).finally(() => {
        pingAgainAt = performance.now() + PING_MS
      })
    }
    await ping
  }
}
