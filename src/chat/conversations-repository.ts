/** The collection `conversations`: summaries of the log, and what the members of a group share. */
import type { mongodb } from '../database/driver.js'
import {
  isDuplicateKey, type ConversationDocument, type EntryDocument, type GroupDocument, type MemberDocument
} from '../database/documents.js'
import type { Membership } from './membership.js'

/** Where a page of the inbox begins: below this conversation. */
export interface InboxPosition {
  lastAt: Date
  id: string
}

/** A conversation with the number and the time of its last entry. */
export type Head = Pick<ConversationDocument, '_id' | 'lastRev' | 'changedAt'>

/** What is known of the end of a log. */
export interface Summary {
  conversation: string
  lastRev?: number
  lastSeq?: number
  changedAt?: Date
  /** Up to this rev every entry is folded. */
  foldedRev?: number
  /** The last message, where it is known. */
  last?: { seq: number, id: mongodb.ObjectId }
  lastAt?: Date
}

const NEWEST_FIRST = { lastAt: -1, _id: -1 } as const
const LAST_CHANGED_FIRST = { changedAt: -1 } as const
const HEAD = { lastRev: 1, changedAt: 1 } as const
/** A group has up to 500 members, which a list of conversations does not show. */
const WITHOUT_MEMBERS = { members: 0 } as const

export class ConversationsRepository {
  readonly #collection: mongodb.Collection<ConversationDocument>
  readonly #membership: Membership

  constructor (collection: mongodb.Collection<ConversationDocument>, membership: Membership) {
    this.#collection = collection
    this.#membership = membership
  }

  /** Creates the summary of a conversation before its first entry is written, unless there is one. */
  async create (first: EntryDocument): Promise<void> {
    const { conversation } = first
    const now = new Date()
    const members = first.kind === 'group'
      ? first.members!
      : [...await this.#membership.members(conversation)]
    const group = first.kind === 'group' ? groupFields(first) : {}
    const empty = { members, ...group, lastSeq: 0, lastRev: 0, lastAt: now, changedAt: now }
    try {
      await this.#collection.updateOne({ _id: conversation }, { $setOnInsert: empty }, { upsert: true })
    } catch (error) {
      // Two upserts of one _id: the other one created it (MongoDB manual, "Upsert with Unique Index").
      if (!isDuplicateKey(error)) throw error
    }
  }

  async find (conversation: string): Promise<ConversationDocument | null> {
    return await this.#collection.findOne({ _id: conversation }, { projection: WITHOUT_MEMBERS })
  }

  /** A page of a user's conversations, the newest first. */
  async page (
    user: string, after: InboxPosition | undefined, limit: number
  ): Promise<ConversationDocument[]> {
    const filter = { members: user, ...(after === undefined ? {} : below(after)) }
    const options = { sort: NEWEST_FIRST, limit, projection: WITHOUT_MEMBERS, batchSize: limit + 1 }
    return await this.#collection.find(filter, options).toArray()
  }

  /** The heads of the conversations of a user that changed last. */
  async recent (user: string, limit: number): Promise<Head[]> {
    const options = { sort: LAST_CHANGED_FIRST, limit, projection: HEAD }
    return await this.#collection.find({ members: user }, options).toArray()
  }

  /** The heads of the conversations of any of these users in which something was stored since a time. */
  async since (users: string[], since: Date): Promise<Head[]> {
    const filter = { members: { $in: users }, changedAt: { $gte: since } }
    return await this.#collection.find(filter, { projection: HEAD }).toArray()
  }

  /** The groups of a user, by their ids. */
  async groupsOf (user: string): Promise<string[]> {
    const options = { projection: { _id: 1 } }
    const found = await this.#collection.find({ members: user, kind: 'group' }, options).toArray()
    return found.map(({ _id }) => _id)
  }

  /** Removes the summary of a group that was deleted. */
  async remove (conversation: string): Promise<void> {
    await this.#collection.deleteOne({ _id: conversation })
  }

  /** Brings summaries up to date, in one command; a summary never goes back. */
  async summarize (summaries: Summary[]): Promise<void> {
    if (summaries.length === 0) return
    const writes = summaries.map(({ conversation, ...highest }) => ({
      updateOne: { filter: { _id: conversation }, update: { $max: highest } }
    }))
    await this.#collection.bulkWrite(writes, { ordered: false })
  }

  /**
   * Adds a member to a group, or removes one, unless this or a later entry did so before: a process that is
   * late must not undo it. Each process folds in order, so the earlier changes are there too.
   */
  async setMember ({ conversation, user, role, rev }: MemberDocument): Promise<void> {
    const change = role === null ? { $pull: { members: user } } : { $addToSet: { members: user } }
    const filter = { _id: conversation, membersRev: { $not: { $gte: rev } } }
    await this.#collection.updateOne(filter, { ...change, $set: { membersRev: rev } })
  }

  /** Changes the name or the avatar of a group, unless this or a later entry did so before. */
  async setGroup (entry: GroupDocument): Promise<void> {
    const { conversation: _id, rev, name, avatarImage } = entry
    const given = {
      ...(name === undefined ? {} : { name }),
      ...(avatarImage === undefined ? {} : { avatarImage })
    }
    const filter = { _id, groupRev: { $not: { $gte: rev } } }
    await this.#collection.updateOne(filter, { $set: { ...given, groupRev: rev } })
  }
}

function groupFields ({ name, history }: GroupDocument) {
  return { kind: 'group' as const, name: name!, history: history! }
}

function below ({ lastAt, id }: InboxPosition) {
  return { lastAt: { $lte: lastAt }, $or: [{ lastAt: { $lt: lastAt } }, { _id: { $lt: id } }] }
}
