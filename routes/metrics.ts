import { timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import type { App } from '../src/app.js'
import { Type } from '@sinclair/typebox'
import { apiError } from '../src/errors.js'
import { replies } from '../src/http/schemas.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** GET /metrics in Prometheus' text format: for this machine, or for who has METRICS_TOKEN. */
export default async function metrics (fastify: App) {
  const { METRICS_TOKEN } = fastify.config
  const expected = Buffer.from(`Bearer ${METRICS_TOKEN}`)

  fastify.get('/metrics', {
    config: { public: true },
    schema: {
      tags: ['operation'],
      operationId: 'metrics',
      summary: "Prometheus' metrics: on loopback, or with METRICS_TOKEN",
      response: replies(200, Type.Unsafe<string>({ description: 'Prometheus text format', content: { 'text/plain': { schema: Type.String() } } }), [403])
    }
  }, async function metrics (request, reply) {
    const given = Buffer.from(request.headers.authorization ?? '')
    const token = METRICS_TOKEN !== '' && given.length === expected.length && timingSafeEqual(given, expected)
    // Behind a proxy on this machine everybody would seem local.
    const local = request.headers['x-forwarded-for'] === undefined && loopback.check(request.ip, isIP(request.ip) === 6 ? 'ipv6' : 'ipv4')
    if (!token && !local) throw apiError('forbidden', 'only on this machine, or with METRICS_TOKEN as Authorization: Bearer …')
    return await reply.type(fastify.metrics.contentType).send(await fastify.metrics.metrics())
  })
}
