import { mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { collection, DUPLICATE_KEY, type ConversationDocument, type MessageDocument } from '../src/database/documents.js'
import { membersOf } from '../src/chat/messages.js'
import type { Mark } from '../src/chat/schemas/conversations.js'
import { Summaries } from '../src/chat/log/summaries.js'

export interface Receipt { conversation: string, user: string, delivered: number, read: number, /** the socket that said so, if one alone did */ socket?: string }

export interface Conversations {
  /** Makes sure that a conversation is listed, before its first message is written: a crash can't hide it. */
  open (conversation: string): Promise<void>
  /** Brings the summary up to a message, within FLUSH_MS. */
  touch (message: MessageDocument): void
  /**
   * Raises a member's mark, coalesced with others within FLUSH_MS; a number above the highest stored one is ignored.
   * Resolves with the marks that are stored then.
   */
  mark (conversation: string, user: string, kind: 'delivered' | 'read', seq: number, socket?: string): Promise<Mark>
  /** Registers what is told of each changed mark, after it was stored. */
  onReceipt (listener: (receipt: Receipt) => void): void
  /** A page of a user's conversations, newest first, each verified against `messages`, and repaired. */
  page (user: string, after: { lastAt: Date, id: string } | undefined, limit: number): Promise<ConversationDocument[]>
  /** Those of any of these users in which something was stored since then, by whatever process; summaries may be behind by a second. */
  since (users: string[], since: Date): Promise<Pick<ConversationDocument, '_id' | 'lastSeq' | 'lastAt'>[]>
  /** Summaries and marks that wait to be written. */
  readonly pending: number
}

declare module 'fastify' {
  interface FastifyInstance {
    conversations: Conversations
  }
}

/** `fastify.conversations`: the summary of `messages` that the inbox reads, and the members' marks. */
export default fp(async function conversationsPlugin (fastify) {
  const conversations = collection(fastify, 'conversations')
  const messages = collection(fastify, 'messages')
  const listeners: ((receipt: Receipt) => void)[] = []
  const summaries = new Summaries(conversations, messages, receipt => { for (const listener of listeners) listener(receipt) }, fastify.log)

  fastify.decorate('conversations', {
    async open (conversation) {
      const members = [...new Set(membersOf(conversation))]
      try {
        await conversations.updateOne({ _id: conversation }, { $setOnInsert: { members, lastSeq: 0, lastAt: new Date() } }, { upsert: true })
      } catch (error) {
        // Two upserts of one _id: the other one made it (MongoDB manual, "Upsert with Unique Index").
        if (!(error instanceof mongodb.MongoServerError && error.code === DUPLICATE_KEY)) throw error
      }
    },
    touch: message => { summaries.touch(message) },
    mark: (conversation, user, kind, seq, socket) => summaries.mark(conversation, user, kind, seq, socket),
    onReceipt: listener => { listeners.push(listener) },
    async page (user, after, limit) {
      const from = after === undefined ? {} : { lastAt: { $lte: after.lastAt }, $or: [{ lastAt: { $lt: after.lastAt } }, { _id: { $lt: after.id } }] }
      const documents = await conversations.find({ members: user, ...from }, { sort: { lastAt: -1, _id: -1 }, limit }).toArray()
      const verified = await Promise.all(documents.map(document => summaries.verify(document)))
      return verified.sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime() || (a._id < b._id ? 1 : -1))
    },
    since: async (users, since) => await conversations.find({ members: { $in: users }, lastAt: { $gte: since } }, { projection: { lastSeq: 1, lastAt: 1 } }).toArray(),
    get pending () { return summaries.pending }
  })
  fastify.addHook('onClose', async () => { await summaries.close() })
}, { name: 'conversations', dependencies: ['mongodb'] })
