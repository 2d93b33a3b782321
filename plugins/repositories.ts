import fp from 'fastify-plugin'
import { BlocksRepository } from '../src/chat/blocks-repository.js'
import { ConversationsRepository } from '../src/chat/conversations-repository.js'
import { LogRepository } from '../src/chat/log/log-repository.js'
import { MembershipsRepository } from '../src/chat/memberships-repository.js'
import { collection } from '../src/database/documents.js'

interface Repositories {
  blocks: BlocksRepository
  conversations: ConversationsRepository
  log: LogRepository
  memberships: MembershipsRepository
}

declare module 'fastify' {
  interface FastifyInstance {
    repositories: Repositories
  }
}

/**
 * `fastify.repositories`: the collections of the chat. `fastify.users` and `fastify.sessions` are those of
 * accounts.
 */
export default fp(async function repositoriesPlugin (fastify) {
  fastify.decorate('repositories', {
    blocks: new BlocksRepository(collection(fastify, 'blocks')),
    conversations: new ConversationsRepository(collection(fastify, 'conversations'), fastify.membership),
    log: new LogRepository(collection(fastify, 'log')),
    memberships: new MembershipsRepository(collection(fastify, 'memberships'), fastify.bus.alone)
  })
}, { name: 'repositories', dependencies: ['bus', 'membership', 'mongodb'] })
