/** The collection `log`: the entries of every conversation. */
import { Slices } from '../../concurrency/slices.js'
import type { mongodb } from '../../database/driver.js'
import type { EntryDocument, MessageDocument } from '../../database/documents.js'

export type Direction = 'asc' | 'desc'

/** The numbers of an entry. */
export type Numbers = Pick<EntryDocument, 'rev' | 'seq' | 'top'>

/** The end of a log: its highest rev, and the number of its messages. Both are 0 where it has no entry. */
export interface LogEnd {
  rev: number
  top: number
}

/** Where a page of messages begins: on which side of a number, which may be one of none. */
export interface MessagesFrom {
  /** The number to go on from, exclusive; undefined for the last message. */
  from: number | undefined
  direction: Direction
  /** Messages up to this number are not visible. */
  above: number
}

/** Named, because a planner may choose the index of clientIds, and then reads all messages of the sender. */
const BY_NUMBER = { conversation: 1, seq: 1 } as const

const NEWEST = { rev: -1 } as const
const NUMBERS = { rev: 1, seq: 1, top: 1 } as const
/** What no reader of the log needs. */
const WITHOUT_STORED_AT = { storedAt: 0 } as const

/** Documents that are deserialised at a time: 16 of the longest messages take about 3 ms. */
const SLICE = 16

/** Reads the one batch of a cursor, as `toArray` does, but deserialises it in slices. */
async function readInSlices<Document extends object> (
  cursor: mongodb.FindCursor<Document>
): Promise<Document[]> {
  const documents: Document[] = []
  const slices = new Slices()
  // Sends the command; the documents are deserialised as they are taken.
  await cursor.hasNext()
  while (cursor.bufferedCount() > 0) {
    for (const document of cursor.readBufferedDocuments(SLICE)) documents.push(document as Document)
    const turn = slices.next()
    if (turn !== undefined) await turn
  }
  await cursor.close()
  return documents
}

export class LogRepository {
  readonly #collection: mongodb.Collection<EntryDocument>

  /** @param collection with durable reads and writes: what is found here cannot be rolled back */
  constructor (collection: mongodb.Collection<EntryDocument>) {
    this.#collection = collection
  }

  /** Inserts entries one after the other; stops at the first that is refused. */
  async insert (documents: EntryDocument[]): Promise<void> {
    await this.#collection.insertMany(documents, { ordered: true })
  }

  async byId (_id: mongodb.ObjectId): Promise<EntryDocument | null> {
    return await this.#collection.findOne({ _id })
  }

  /** The entry that a user stored in a conversation with a clientId. */
  async byClientId (
    entry: Pick<EntryDocument, 'conversation' | 'actor' | 'clientId'>
  ): Promise<EntryDocument | null> {
    const { conversation, actor, clientId } = entry
    return await this.#collection.findOne({ conversation, actor, clientId })
  }

  /** A message by its number. */
  async message (conversation: string, seq: number): Promise<MessageDocument | null> {
    if (seq < 1) return null
    return await this.#collection.findOne({ conversation, seq }) as MessageDocument | null
  }

  /** Messages by their ids, in any order. */
  async messages (ids: mongodb.ObjectId[]): Promise<MessageDocument[]> {
    const options = { projection: WITHOUT_STORED_AT, batchSize: ids.length + 1 }
    return await this.#collection.find({ _id: { $in: ids } }, options).toArray() as MessageDocument[]
  }

  /** The numbers of those of these entries that are stored, by the hex of their ids. */
  async numbersOf (ids: mongodb.ObjectId[]): Promise<Map<string, Numbers>> {
    const found = await this.#collection.find({ _id: { $in: ids } }, { projection: NUMBERS }).toArray()
    return new Map(found.map(entry => [entry._id.toHexString(), entry]))
  }

  /** The end of a conversation's log. */
  async end (conversation: string): Promise<LogEnd> {
    const last = await this.#collection.findOne({ conversation }, { sort: NEWEST, projection: NUMBERS })
    return last === null ? { rev: 0, top: 0 } : { rev: last.rev, top: last.top }
  }

  /** The highest rev of a conversation that was stored up to a time, 0 if none. */
  async lastRevUntil (conversation: string, until: Date): Promise<number> {
    const filter = { conversation, storedAt: { $lte: until } }
    const last = await this.#collection.findOne(filter, { sort: NEWEST, projection: NUMBERS })
    return last?.rev ?? 0
  }

  /** The newest entry of a conversation, if its rev is above this one. */
  async newestAbove (conversation: string, rev: number): Promise<EntryDocument | null> {
    return await this.#collection.findOne({ conversation, rev: { $gt: rev } }, { sort: NEWEST })
  }

  /** Counts the messages numbered above `above` and up to `upTo` that other users than `except` sent. */
  async countOfOthers (conversation: string, except: string, above: number, upTo: number): Promise<number> {
    const filter = { conversation, seq: { $gt: above, $lte: upTo }, actor: { $ne: except } }
    return await this.#collection.countDocuments(filter, { hint: BY_NUMBER })
  }

  /** Reads messages in their present state, in one batch. */
  async readMessages (
    conversation: string, { from, direction, above }: MessagesFrom, count: number
  ): Promise<MessageDocument[]> {
    const lower = direction === 'asc' ? Math.max(from ?? 0, above) : above
    const upper = direction === 'desc' && from !== undefined ? { $lt: from } : {}
    const filter = { conversation, seq: { $gt: lower, ...upper } }
    return await this.#read(filter, { seq: direction }, count) as MessageDocument[]
  }

  /** Reads the entries above a rev, ascending, in one batch. */
  async readEntries (conversation: string, after: number, count: number): Promise<EntryDocument[]> {
    return await this.#read({ conversation, rev: { $gt: after } }, { rev: 'asc' }, count)
  }

  /** Reads the entries above a rev that are not messages, ascending, in one batch. */
  async readChanges (conversation: string, after: number, count: number): Promise<EntryDocument[]> {
    return await this.#read({ conversation, seq: { $lt: -after } }, { seq: 'desc' }, count)
  }

  async #read (
    filter: mongodb.Filter<EntryDocument>, sort: Record<string, Direction>, limit: number
  ): Promise<EntryDocument[]> {
    const options = { sort, limit, batchSize: limit, singleBatch: true, projection: WITHOUT_STORED_AT }
    return await readInSlices(this.#collection.find(filter, options))
  }

  /**
   * Changes a message in place, unless this or a later entry did so before, or it is deleted.
   * @param rev of the entry that changes it
   * @returns the changed message; null where nothing was changed
   */
  async fold (
    conversation: string, seq: number, rev: number, update: mongodb.UpdateFilter<EntryDocument>
  ): Promise<MessageDocument | null> {
    const filter = { conversation, seq, folded: { $not: { $gte: rev } }, deletedAt: { $exists: false } }
    const options = { returnDocument: 'after', projection: WITHOUT_STORED_AT } as const
    return await this.#collection.findOneAndUpdate(filter, update, options) as MessageDocument | null
  }

  /** Erases the texts of edits. */
  async eraseEdits (conversation: string, revs: number[]): Promise<void> {
    const filter = { conversation, rev: { $in: revs } }
    await this.#collection.updateMany(filter, { $set: { message: '' } })
  }

  /** Erases all entries of a conversation below a rev. */
  async eraseBelow (conversation: string, rev: number): Promise<void> {
    await this.#collection.deleteMany({ conversation, rev: { $lt: rev } })
  }
}
