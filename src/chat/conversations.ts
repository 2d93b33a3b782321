import { mongodb } from '@fastify/mongodb'
import type { BaseLogger } from 'pino'
import { DUPLICATE_KEY, type ConversationDocument, type MessageDocument } from '../database/documents.js'
import { Summaries } from './log/summaries.js'
import { membersOf } from './messages.js'
import type { Receipt } from './receipts.js'
import type { Mark } from './schemas/conversations.js'

type Listener = (receipt: Receipt) => void

export interface ConversationsOptions {
  conversations: mongodb.Collection<ConversationDocument>
  messages: mongodb.Collection<MessageDocument>
  log: Pick<BaseLogger, 'warn'>
}

/** Where a page of the inbox begins: below this conversation. */
export interface InboxPosition {
  lastAt: Date
  id: string
}

/** The summary of `messages` that the inbox reads, and the members' marks. */
export class Conversations {
  readonly #conversations: mongodb.Collection<ConversationDocument>
  readonly #summaries: Summaries
  readonly #listeners: Listener[] = []

  constructor ({ conversations, messages, log }: ConversationsOptions) {
    this.#conversations = conversations
    this.#summaries = new Summaries(conversations, messages, receipt => {
      for (const listener of this.#listeners) listener(receipt)
    }, log)
  }

  /** Summaries and marks that wait to be written. */
  get pending (): number { return this.#summaries.pending }

  /** Makes sure that a conversation is listed, before its first message is written: a crash can't hide it. */
  async open (conversation: string): Promise<void> {
    const members = [...new Set(membersOf(conversation))]
    const empty = { members, lastSeq: 0, lastAt: new Date() }
    try {
      await this.#conversations.updateOne({ _id: conversation }, { $setOnInsert: empty }, { upsert: true })
    } catch (error) {
      // Two upserts of one _id: the other one made it (MongoDB manual, "Upsert with Unique Index").
      if (!(error instanceof mongodb.MongoServerError && error.code === DUPLICATE_KEY)) throw error
    }
  }

  /** Brings the summary up to a message, within FLUSH_MS. */
  touch (message: MessageDocument): void { this.#summaries.touch(message) }

  /**
   * Raises a member's mark, coalesced with others within FLUSH_MS; a number above the highest stored one is
   * ignored.
   * @returns the marks that are stored then
   */
  async mark (
    conversation: string, user: string, kind: 'delivered' | 'read', seq: number, socket?: string
  ): Promise<Mark> {
    return await this.#summaries.mark(conversation, user, kind, seq, socket)
  }

  /** Registers what is told of each changed mark, after it was stored. */
  onReceipt (listener: Listener): void { this.#listeners.push(listener) }

  /** A page of a user's conversations, newest first, each verified against `messages`, and repaired. */
  async page (user: string, after: InboxPosition | undefined, limit: number): Promise<ConversationDocument[]> {
    const sort = { lastAt: -1, _id: -1 } as const
    const filter = { members: user, ...(after === undefined ? {} : below(after)) }
    const documents = await this.#conversations.find(filter, { sort, limit }).toArray()
    const verified = await Promise.all(documents.map(async document => await this.#summaries.verify(document)))
    return verified.sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime() || (a._id < b._id ? 1 : -1))
  }

  /**
   * Those of any of these users in which something was stored since then, by whatever process; summaries may
   * be behind by a second.
   */
  async since (users: string[], since: Date): Promise<Pick<ConversationDocument, '_id' | 'lastSeq' | 'lastAt'>[]> {
    const filter = { members: { $in: users }, lastAt: { $gte: since } }
    return await this.#conversations.find(filter, { projection: { lastSeq: 1, lastAt: 1 } }).toArray()
  }

  /** Writes what waits. */
  async close (): Promise<void> { await this.#summaries.close() }
}

function below ({ lastAt, id }: InboxPosition) {
  return { lastAt: { $lte: lastAt }, $or: [{ lastAt: { $lt: lastAt } }, { _id: { $lt: id } }] }
}
