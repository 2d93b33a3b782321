/** The collection `conversations`: summaries of the log, and the marks of the members. */
import { mongodb } from '../database/driver.js'
import {
  DUPLICATE_KEY, isDuplicateKey, type ConversationDocument, type MessageDocument
} from '../database/documents.js'
import type { Membership } from './membership.js'
import type { Mark } from './schemas/conversations.js'

/** Where a page of the inbox begins: below this conversation. */
export interface InboxPosition {
  lastAt: Date
  id: string
}

/** A conversation with the number and time of its last message. */
export type Head = Pick<ConversationDocument, '_id' | 'lastSeq' | 'lastAt'>

/** The summary of a conversation up to a message. */
export type Summary = Pick<ConversationDocument, 'lastSeq' | 'lastMessage' | 'lastAt'>

const NEWEST_FIRST = { lastAt: -1, _id: -1 } as const
const HEAD = { lastSeq: 1, lastAt: 1 } as const

export class ConversationsRepository {
  readonly #collection: mongodb.Collection<ConversationDocument>
  readonly #membership: Membership

  constructor (collection: mongodb.Collection<ConversationDocument>, membership: Membership) {
    this.#collection = collection
    this.#membership = membership
  }

  /** Creates an empty summary, unless there is one. */
  async create (conversation: string): Promise<void> {
    const members = [...await this.#membership.members(conversation)]
    const empty = { members, lastSeq: 0, lastAt: new Date() }
    try {
      await this.#collection.updateOne({ _id: conversation }, { $setOnInsert: empty }, { upsert: true })
    } catch (error) {
      // Two upserts of one _id: the other one created it (MongoDB manual, "Upsert with Unique Index").
      if (!isDuplicateKey(error)) throw error
    }
  }

  async find (conversation: string): Promise<ConversationDocument | null> {
    return await this.#collection.findOne({ _id: conversation })
  }

  /** A page of a user's conversations, the newest first. */
  async page (
    user: string, after: InboxPosition | undefined, limit: number
  ): Promise<ConversationDocument[]> {
    const filter = { ...this.#membership.conversationsOf(user), ...(after === undefined ? {} : below(after)) }
    return await this.#collection.find(filter, { sort: NEWEST_FIRST, limit }).toArray()
  }

  /** The heads of a user's most recent conversations. */
  async recent (user: string, limit: number): Promise<Head[]> {
    const options = { sort: NEWEST_FIRST, limit, projection: HEAD }
    return await this.#collection.find(this.#membership.conversationsOf(user), options).toArray()
  }

  /** The heads of the conversations of any of these users in which a message was stored since a time. */
  async since (users: string[], since: Date): Promise<Head[]> {
    const filter = { ...this.#membership.conversationsOf(...users), lastAt: { $gte: since } }
    return await this.#collection.find(filter, { projection: HEAD }).toArray()
  }

  /** Brings summaries up to these messages, in one command; a summary never goes back. */
  async summarize (messages: MessageDocument[]): Promise<void> {
    if (messages.length === 0) return
    const writes = []
    for (const message of messages) {
      const members = [...await this.#membership.members(message.conversation)]
      // Where a later summary is stored the filter does not match, and the upsert fails on the _id.
      const filter = { _id: message.conversation, lastSeq: { $lt: message.seq } }
      const update = { $set: { members, ...summaryOf(message) } }
      writes.push({ updateOne: { filter, update, upsert: true } })
    }
    try {
      await this.#collection.bulkWrite(writes, { ordered: false })
    } catch (error) {
      if (!onlyLater(error)) throw error
    }
  }

  /**
   * Raises the marks of a member.
   * @returns the conversation afterwards, or null where neither mark was lower
   */
  async raiseMark (conversation: string, user: string, mark: Mark): Promise<ConversationDocument | null> {
    const delivered = `marks.${user}.delivered`
    const read = `marks.${user}.read`
    const lower = [
      { [delivered]: { $not: { $gte: mark.delivered } } },
      { [read]: { $not: { $gte: mark.read } } }
    ]
    return await this.#collection.findOneAndUpdate(
      { _id: conversation, $or: lower },
      { $max: { [delivered]: mark.delivered, [read]: mark.read } },
      { returnDocument: 'after' })
  }
}

/** The summary of a conversation whose last message this is. */
export function summaryOf (last: MessageDocument): Summary {
  const { _id, seq, sender, reciver, message, createdAt, clientId, storedAt } = last
  return {
    lastSeq: seq,
    lastMessage: { _id, seq, sender, reciver, message, createdAt, clientId },
    lastAt: storedAt
  }
}

/** The marks of a member in a conversation; 0 where it has none. */
export function markOf (document: ConversationDocument, user: string): Mark {
  const mark = document.marks?.[user]
  return { delivered: mark?.delivered ?? 0, read: mark?.read ?? 0 }
}

function below ({ lastAt, id }: InboxPosition) {
  return { lastAt: { $lte: lastAt }, $or: [{ lastAt: { $lt: lastAt } }, { _id: { $lt: id } }] }
}

/**
 * Whether all writes that failed were upserts that met a later summary. A lost connection has no write
 * errors.
 */
function onlyLater (error: unknown): boolean {
  if (!(error instanceof mongodb.MongoBulkWriteError)) return false
  if (error.result.getWriteConcernError() !== undefined) return false
  const refused = [error.writeErrors].flat()
  return refused.length > 0 && refused.every(({ code }) => code === DUPLICATE_KEY)
}
