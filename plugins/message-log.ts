import fp from 'fastify-plugin'
import { Appender } from '../src/chat/log/appender.js'
import { Pages, type Page, type PageBounds } from '../src/chat/log/pages.js'
import type { NewMessage } from '../src/chat/messages.js'
import type { Message } from 'chat-protocol'
import type { Appended } from '../src/chat/log/send.js'
import { SendQuota, type Reservation } from '../src/chat/log/send-quota.js'

export interface MessageLog {
  /**
   * Reserves a place for a send that waits before its append, such as for a look-up: it counts among the
   * waiting ones from here on.
   * @throws ApiError `unavailable` where too many wait
   */
  reserve (message: string): Reservation
  /** Stores a message durably; see Appender.append. */
  append (input: NewMessage, reservation?: Reservation): Promise<Appended>
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
  /** The highest number stored in a conversation as far as this process remembers, 0 where it does not; asks nobody. */
  known (conversation: string): number
  /** Messages that wait or are being written. */
  readonly pending: number
  /** Resolves when nobody waits for a message to be stored. */
  drain (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    messageLog: MessageLog
  }
}

/** Sends that wait at most: beyond it the database is far behind: better refused now than late. */
const MAX_WAITING = 20_000

/** `fastify.messageLog`: every conversation as a gapless numbered log (docs/realtime.md). */
export default fp(async function messageLogPlugin (fastify) {
  const { messages } = fastify.repositories
  const listeners: ((message: Message, repeat: boolean) => void)[] = []
  const { SEND_MS, WAITING_BYTES } = fastify.config
  const quota = new SendQuota({ sends: MAX_WAITING, bytes: WAITING_BYTES, waitMs: SEND_MS })
  const appender = new Appender(messages, conversation => fastify.conversations.open(conversation), (document, message, repeat) => {
    fastify.conversations.touch(document)
    for (const listener of listeners) listener(message, repeat)
  }, quota)

  const pages = new Pages(messages)

  fastify.decorate('messageLog', {
    reserve: message => quota.reserve(message),
    append: (input, reservation) => appender.append(input, reservation),
    onStored: listener => { listeners.push(listener) },
    after: (conversation, after, bounds) => pages.after(conversation, after, bounds),
    before: (conversation, before, bounds) => pages.before(conversation, before, bounds),
    lastSeq: conversation => appender.lastSeq(conversation),
    known: conversation => appender.known(conversation),
    get pending () { return appender.size },
    drain: () => appender.drain()
  })
  fastify.addHook('onClose', async () => {
    await appender.drain()
    appender.close()
  })
}, { name: 'message-log', dependencies: ['conversations', 'repositories'] })
