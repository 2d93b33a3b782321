import fp from 'fastify-plugin'
import { UsersRepository } from '../src/accounts/users-repository.js'
import { ConversationsRepository } from '../src/chat/conversations-repository.js'
import { MessagesRepository } from '../src/chat/log/messages-repository.js'
import { collection } from '../src/database/documents.js'

interface Repositories {
  users: UsersRepository
  conversations: ConversationsRepository
  messages: MessagesRepository
}

declare module 'fastify' {
  interface FastifyInstance {
    repositories: Repositories
  }
}

/** `fastify.repositories`: one for each collection; `fastify.sessions` is that of the sessions. */
export default fp(async function repositoriesPlugin (fastify) {
  fastify.decorate('repositories', {
    users: new UsersRepository(collection(fastify, 'users')),
    conversations: new ConversationsRepository(collection(fastify, 'conversations'), fastify.membership),
    messages: new MessagesRepository(collection(fastify, 'messages'))
  })
}, { name: 'repositories', dependencies: ['membership', 'mongodb'] })
