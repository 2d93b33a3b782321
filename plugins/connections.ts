import fp from 'fastify-plugin'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

declare module 'fastify' {
  interface FastifyInstance {
    /** Connections that speak HTTP, without those that became WebSockets. */
    connections: { readonly open: number }
  }
}

/**
 * `fastify.connections`: bounds the open connections of one address, and in all. A connection without a
 * request ends after the time for headers, an idle one after that for keep-alive (src/app.ts).
 */
export default fp(async function connectionsPlugin (fastify) {
  const { MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, TRUST_PROXY } = fastify.config
  const max = MAX_CONNECTIONS || Infinity
  // Behind a proxy all connections have its address, so the proxy has to bound them.
  const maxPerAddress = TRUST_PROXY === '' ? MAX_CONNECTIONS_PER_ADDRESS || Infinity : Infinity
  const perAddress = new Map<string, number>()
  const counted = new Map<Socket, string>()

  function leave (socket: Socket): void {
    const address = counted.get(socket)
    if (address === undefined) return
    counted.delete(socket)
    const others = perAddress.get(address)! - 1
    if (others === 0) perAddress.delete(address)
    else perAddress.set(address, others)
  }

  fastify.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const others = perAddress.get(address) ?? 0
    if (counted.size >= max || others >= maxPerAddress) {
      socket.destroy()
      return
    }
    counted.set(socket, address)
    perAddress.set(address, others + 1)
    socket.once('close', () => leave(socket))
  })
  // From here on MAX_SOCKETS counts it.
  fastify.websocketServer.on('connection', (_ws: WebSocket, request: IncomingMessage) => {
    leave(request.socket)
  })

  fastify.decorate('connections', {
    get open () { return counted.size }
  })
}, { name: 'connections', dependencies: ['websocket'] })
