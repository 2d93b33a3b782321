import fp from 'fastify-plugin'
import { Blocks } from '../src/chat/blocks.js'
import { Changes } from '../src/chat/changes.js'
import { Groups } from '../src/chat/groups.js'
import { Inbox } from '../src/chat/inbox.js'
import { Sending } from '../src/chat/sending.js'

interface Chat {
  readonly sending: Sending
  readonly changes: Changes
  readonly groups: Groups
  readonly inbox: Inbox
}

declare module 'fastify' {
  interface FastifyInstance {
    blocks: Blocks
    chat: Chat
  }
}

/** `fastify.chat`: what members do in conversations; `fastify.blocks`: who blocked whom. */
export default fp(async function chatPlugin (fastify) {
  const { accounts, bus, config, conversations, membership, repositories, users } = fastify
  const { conversationLog: log } = fastify
  const blocks = new Blocks(repositories.blocks, bus.alone)
  bus.onMessage('block', ({ blocker }) => blocks.forget(blocker))
  fastify.decorate('blocks', blocks)
  fastify.decorate('chat', {
    sending: new Sending({ log, membership, accounts, blocks }),
    changes: new Changes({ log, membership, blocks }),
    groups: new Groups({
      log,
      membership,
      conversations: repositories.conversations,
      accounts,
      blocks,
      maxMembers: config.GROUP_MEMBERS
    }),
    inbox: new Inbox({ conversations, log, users, membership })
  })
}, {
  name: 'chat',
  dependencies: ['accounts', 'bus', 'conversation-log', 'membership', 'repositories', 'users']
})
