import fp from 'fastify-plugin'
import { ConversationsRepository } from '../src/chat/conversations-repository.js'
import { MessagesRepository } from '../src/chat/log/messages-repository.js'
import { collection } from '../src/database/documents.js'

interface Repositories {
  conversations: ConversationsRepository
  messages: MessagesRepository
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
    conversations: new ConversationsRepository(collection(fastify, 'conversations'), fastify.membership),
    messages: new MessagesRepository(collection(fastify, 'messages'))
  })
}, { name: 'repositories', dependencies: ['membership', 'mongodb'] })
