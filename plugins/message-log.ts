import type { mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { Appender, type Appended } from '../src/appender.js'
import { collection, type MessageDocument } from '../src/documents.js'
import { toMessage, type NewMessage } from '../src/messages.js'
import type { Message } from '../src/schemas/messages.js'

export interface MessageLog {
  /** Stores a message durably; see Appender.append. */
  append (input: NewMessage): Promise<Appended>
  /**
   * Registers what is told of each message stored by this process, in the order of its conversation, before its sender is answered; with `repeat` of one
   * that was stored before, and that others may never have been told of.
   */
  onStored (listener: (message: Message, repeat: boolean) => void): void
  /** The messages numbered above `after`, ascending, at most `limit`. */
  after (conversation: string, after: number, limit: number): Promise<Message[]>
  /** The newest messages, or those just below `before`; ascending, at most `limit`. */
  before (conversation: string, before: number | undefined, limit: number): Promise<Message[]>
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

/** `fastify.messageLog`: every conversation as a gapless numbered log (docs/realtime.md). */
export default fp(async function messageLogPlugin (fastify) {
  const messages = collection(fastify, 'messages')
  const listeners: ((message: Message, repeat: boolean) => void)[] = []
  const appender = new Appender(messages, conversation => fastify.conversations.open(conversation), (document, message, repeat) => {
    fastify.conversations.touch(document)
    for (const listener of listeners) listener(message, repeat)
  })

  async function read (filter: mongodb.Filter<MessageDocument>, direction: 'asc' | 'desc', limit: number): Promise<Message[]> {
    // One batch: pages are small, and a getMore costs a round trip.
    const documents = await messages.find(filter, { sort: { seq: direction }, limit, batchSize: limit + 1, projection: { storedAt: 0 } }).toArray()
    return (direction === 'asc' ? documents : documents.reverse()).map(toMessage)
  }

  fastify.decorate('messageLog', {
    append: input => appender.append(input),
    onStored: listener => { listeners.push(listener) },
    after: (conversation, after, limit) => read({ conversation, seq: { $gt: after } }, 'asc', limit),
    before: (conversation, before, limit) => read(before === undefined ? { conversation } : { conversation, seq: { $lt: before } }, 'desc', limit),
    lastSeq: conversation => appender.lastSeq(conversation),
    get pending () { return appender.size },
    drain: () => appender.drain()
  })
  fastify.addHook('onClose', async () => { await appender.drain() })
}, { name: 'message-log', dependencies: ['mongodb', 'conversations'] })
