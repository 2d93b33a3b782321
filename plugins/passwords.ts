import fp from 'fastify-plugin'
import { Passwords } from '../src/accounts/passwords.js'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

/** `fastify.passwords`: hashes and verifies passwords. */
export default fp(async function passwordsPlugin (fastify) {
  fastify.decorate('passwords', new Passwords(() => fastify.limits.busy))
}, { name: 'passwords', dependencies: ['rate-limits'] })
