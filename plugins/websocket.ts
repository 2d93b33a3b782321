import fastifyWebsocket from '@fastify/websocket'
import fp from 'fastify-plugin'
import { SUBPROTOCOL } from '../src/schemas/frames.js'

/** A socket that is closed may still take what is queued for it, and answer; after this time it is cut off. */
const CLOSE_MS = 10_000

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
  await fastify.register(fastifyWebsocket, {
    options,
    // ws has answered a protocol error with its closing code already (1007, 1009 …): only that socket ends.
    errorHandler: (error, _socket, request) => { request.log.debug({ err: error }, 'socket failed') },
    // plugins/realtime.ts closes the sockets, with bye and 1012.
    preClose: done => { done() }
  })
}, { name: 'websocket' })
