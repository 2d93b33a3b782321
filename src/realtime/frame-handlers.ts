import { conversationOf, type ClientFrame } from 'chat-protocol'
import { requireReceiver, type KnownAccounts } from '../accounts/known-accounts.js'
import { markOf } from '../chat/conversations-repository.js'
import type { Conversations } from '../chat/conversations.js'
import type { Reservation } from '../chat/log/send-quota.js'
import type { Appended } from '../chat/log/send.js'
import type { Membership } from '../chat/membership.js'
import type { NewMessage } from '../chat/messages.js'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import { apiError } from '../errors.js'
import type { Connection } from './connection.js'
import type { Presence } from './presence.js'

/** Conversations that `resumed` lists. */
const RECENT = 50
/**
 * Lists that are read for sockets at the same time: the recent conversations of a resume, and watched users.
 * Each takes up to 50 look-ups, and messages to be stored need the database too.
 */
const LISTS_AT_ONCE = 4

type FrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>
type Handler<F extends ClientFrame> = (connection: Connection, frame: F) => void | Promise<void>

export interface FrameHandlersOptions {
  membership: Membership
  messageLog: {
    reserve (message: string): Reservation
    append (input: NewMessage, reservation: Reservation): Promise<Appended>
  }
  conversations: Pick<Conversations, 'mark' | 'page'>
  accounts: Pick<KnownAccounts, 'exists'>
  presence: Pick<Presence, 'typing' | 'watch'>
}

/** Does what the frames of clients ask for (docs/realtime.md). */
export class FrameHandlers {
  readonly #options: FrameHandlersOptions
  readonly #lists = new FairSemaphore({
    places: LISTS_AT_ONCE,
    refusal: () => apiError('unavailable', 'the server is busy')
  })

  readonly #byType: { [T in ClientFrame['type']]: Handler<FrameOf<T>> } = {
    send: (connection, frame) => this.#send(connection, frame),
    resume: (connection, frame) => this.#resume(connection, frame),
    delivered: (connection, frame) => this.#mark(connection, frame),
    read: (connection, frame) => this.#mark(connection, frame),
    typing: (connection, frame) => this.#typing(connection, frame),
    watch: (connection, frame) => this.#watch(connection, frame),
    ping: connection => { connection.send({ type: 'pong' }) }
  }

  constructor (options: FrameHandlersOptions) { this.#options = options }

  /**
   * Handles a frame; several frames of a socket may be under way.
   * @throws ApiError where the frame is refused
   */
  handle (connection: Connection, frame: ClientFrame): void | Promise<void> {
    const handler = this.#byType[frame.type] as Handler<ClientFrame>
    return handler(connection, frame)
  }

  async #send (connection: Connection, frame: FrameOf<'send'>): Promise<void> {
    const { messageLog } = this.#options
    const { clientId, reciver, message } = frame
    const reservation = messageLog.reserve(message)
    const expected = connection.expectAck(conversationOf(connection.user, reciver), clientId)
    try {
      // One after the other as far as the log, so that they are numbered in the order of their frames.
      const appended = connection.sending.then(() => this.#append(connection.user, frame, reservation))
      connection.sending = appended.catch(() => {})
      const { message: stored, repeat } = await (await appended).outcome
      connection.stored(expected, stored, repeat)
    } catch (error) {
      connection.forget(expected)
      throw error
    } finally {
      reservation.release()
    }
  }

  /** @returns the outcome in an object: the next send of the socket does not wait for it */
  async #append (
    sender: string, { reciver, message, clientId, createdAt }: FrameOf<'send'>, reservation: Reservation
  ): Promise<{ outcome: Promise<Appended> }> {
    const { accounts, messageLog } = this.#options
    await reservation.within(requireReceiver(accounts, reciver))
    const given = createdAt === undefined ? {} : { createdAt }
    return { outcome: messageLog.append({ sender, reciver, message, clientId, ...given }, reservation) }
  }

  async #resume (connection: Connection, { have }: FrameOf<'resume'>): Promise<void> {
    const { membership } = this.#options
    for (const conversation of Object.keys(have)) {
      const checked = membership.requireMember(conversation, connection.user, `have.${conversation}`)
      // Without an await where the answer is there: direct conversations restart in this very turn.
      if (checked !== undefined) await checked
    }
    // In this very turn: from here on nothing of these conversations is sent but what follows these numbers.
    const caughtUp = connection.cursors.restart(have)
    const work = connection.resuming.then(async () => {
      await caughtUp
      await this.#lists.run(connection.user, async () => await this.#sendRecent(connection))
    })
    connection.resuming = work.catch(() => {})
    await work
  }

  async #sendRecent (connection: Connection): Promise<void> {
    const { conversations, membership } = this.#options
    const { user } = connection
    if (connection.closed) return
    const recent = await conversations.page(user, undefined, RECENT)
    connection.send({
      type: 'resumed',
      conversations: recent.map(document => ({
        id: document._id,
        user: membership.partner(document._id, user)!,
        lastSeq: document.lastSeq,
        ...markOf(document, user)
      }))
    })
  }

  async #mark (
    connection: Connection, { type, conversation, seq }: FrameOf<'delivered' | 'read'>
  ): Promise<void> {
    const { conversations, membership } = this.#options
    await membership.requireMember(conversation, connection.user, 'conversation')
    await conversations.mark(conversation, connection.user, type, seq, connection.id)
  }

  async #typing (connection: Connection, { reciver, on }: FrameOf<'typing'>): Promise<void> {
    const { accounts, presence } = this.#options
    await requireReceiver(accounts, reciver)
    presence.typing(connection, reciver, on)
  }

  async #watch (connection: Connection, { users }: FrameOf<'watch'>): Promise<void> {
    await this.#lists.run(connection.user, async () => {
      if (!connection.closed) await this.#options.presence.watch(connection, users)
    })
  }
}
