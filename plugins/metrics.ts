import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import cluster from 'node:cluster'
import { Registry, Gauge, Histogram, collectDefaultMetrics } from 'prom-client'
import { shareMetrics } from '../src/workers/worker.js'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

interface Metrics {
  readonly contentType: string
  /** The metrics of all workers in Prometheus' text format; without workers those of this process. */
  read (): Promise<string>
}

/** Seconds, from a cached answer to a database in trouble. */
const BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]

type Gauges = Record<string, [help: string, read: () => number]>

function gaugesOf (fastify: FastifyInstance): Gauges {
  const sockets = () => fastify.realtime.gauges()
  const presence = () => fastify.presence.gauges()
  return {
    chat_connections: ['open connections that speak HTTP', () => fastify.connections.open],
    chat_answer_bytes: ['bytes of requests and of unread answers', () => fastify.answers.gauges().bytes],
    chat_sockets: ['open sockets', () => sockets().sockets],
    chat_users_online: ['users with an open socket', () => sockets().users],
    chat_cursors: ['cursors of conversations on sockets', () => sockets().cursors],
    chat_socket_queued_bytes: ['bytes queued to sockets', () => sockets().queuedBytes],
    chat_awaited_acks: ['acks that sockets wait for', () => sockets().awaitedAcks],
    chat_users_watched: ['users whose presence is watched', () => presence().watched],
    chat_users_leaving: ['users within the grace time after their last socket', () => presence().leaving],
    chat_users_typing: ['users who type', () => presence().typing],
    chat_bus_away: ['1 while Redis does not answer', () => Number(fastify.bus.state === 'away')],
    chat_bus_wedged: ['1 while messages of others do not arrive',
      () => Number(fastify.bus.state === 'wedged')],
    chat_bus_waiting: ['messages that other processes have not got yet', () => fastify.bus.waiting],
    chat_messages_pending: ['messages that wait or are being written', () => fastify.conversationLog.pending],
    chat_pages_from_memory:
      ['pages of messages that needed no database', () => fastify.conversationLog.pagesFromMemory],
    chat_tail_bytes: ['bytes of messages kept for such pages', () => fastify.conversationLog.tailBytes],
    chat_summaries_pending:
      ['summaries and marks that wait to be written', () => fastify.conversations.pending]
  }
}

/** `fastify.metrics`: the metrics of GET /metrics. */
export default fp(async function metricsPlugin (fastify) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'chat_http_request_seconds',
    help: 'HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry]
  })
  for (const [name, [help, read]] of Object.entries(gaugesOf(fastify))) {
    const metric: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => { metric.set(read()) }
    })
  }

  fastify.decorate('metrics', {
    contentType: registry.contentType,
    read: cluster.isWorker ? shareMetrics(registry) : async () => await registry.metrics()
  })
  fastify.addHook('onResponse', (request, reply, done) => {
    // The pattern of the route, not the URL: each id in a label would begin a new series.
    const route = request.routeOptions.url ?? 'none'
    const labels = { method: request.method, route, status: reply.statusCode }
    requests.observe(labels, reply.elapsedTime / 1000)
    done()
  })
}, { name: 'metrics', dependencies: ['answers', 'bus', 'connections', 'presence', 'realtime'] })
