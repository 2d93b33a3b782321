import fastifyWebsocket from '@fastify/websocket'
import fp from 'fastify-plugin'
import { apiError } from '../src/errors.js'
import { SUBPROTOCOL } from 'chat-protocol'

/** A closing socket may still read its queue and answer the close. After this time it is terminated. */
const CLOSE_MS = 10_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** a WebSocket can be opened here; set for routes with a `wsHandler` */
    upgradable?: boolean
  }
}

/**
 * @fastify/websocket. It comes before every plugin with an onRequest hook: otherwise it would not recognise
 *   an upgrade that such a hook refuses, and the connection would stay open.
 */
export default fp(async function websocketPlugin (fastify) {
  const options = {
    maxPayload: fastify.config.FRAME_BYTES,
    // Excludes zip bombs, and needs no memory for a context of each socket (ws README, "WebSocket
    // compression").
    perMessageDeflate: false,
    handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false as const,
    // An option of ws that its types do not have yet.
    closeTimeout: CLOSE_MS
  }
  // Before @fastify/websocket, whose own hook would answer 101 on every route.
  fastify.addHook('onRoute', route => {
    if (route.wsHandler !== undefined) route.config = { ...route.config, upgradable: true }
  })
  await fastify.register(fastifyWebsocket, {
    options,
    // ws has already answered a protocol error with its closing code (1007, 1009 …). Only that socket ends.
    errorHandler: (error, _socket, request) => { request.log.debug({ err: error }, 'socket failed') },
    // plugins/realtime.ts closes the sockets with bye and 1012.
    preClose: done => { done() }
  })
  // After every onRequest hook, so that sessions and rates come first. Node does not read the body of an
  // upgrade.
  fastify.addHook('preParsing', async function refuseUpgrades (request) {
    if (!request.ws || request.is404 || request.routeOptions.config.upgradable === true) return
    throw apiError('validation', 'only /ws can be upgraded', 'Upgrade')
  })
}, { name: 'websocket' })
