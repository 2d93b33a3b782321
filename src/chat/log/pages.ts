import type { mongodb } from '@fastify/mongodb'
import type { Message } from 'chat-protocol'
import type { MessageDocument } from '../../database/documents.js'
import { jsonBytes } from '../../http/json-bytes.js'
import { MESSAGE_BYTES, toMessage } from '../messages.js'

type Filter = mongodb.Filter<MessageDocument>
type Direction = 'asc' | 'desc'

export interface PageBounds {
  /** messages of the page at most */
  limit: number
  /** bytes of the messages in JSON at most; a page has at least one message all the same */
  maxBytes: number
}

export interface Page {
  messages: Message[]
  /** whether there are more in the direction of reading */
  hasMore: boolean
}

/**
 * Messages that the database sends at once: at 40 KB each they are 10 MB, and a page of 1,000 takes five
 * trips. With batches of 100 a page of short messages took 10 % longer.
 */
const BATCH = 250

/** Reads the log of a conversation by pages. */
export class Pages {
  readonly #messages: mongodb.Collection<MessageDocument>

  constructor (messages: mongodb.Collection<MessageDocument>) {
    this.#messages = messages
  }

  /** The messages numbered above `after`, ascending. */
  async after (conversation: string, after: number, bounds: PageBounds): Promise<Page> {
    return await this.#read({ conversation, seq: { $gt: after } }, 'asc', bounds)
  }

  /** The newest messages, or those just below `before`; ascending. */
  async before (conversation: string, before: number | undefined, bounds: PageBounds): Promise<Page> {
    const filter = before === undefined ? { conversation } : { conversation, seq: { $lt: before } }
    const { messages, hasMore } = await this.#read(filter, 'desc', bounds)
    return { messages: messages.reverse(), hasMore }
  }

  async #read (filter: Filter, direction: Direction, { limit, maxBytes }: PageBounds): Promise<Page> {
    const cursor = this.#messages.find(filter, {
      sort: { seq: direction },
      limit: limit + 1,
      batchSize: Math.min(limit + 2, BATCH),
      projection: { storedAt: 0 }
    })
    const messages: Message[] = []
    let bytes = 0
    let hasMore = false
    // By batches: a promise for each document would take a sixth longer.
    while (!hasMore && await cursor.hasNext()) {
      for (const document of cursor.readBufferedDocuments()) {
        bytes += MESSAGE_BYTES + jsonBytes(document.message)
        hasMore = messages.length === limit || (bytes > maxBytes && messages.length > 0)
        if (hasMore) break
        messages.push(toMessage(document))
      }
    }
    await cursor.close()
    return { messages, hasMore }
  }
}
