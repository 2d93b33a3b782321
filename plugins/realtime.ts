import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { MESSAGE_CHARS } from 'chat-protocol'
import type { Config } from '../src/config.js'
import { DRAINED_SHARE } from '../src/realtime/connection.js'
import { costOfFanOut, costOfPage } from '../src/realtime/frame-costs.js'
import { Hub, type HubLimits } from '../src/realtime/hub.js'
import { LogReads } from '../src/realtime/log-reads.js'
import { Publisher } from '../src/realtime/publisher.js'

declare module 'fastify' {
  interface FastifyInstance {
    realtime: Hub
    publisher: Publisher
  }
}

/**
 * `fastify.realtime`: the open sockets of this process; `fastify.publisher`: what it publishes for all of
 * them.
 */
export default fp(async function realtimePlugin (fastify) {
  const { bus, config, conversations, conversationLog, membership, repositories, sessions, log } = fastify
  const reads = new LogReads({
    log: conversationLog,
    repository: repositories.log,
    membership,
    conversations,
    // A page fits into a queue that has drained.
    pageBytes: config.QUEUE_BYTES * DRAINED_SHARE,
    onPage: (user, bytes) => { fastify.limits.frames.of(user).charge(Date.now(), costOfPage(bytes)) }
  })
  const hub = new Hub({
    bus,
    membership,
    reads,
    sessions,
    conversations,
    hello: helloOf(config),
    limits: limitsOf(config),
    log
  })
  const publisher = newPublisher(fastify)
  fastify.decorate('realtime', hub)
  fastify.decorate('publisher', publisher)

  conversationLog.onStored((entry, repeat) => publisher.stored(entry, repeat))
  conversations.onReceipt(receipt => publisher.receipt(receipt))
  sessions.onEnd(ended => publisher.sessionEnded(ended))

  fastify.addHook('preClose', async () => {
    await hub.close(async () => await conversationLog.drain())
    // Those that were closing already, such as slow readers.
    for (const ws of fastify.websocketServer.clients) ws.terminate()
  })
}, {
  name: 'realtime',
  dependencies: [
    'auth', 'bus', 'conversation-log', 'membership', 'rate-limits', 'repositories', 'websocket'
  ]
})

function newPublisher ({ bus, membership, limits, log }: FastifyInstance): Publisher {
  return new Publisher({
    bus,
    membership,
    onFanOut: (actor, members) => {
      const cost = costOfFanOut(members)
      if (cost > 0) limits.frames.of(actor).charge(Date.now(), cost)
    },
    onError: error => {
      log.warn({ err: error }, 'the members of a conversation could not be looked up')
    }
  })
}

function helloOf (config: Config) {
  return {
    heartbeatMs: config.HEARTBEAT_MS,
    limits: {
      frameBytes: config.FRAME_BYTES,
      messageChars: MESSAGE_CHARS,
      ratePerSecond: config.FRAME_RATE,
      resumeConversations: config.RESUME_CONVERSATIONS
    }
  }
}

function limitsOf (config: Config): HubLimits {
  return {
    sockets: config.MAX_SOCKETS,
    socketsPerUser: config.MAX_SOCKETS_PER_USER,
    queueBytes: config.QUEUE_BYTES,
    badFrames: config.BAD_FRAMES,
    maxCursors: config.MAX_CURSORS,
    resumeLimit: config.RESUME_LIMIT,
    heartbeatMs: config.HEARTBEAT_MS,
    pongMs: config.PONG_MS
  }
}
