import fastifyWebsocket from '@fastify/websocket'
import fp from 'fastify-plugin'
import { SUBPROTOCOL } from '../src/schemas/frames.js'

/**
 * @fastify/websocket, before every plugin with an onRequest hook: what such a hook refuses at an upgrade would otherwise
 * not be known as one, and its connection would stay open.
 */
export default fp(async function websocketPlugin (fastify) {
  await fastify.register(fastifyWebsocket, {
    options: {
      maxPayload: fastify.config.FRAME_BYTES,
      // No zip bombs, and no memory for a context a socket (ws README, "WebSocket compression").
      perMessageDeflate: false,
      handleProtocols: offered => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false
    },
    // ws has answered a protocol error with its closing code already (1007, 1009 …): only that socket ends.
    errorHandler: (error, _socket, request) => { request.log.debug({ err: error }, 'socket failed') },
    // plugins/realtime.ts closes the sockets, with bye and 1012.
    preClose: done => { done() }
  })
}, { name: 'websocket' })
