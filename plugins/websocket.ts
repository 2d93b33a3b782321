import fastifyWebsocket from '@fastify/websocket'
import fp from 'fastify-plugin'
import { apiError } from '../src/errors.js'
import { SUBPROTOCOL } from 'chat-protocol'

/** A socket that is closed may still take what is queued for it, and answer; after this time it is cut off. */
const CLOSE_MS = 10_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** a WebSocket can be opened here; set where a route has a `wsHandler` */
    upgradable?: boolean
  }
}

/**
 * @fastify/websocket, before every plugin with an onRequest hook: what such a hook refuses at an upgrade would otherwise
 * not be known as one, and its connection would stay open.
 */
export default fp(async function websocketPlugin (fastify) {
  const options = {
    maxPayload: fastify.config.FRAME_BYTES,
    // No zip bombs, and no memory for a context a socket (ws README, "WebSocket compression").
    perMessageDeflate: false,
    handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false as const,
    // In ws, but not in its types yet.
    closeTimeout: CLOSE_MS
  }
  // Before @fastify/websocket, whose own hook would answer 101 on every route.
  fastify.addHook('onRoute', route => {
    if (route.wsHandler !== undefined) route.config = { ...route.config, upgradable: true }
  })
  await fastify.register(fastifyWebsocket, {
    options,
    // ws has answered a protocol error with its closing code already (1007, 1009 …): only that socket ends.
    errorHandler: (error, _socket, request) => { request.log.debug({ err: error }, 'socket failed') },
    // plugins/realtime.ts closes the sockets, with bye and 1012.
    preClose: done => { done() }
  })
  // After every onRequest hook: sessions and rates come first. Node does not read the body of an upgrade.
  fastify.addHook('preParsing', async function refuseUpgrades (request) {
    if (!request.ws || request.is404 || request.routeOptions.config.upgradable === true) return
    throw apiError('validation', 'only /ws can be upgraded', 'Upgrade')
  })
}, { name: 'websocket' })
