import fp from 'fastify-plugin'
import { Conversations } from '../src/chat/conversations.js'
import { collection } from '../src/database/documents.js'

declare module 'fastify' {
  interface FastifyInstance {
    conversations: Conversations
  }
}

/** `fastify.conversations`: the summaries that the inbox reads, and the members' marks. */
export default fp(async function conversationsPlugin (fastify) {
  const conversations = new Conversations({
    conversations: collection(fastify, 'conversations'),
    messages: collection(fastify, 'messages'),
    log: fastify.log
  })
  fastify.decorate('conversations', conversations)
  fastify.addHook('onClose', async () => { await conversations.close() })
}, { name: 'conversations', dependencies: ['mongodb'] })
