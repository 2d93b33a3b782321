import { Type } from '@sinclair/typebox'
import type { App } from '../src/app.js'
import { replies } from '../src/schemas/common.js'

const StatusReply = Type.Object({ status: Type.Literal('ok') })

/** Whether the process lives, and whether it can serve: for load balancers and orchestrators. */
export default async function health (fastify: App) {
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
    await fastify.mongo.db!.command({ ping: 1 })
    return { status: 'ok' as const }
  })
}
