import fp from 'fastify-plugin'
import { Membership } from '../src/chat/membership.js'

declare module 'fastify' {
  interface FastifyInstance {
    membership: Membership
  }
}

/** `fastify.membership`: who belongs to a conversation. */
export default fp(async function membershipPlugin (fastify) {
  fastify.decorate('membership', new Membership(fastify.bus.alone))
}, { name: 'membership', dependencies: ['bus'] })
