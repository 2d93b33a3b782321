import fp from 'fastify-plugin'
import { Conversations } from '../src/chat/conversations.js'

declare module 'fastify' {
  interface FastifyInstance {
    conversations: Conversations
  }
}

/** `fastify.conversations`: the summaries that the inbox reads, and the marks of the members. */
export default fp(async function conversationsPlugin (fastify) {
  const { conversations, messages } = fastify.repositories
  const decorated = new Conversations({ conversations, messages, log: fastify.log })
  fastify.decorate('conversations', decorated)
  fastify.addHook('onClose', async () => await decorated.close())
}, { name: 'conversations', dependencies: ['repositories'] })
