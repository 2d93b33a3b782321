import fp from 'fastify-plugin'
import { Registry, Gauge, Histogram, collectDefaultMetrics } from 'prom-client'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Registry
  }
}

/** Seconds; from a cached answer to a database that is in trouble. */
const BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]

/** `fastify.metrics`: what GET /metrics shows, in a registry of this application alone. */
export default fp(async function metricsPlugin (fastify) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({ name: 'chat_http_request_seconds', help: 'HTTP requests', labelNames: ['method', 'route', 'status'], buckets: BUCKETS, registers: [registry] })

  function gauge (name: string, help: string, read: () => number): void {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => { metric.set(read()) } })
  }
  gauge('chat_connections', 'open connections that speak HTTP', () => fastify.connections.open)
  gauge('chat_answer_bytes', 'bytes of requests and of unread answers', () => fastify.answers.gauges().bytes)
  gauge('chat_sockets', 'open sockets', () => fastify.realtime.gauges().sockets)
  gauge('chat_users_online', 'users with an open socket', () => fastify.realtime.gauges().users)
  gauge('chat_cursors', 'cursors of conversations on sockets', () => fastify.realtime.gauges().cursors)
  gauge('chat_socket_queued_bytes', 'bytes queued to sockets', () => fastify.realtime.gauges().queuedBytes)
  gauge('chat_awaited_acks', 'acks that sockets wait for', () => fastify.realtime.gauges().awaitedAcks)
  gauge('chat_users_watched', 'users whose presence is watched', () => fastify.presence.gauges().watched)
  gauge('chat_users_leaving', 'users within the grace time after their last socket went', () => fastify.presence.gauges().leaving)
  gauge('chat_users_typing', 'users who type', () => fastify.presence.gauges().typing)
  gauge('chat_messages_pending', 'messages that wait or are being written', () => fastify.messageLog.pending)
  gauge('chat_summaries_pending', 'summaries and marks that wait to be written', () => fastify.conversations.pending)

  fastify.decorate('metrics', registry)
  fastify.addHook('onResponse', async (request, reply) => {
    // The pattern, not the URL: ids in labels would make a series of each.
    requests.observe({ method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }, reply.elapsedTime / 1000)
  })
}, { name: 'metrics', dependencies: ['answers', 'connections', 'presence', 'realtime'] })
