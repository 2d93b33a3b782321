import { Type } from '@sinclair/typebox'
import { timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { App } from '../src/app.js'
import { apiError } from '../src/errors.js'
import { replies } from '../src/http/schemas.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const MetricsReply = Type.Unsafe<string>({
  description: 'Prometheus text format',
  content: { 'text/plain': { schema: Type.String() } }
})

/** Whether a request comes from this machine. Behind a proxy on this machine every request would seem to. */
function isLocal ({ headers, ip }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined) return false
  return loopback.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
}

/** GET /metrics in Prometheus' text format: for this machine, or with METRICS_TOKEN. */
export default async function metrics (fastify: App) {
  const { METRICS_TOKEN } = fastify.config
  const expected = Buffer.from(`Bearer ${METRICS_TOKEN}`)

  function hasToken ({ headers }: FastifyRequest): boolean {
    const given = Buffer.from(headers.authorization ?? '')
    return METRICS_TOKEN !== '' && given.length === expected.length && timingSafeEqual(given, expected)
  }

  fastify.get('/metrics', {
    config: { public: true },
    schema: {
      tags: ['operation'],
      operationId: 'metrics',
      summary: "Prometheus' metrics: on loopback, or with METRICS_TOKEN",
      response: replies(200, MetricsReply, [403])
    }
  }, async function metrics (request, reply) {
    if (!hasToken(request) && !isLocal(request)) {
      throw apiError('forbidden', 'only on this machine, or with METRICS_TOKEN as Authorization: Bearer …')
    }
    return await reply.type(fastify.metrics.contentType).send(await fastify.metrics.read())
  })
}
