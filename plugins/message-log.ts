import type { mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { Appender, type Appended } from '../src/appender.js'
import { collection, type MessageDocument } from '../src/documents.js'
import { FairSemaphore } from '../src/fair-semaphore.js'
import { jsonBytes } from '../src/json-bytes.js'
import { MESSAGE_BYTES, toMessage, type NewMessage } from '../src/messages.js'
import type { Message } from '../src/schemas/messages.js'

type Filter = mongodb.Filter<MessageDocument>
type Direction = 'asc' | 'desc'

export interface PageBounds {
  /** messages of the page at most */
  limit: number
  /** bytes of the messages in JSON at most; a page has at least one message all the same */
  maxBytes: number
  /** who reads for a socket: readers take turns. Pages over HTTP have theirs in plugins/answers.ts */
  reader?: string
}

export interface Page {
  messages: Message[]
  /** whether there are more in the direction of reading */
  hasMore: boolean
}

export interface MessageLog {
  /** Stores a message durably; see Appender.append. */
  append (input: NewMessage): Promise<Appended>
  /**
   * Registers what is told of each message stored by this process, in the order of its conversation, before its sender is answered; with `repeat` of one
   * that was stored before, and that others may never have been told of.
   */
  onStored (listener: (message: Message, repeat: boolean) => void): void
  /** The messages numbered above `after`, ascending. */
  after (conversation: string, after: number, bounds: PageBounds): Promise<Page>
  /** The newest messages, or those just below `before`; ascending. */
  before (conversation: string, before: number | undefined, bounds: PageBounds): Promise<Page>
  /** The highest number stored in a conversation, 0 if none; asks the database. */
  lastSeq (conversation: string): Promise<number>
  /** Messages that wait or are being written. */
  readonly pending: number
  /** Resolves when nothing waits or is being written. */
  drain (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    messageLog: MessageLog
  }
}

/**
 * Messages that the database sends at once: at 40 KB each they are 10 MB, and a page of 1,000 takes five trips. With
 * batches of 100 a page of short messages took 10 % longer.
 */
const BATCH = 250
/** Pages for sockets that are read at a time; a database that answers within 2 ms keeps the process busy. */
const READ_PLACES = 8

/** `fastify.messageLog`: every conversation as a gapless numbered log (docs/realtime.md). */
export default fp(async function messageLogPlugin (fastify) {
  const messages = collection(fastify, 'messages')
  const listeners: ((message: Message, repeat: boolean) => void)[] = []
  const appender = new Appender(messages, conversation => fastify.conversations.open(conversation), (document, message, repeat) => {
    fastify.conversations.touch(document)
    for (const listener of listeners) listener(message, repeat)
  })

  // Without limits of its own it refuses nothing.
  const reads = new FairSemaphore({ places: READ_PLACES, refusal: () => new Error('not reached') })

  async function inTurn (filter: Filter, direction: Direction, bounds: PageBounds): Promise<Page> {
    const { reader } = bounds
    if (reader === undefined) return await read(filter, direction, bounds)
    return await reads.run(reader, () => read(filter, direction, bounds))
  }

  async function read (filter: Filter, direction: Direction, { limit, maxBytes }: PageBounds): Promise<Page> {
    const cursor = messages.find(filter, { sort: { seq: direction }, limit: limit + 1, batchSize: Math.min(limit + 2, BATCH), projection: { storedAt: 0 } })
    const page: Message[] = []
    let bytes = 0
    let hasMore = false
    for await (const document of cursor) {
      bytes += MESSAGE_BYTES + jsonBytes(document.message)
      hasMore = page.length === limit || (bytes > maxBytes && page.length > 0)
      // Leaving the loop closes the cursor.
      if (hasMore) break
      page.push(toMessage(document))
    }
    return { messages: direction === 'asc' ? page : page.reverse(), hasMore }
  }

  fastify.decorate('messageLog', {
    append: input => appender.append(input),
    onStored: listener => { listeners.push(listener) },
    after: (conversation, after, bounds) => inTurn({ conversation, seq: { $gt: after } }, 'asc', bounds),
    before: (conversation, before, bounds) => {
      const filter = before === undefined ? { conversation } : { conversation, seq: { $lt: before } }
      return inTurn(filter, 'desc', bounds)
    },
    lastSeq: conversation => appender.lastSeq(conversation),
    get pending () { return appender.size },
    drain: () => appender.drain()
  })
  fastify.addHook('onClose', async () => { await appender.drain() })
}, { name: 'message-log', dependencies: ['mongodb', 'conversations'] })
