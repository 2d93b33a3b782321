/** The collection `messages`: the log of every conversation. */
import type { mongodb } from '../../database/driver.js'
import type { MessageDocument } from '../../database/documents.js'

export type Direction = 'asc' | 'desc'

/** Named, because a planner may choose the index of clientIds, and then reads all messages of the sender. */
const BY_NUMBER = { conversation: 1, seq: 1 } as const

const NEWEST = { seq: -1 } as const

export class MessagesRepository {
  readonly #collection: mongodb.Collection<MessageDocument>

  /** @param collection with durable reads and writes: what is found here cannot be rolled back */
  constructor (collection: mongodb.Collection<MessageDocument>) {
    this.#collection = collection
  }

  /** Inserts messages one after the other; stops at the first that is refused. */
  async insert (documents: MessageDocument[]): Promise<void> {
    await this.#collection.insertMany(documents, { ordered: true })
  }

  async byId (_id: mongodb.ObjectId): Promise<MessageDocument | null> {
    return await this.#collection.findOne({ _id })
  }

  /** The message that a sender stored in a conversation with a clientId. */
  async byClientId (message: MessageDocument): Promise<MessageDocument | null> {
    const { conversation, sender, clientId } = message
    return await this.#collection.findOne({ conversation, sender, clientId })
  }

  /** The numbers of those of these messages that are stored, by the hex of their ids. */
  async seqsOf (ids: mongodb.ObjectId[]): Promise<Map<string, number>> {
    const found = await this.#collection.find({ _id: { $in: ids } }, { projection: { seq: 1 } }).toArray()
    return new Map(found.map(({ _id, seq }) => [_id.toHexString(), seq]))
  }

  /** The highest number of a conversation, 0 if none. */
  async lastSeq (conversation: string): Promise<number> {
    return await this.#highest({ conversation })
  }

  /** The highest number of a conversation that was stored up to a time, 0 if none. */
  async lastSeqUntil (conversation: string, until: Date): Promise<number> {
    return await this.#highest({ conversation, storedAt: { $lte: until } })
  }

  /** The newest message of a conversation, if its number is above this one. */
  async newestAbove (conversation: string, seq: number): Promise<MessageDocument | null> {
    return await this.#collection.findOne({ conversation, seq: { $gt: seq } }, { sort: NEWEST })
  }

  /** Counts the messages of a sender that are numbered above `above` and up to `upTo`. */
  async count (conversation: string, sender: string, above: number, upTo: number): Promise<number> {
    const filter = { conversation, seq: { $gt: above, $lte: upTo }, sender }
    return await this.#collection.countDocuments(filter, { hint: BY_NUMBER })
  }

  /**
   * Reads messages, without `storedAt`, in one batch.
   * @param from the number to go on from, exclusive; undefined for the first or last message
   */
  async read (
    conversation: string, from: number | undefined, direction: Direction, count: number
  ): Promise<MessageDocument[]> {
    const seq = direction === 'asc' ? { $gt: from ?? 0 } : { $lt: from }
    const filter = from === undefined ? { conversation } : { conversation, seq }
    return await this.#collection.find(filter, {
      sort: { seq: direction },
      limit: count,
      batchSize: count,
      singleBatch: true,
      projection: { storedAt: 0 }
    }).toArray()
  }

  async #highest (filter: mongodb.Filter<MessageDocument>): Promise<number> {
    const last = await this.#collection.findOne(filter, { sort: NEWEST, projection: { seq: 1 } })
    return last?.seq ?? 0
  }
}
