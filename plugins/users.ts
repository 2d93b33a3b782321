import fp from 'fastify-plugin'
import { UserRepository } from '../src/accounts/user-repository.js'
import { collection } from '../src/database/documents.js'

declare module 'fastify' {
  interface FastifyInstance {
    users: UserRepository
  }
}

/** `fastify.users`: the collection `users`. */
export default fp(async function usersPlugin (fastify) {
  fastify.decorate('users', new UserRepository(collection(fastify, 'users'), fastify.bus.alone))
}, { name: 'users', dependencies: ['bus', 'mongodb'] })
