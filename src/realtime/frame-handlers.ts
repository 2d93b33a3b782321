import { kindOf, type ClientFrame } from 'chat-protocol'
import type { Changed, Changes, MessageChange } from '../chat/changes.js'
import type { Blocks } from '../chat/blocks.js'
import type { Conversations } from '../chat/conversations.js'
import type { ConversationLog } from '../chat/log/conversation-log.js'
import { notAMember, type Membership } from '../chat/membership.js'
import { idOf } from '../chat/memberships-repository.js'
import { presentJson } from '../chat/log/message-json.js'
import type { Sending } from '../chat/sending.js'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import type { Known } from '../concurrency/known.js'
import type { EntryDocument } from '../database/documents.js'
import { apiError } from '../errors.js'
import type { Connection } from './connection.js'
import type { ExpectedAck } from './expected-acks.js'
import { errorFrame } from './error-frame.js'
import { FramedEntry } from './framed-entry.js'
import type { Presence } from './presence.js'
import { targetOf } from './target.js'

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
  log: ConversationLog
  sending: Sending
  changes: Changes
  blocks: Blocks
  conversations: Pick<Conversations, 'mark' | 'marks' | 'page'>
  requireUser: (user: string, path: string) => Known<void>
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
    edit: (connection, { message, ...frame }) => this.#change(connection, frame, { kind: 'edit', message }),
    delete: (connection, frame) => this.#change(connection, frame, { kind: 'delete' }),
    react: (connection, { emoji, on, ...frame }) =>
      this.#change(connection, frame, { kind: 'reaction', emoji, on }),
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
    const { log, sending } = this.#options
    const { clientId, message, createdAt, replyTo } = frame
    const sender = connection.user
    const { conversation, path } = targetOf(sender, frame)
    const input = { conversation, sender, message, clientId, createdAt, replyTo }
    const reservation = log.reserve(message)
    const expected = connection.expectAck(conversation, clientId)
    try {
      // One after the other as far as the log, so that they are numbered in the order of their frames.
      const appended = connection.sending.then(() => sending.send(input, path, reservation))
      connection.sending = appended.catch(() => {})
      expected.storing = (await appended).outcome
      const outcome = await expected.storing
      if (outcome.repeat) connection.acknowledge(expected, `"message":${await log.shown(outcome)}`)
      else await this.#stored(connection, expected, outcome.entry)
    } catch (error) {
      connection.forget(expected)
      throw error
    } finally {
      reservation.release()
    }
  }

  async #change (
    connection: Connection, frame: Omit<FrameOf<'delete'>, 'type'>, change: MessageChange
  ): Promise<void> {
    const { conversation, seq, clientId } = frame
    const expected = connection.expectAck(conversation, clientId)
    try {
      const { user } = connection
      const request = { conversation, seq, user, clientId, change }
      // It may be about a message that the socket sent just before.
      const changed = connection.sending.then(() => connection.allStored())
        .then(() => this.#options.changes.change(request, 'conversation'))
      connection.sending = changed.catch(() => {})
      await this.#changed(connection, expected, await changed)
    } catch (error) {
      connection.forget(expected)
      throw error
    }
  }

  async #changed (connection: Connection, expected: ExpectedAck, changed: Changed): Promise<void> {
    if ('unchanged' in changed) {
      connection.acknowledge(expected, `"message":${presentJson(changed.unchanged).json}`)
    } else if (changed.repeat) {
      connection.acknowledge(expected, new FramedEntry(changed.entry).acknowledged)
    } else {
      await this.#stored(connection, expected, changed.entry)
    }
  }

  /**
   * Acknowledges an entry in its place. Who was removed from the group meanwhile has no place any more, and
   * gets the ack at once.
   */
  async #stored (connection: Connection, expected: ExpectedAck, entry: EntryDocument): Promise<void> {
    const known = this.#options.membership.access(entry.conversation, connection.user)
    // Without an await where the answer is there.
    const access = known instanceof Promise ? await known : known
    if (access !== undefined) connection.stored(expected, entry)
    else connection.acknowledge(expected, new FramedEntry(entry).acknowledged)
  }

  async #resume (connection: Connection, { have }: FrameOf<'resume'>): Promise<void> {
    const visible = this.#visible(connection, have)
    // Without an await where the answer is there: direct conversations restart in this very turn.
    const resumed = visible instanceof Promise ? await visible : visible
    // In this very turn: from here on nothing of these conversations is sent but what follows these numbers.
    const caughtUp = connection.cursors.restart(resumed)
    const work = connection.resuming.then(async () => {
      await caughtUp
      await this.#lists.run(connection.user, async () => await this.#sendRecent(connection))
    })
    connection.resuming = work.catch(() => {})
    await work
  }

  /**
   * The conversations of a resume, each with the rev to go on after: not before the first visible entry. A
   * group that the user is not a member of is answered with an error of its own.
   * @throws ApiError `forbidden` for a direct conversation of others
   */
  #visible (
    connection: Connection, have: Record<string, number>
  ): Record<string, number> | Promise<Record<string, number>> {
    const { membership } = this.#options
    const { user } = connection
    const direct = Object.keys(have).filter(id => membership.partner(id, user) !== undefined)
    const others = Object.keys(have).filter(id => membership.partner(id, user) === undefined)
    const foreign = others.find(id => id.includes(':'))
    if (foreign !== undefined) throw notAMember(foreign, `have.${foreign}`)
    const resumed = Object.fromEntries(direct.map(id => [id, have[id]!]))
    if (others.length === 0) return resumed
    return this.#visibleGroups(connection, others, have).then(groups => ({ ...resumed, ...groups }))
  }

  async #visibleGroups (
    connection: Connection, groups: string[], have: Record<string, number>
  ): Promise<Record<string, number>> {
    const resumed: Record<string, number> = {}
    for (const id of groups) {
      const access = await this.#options.membership.access(id, connection.user)
      if (access === undefined) connection.send(errorFrame(notAMember(id, `have.${id}`)))
      else resumed[id] = Math.max(have[id]!, access.above)
    }
    return resumed
  }

  async #sendRecent (connection: Connection): Promise<void> {
    const { conversations, membership } = this.#options
    const { user } = connection
    if (connection.closed) return
    const recent = (await conversations.page(user, undefined, RECENT)).filter(({ lastRev }) => lastRev > 0)
    const marks = await conversations.marks(recent.map(({ _id }) => ({ conversation: _id, user })))
    connection.send({
      type: 'resumed',
      conversations: recent.map(({ _id: id, name, lastSeq, lastRev }) => ({
        id,
        kind: kindOf(id),
        ...(kindOf(id) === 'direct' ? { user: membership.partner(id, user)! } : { name: name! }),
        lastSeq,
        lastRev,
        ...marks.get(idOf({ conversation: id, user })) ?? { delivered: 0, read: 0 }
      }))
    })
  }

  async #mark (
    connection: Connection, { type, conversation, seq }: FrameOf<'delivered' | 'read'>
  ): Promise<void> {
    const { conversations, membership } = this.#options
    await membership.require(conversation, connection.user, 'conversation')
    await conversations.mark(conversation, connection.user, type, seq, connection.id)
  }

  async #typing (connection: Connection, frame: FrameOf<'typing'>): Promise<void> {
    const { blocks, membership, presence, requireUser } = this.#options
    const { user } = connection
    const { conversation, path } = targetOf(user, frame)
    await membership.require(conversation, user, path)
    const partner = membership.partner(conversation, user)
    if (partner !== undefined) await requireUser(partner, path)
    if (!await blocks.isBlockedIn(conversation, user)) presence.typing(connection, conversation, frame.on)
  }

  async #watch (connection: Connection, { users }: FrameOf<'watch'>): Promise<void> {
    await this.#lists.run(connection.user, async () => {
      if (!connection.closed) await this.#options.presence.watch(connection, users)
    })
  }
}
