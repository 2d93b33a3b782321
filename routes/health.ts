import { Type } from '@sinclair/typebox'
import type { App } from '../src/app.js'
import { replies } from '../src/http/schemas.js'

const StatusReply = Type.Object({ status: Type.Literal('ok') })

/** Any number of probes cost one ping of the database in this time. */
const PING_MS = 1_000

/** Whether the process lives, and whether it can serve: for load balancers and orchestrators. */
export default async function health (fastify: App) {
  let ping: Promise<unknown> | undefined
  let pingAgainAt = 0

  /** Asks the database, or gives the answer that is under way or at most PING_MS old, failures too. */
  async function databaseAnswers (): Promise<void> {
    if (performance.now() >= pingAgainAt) {
      ping = fastify.mongo.db!.command({ ping: 1 })
      // While it is under way nobody asks again.
      pingAgainAt = Infinity
      ping.catch(() => {}).finally(() => { pingAgainAt = performance.now() + PING_MS })
    }
    await ping
  }

  fastify.get('/health', {
    config: { public: true, probe: true },
    schema: { tags: ['operation'], operationId: 'health', summary: 'The process lives', response: replies(200, StatusReply) }
  }, async function health () {
    return { status: 'ok' as const }
  })

  fastify.get('/ready', {
    config: { public: true, probe: true },
    schema: { tags: ['operation'], operationId: 'ready', summary: 'The database answers', response: replies(200, StatusReply) }
  }, async function ready () {
    await databaseAnswers()
    return { status: 'ok' as const }
  })
}
