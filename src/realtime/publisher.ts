import { RECEIPT_MEMBERS, type ServerFrame } from 'chat-protocol'
import type { EndedSession } from '../accounts/sessions.js'
import type { Membership } from '../chat/membership.js'
import { whenKnown } from '../concurrency/known.js'
import type { Receipt } from '../chat/receipts.js'
import type { EntryDocument } from '../database/documents.js'
import { userTopic, type Bus, type BusMessage } from './bus/bus.js'
import { FramedEntry } from './framed-entry.js'

export interface PublisherOptions {
  bus: Bus
  membership: Membership
  /** Called with the user who made an entry, and with the members to whom it is published. */
  onFanOut: (actor: string, members: number) => void
  /** Called where the members could not be looked up; sockets then find out by the heartbeat. */
  onError: (error: unknown) => void
}

/** Puts on the bus what this process stored or ended, for the sockets that it concerns, wherever they are. */
export class Publisher {
  readonly #bus: Bus
  readonly #membership: Membership
  readonly #options: PublisherOptions

  constructor (options: PublisherOptions) {
    this.#bus = options.bus
    this.#membership = options.membership
    this.#options = options
  }

  /**
   * Publishes a stored entry to its conversation; a removal also to the user who is not a member any more.
   * @param repeat whether it was stored before. Its first publication may have been lost: only its number is
   *   published, so that each socket reads what it misses, in order
   * @returns a promise where the members have to be looked up; it resolves when the entry is published
   */
  stored (entry: EntryDocument, repeat: boolean): Promise<void> | undefined {
    const { conversation, rev } = entry
    const message: BusMessage =
      { type: 'entry', conversation, rev, ...(repeat ? {} : { entry: new FramedEntry(entry) }) }
    return this.#withMembers(conversation, members => {
      for (const member of members) this.#bus.publish(userTopic(member), message)
      this.#options.onFanOut(entry.actor, members.length)
      if (entry.kind === 'member' && entry.role === null && !repeat) {
        this.#bus.publish(userTopic(entry.user), message)
      }
    })
  }

  /** Publishes the marks of a member to its conversation; in large groups to the member's own sockets. */
  receipt (receipt: Receipt): void {
    this.#withMembers(receipt.conversation, members => {
      const told = members.length > RECEIPT_MEMBERS ? [receipt.user] : members
      for (const member of told) this.#bus.publish(userTopic(member), { type: 'receipt', receipt })
    })
  }

  /** Publishes that a member types, or stopped, to the others; not in large groups. */
  typing (conversation: string, user: string, on: boolean, socket: string): void {
    this.#withMembers(conversation, members => {
      if (members.length > RECEIPT_MEMBERS) return
      const told = members.length > 1 ? members.filter(member => member !== user) : members
      this.notify(told, { type: 'typing', conversation, user, on }, socket)
    })
  }

  /** Publishes a frame that may get lost to the sockets of users, except to the one that caused it. */
  notify (users: readonly string[], frame: ServerFrame, exceptSocket: string): void {
    const message: BusMessage = { type: 'notice', frame, exceptSocket }
    for (const user of users) this.#bus.publish(userTopic(user), message)
  }

  /** Publishes the end of a session to the sockets of its user. */
  sessionEnded ({ user, session }: EndedSession): void {
    this.#bus.publish(userTopic(user), { type: 'session-ended', session })
  }

  #withMembers (
    conversation: string, publish: (members: readonly string[]) => void
  ): Promise<void> | undefined {
    return whenKnown(this.#membership.members(conversation), publish)?.catch(this.#options.onError)
  }
}
