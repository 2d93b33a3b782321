import fp from 'fastify-plugin'
import type { Message } from 'chat-protocol'
import { Appender } from '../src/chat/log/appender.js'
import { newMessage } from '../src/chat/log/entries.js'
import { Pages, type Page, type PageBounds } from '../src/chat/log/pages.js'
import { SendQuota, type Reservation } from '../src/chat/log/send-quota.js'
import type { Appended } from '../src/chat/log/send.js'
import type { NewMessage } from '../src/chat/messages.js'

type Listener = (message: Message, repeat: boolean) => void

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
   * Registers a listener that is called with each message that this process stored, in the order of its
   * conversation, before its sender is answered. `repeat` marks a message that was stored before, and that
   * may never have been published.
   */
  onStored (listener: Listener): void
  /** The messages numbered above `after`, ascending. */
  after (conversation: string, after: number, bounds: PageBounds): Promise<Page>
  /** The newest messages, or those just below `before`; ascending. */
  before (conversation: string, before: number | undefined, bounds: PageBounds): Promise<Page>
  /** The highest number stored in a conversation, 0 if none; asks the database. */
  lastSeq (conversation: string): Promise<number>
  /**
   * The highest number of a conversation that this process remembers, 0 if none; does not ask the database.
   */
  known (conversation: string): number
  /** Messages that wait or are being written. */
  readonly pending: number
  /** Resolves when no sender waits any more. */
  drain (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    messageLog: MessageLog
  }
}

/**
 * Sends that wait at most: where more wait the database is far behind, and refusing is better than being
 * late.
 */
const MAX_WAITING = 20_000

/** `fastify.messageLog`: every conversation as a gapless numbered log (docs/realtime.md). */
export default fp(async function messageLogPlugin (fastify) {
  const { conversations, config, repositories: { messages } } = fastify
  const listeners: Listener[] = []
  const quota = new SendQuota({ sends: MAX_WAITING, bytes: config.WAITING_BYTES, waitMs: config.SEND_MS })
  const pages = new Pages(messages)
  const appender = new Appender({
    messages,
    quota,
    open: conversation => conversations.open(conversation),
    stored (entry, message, repeat) {
      conversations.touch(entry.document)
      for (const listener of listeners) listener(message, repeat)
    }
  })

  fastify.decorate('messageLog', {
    reserve: message => quota.reserve(message),
    append: (input, reservation) => appender.append(newMessage(input, new Date()), reservation),
    onStored: listener => { listeners.push(listener) },
    after: (conversation, after, bounds) => pages.after(conversation, after, bounds),
    before: (conversation, before, bounds) => pages.before(conversation, before, bounds),
    lastSeq: conversation => messages.lastSeq(conversation),
    known: conversation => appender.known(conversation),
    get pending () { return appender.size },
    drain: () => appender.drain()
  })
  fastify.addHook('onClose', async () => {
    await appender.drain()
    appender.close()
  })
}, { name: 'message-log', dependencies: ['conversations', 'repositories'] })
