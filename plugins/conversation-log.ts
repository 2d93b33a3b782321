import fp from 'fastify-plugin'
import { Conversations } from '../src/chat/conversations.js'
import { ConversationLog } from '../src/chat/log/conversation-log.js'
import { SendQuota } from '../src/chat/log/send-quota.js'

declare module 'fastify' {
  interface FastifyInstance {
    conversationLog: ConversationLog
    conversations: Conversations
  }
}

/**
 * Sends that wait at most: where more wait the database is far behind, and refusing is better than being
 * late.
 */
const MAX_WAITING = 20_000

/**
 * `fastify.conversationLog`: every conversation as a gapless numbered log (docs/realtime.md);
 * `fastify.conversations`: the summaries that the inbox reads, and the marks of the members.
 */
export default fp(async function conversationLogPlugin (fastify) {
  const { bus, config, membership, repositories, log: logger } = fastify
  const { conversations, log, memberships } = repositories
  const summaries: Conversations = new Conversations({
    conversations,
    memberships,
    log,
    known: conversation => entries.known(conversation),
    alone: bus.alone,
    logger
  })
  const entries: ConversationLog = new ConversationLog({
    log,
    conversations,
    memberships,
    membership,
    quota: new SendQuota({ sends: MAX_WAITING, bytes: config.WAITING_BYTES, waitMs: config.SEND_MS }),
    touch: summary => { summaries.touch(summary) },
    alone: bus.alone,
    tailBytes: config.TAIL_BYTES,
    logger
  })
  bus.onMessage('entry', ({ conversation, rev, elsewhere }) => {
    if (elsewhere === true) entries.storedElsewhere(conversation, rev)
  })
  membership.loadGroupsBy(async id => {
    await entries.settled(id)
    const document = await conversations.find(id)
    if (document?.history === undefined) return undefined
    const members = await memberships.members(id)
    return members.size === 0 ? undefined : { members, history: document.history }
  })
  fastify.decorate('conversations', summaries)
  fastify.decorate('conversationLog', entries)
  fastify.addHook('onClose', async () => {
    await entries.close()
    await summaries.close()
  })
}, { name: 'conversation-log', dependencies: ['bus', 'membership', 'repositories'] })
