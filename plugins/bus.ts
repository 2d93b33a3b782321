import fp from 'fastify-plugin'
import type { Bus } from '../src/realtime/bus/bus.js'
import { createBus } from '../src/realtime/bus/create-bus.js'

declare module 'fastify' {
  interface FastifyInstance {
    bus: Bus
  }
}

/** `fastify.bus`: what the processes on one database tell each other. */
export default fp(async function busPlugin (fastify) {
  const bus = await createBus(fastify.config, fastify.log)
  fastify.decorate('bus', bus)
  fastify.addHook('onClose', async () => bus.close())
}, { name: 'bus' })
