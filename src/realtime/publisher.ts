import type { Message } from 'chat-protocol'
import type { EndedSession } from '../accounts/sessions.js'
import { whenKnown, type Membership } from '../chat/membership.js'
import type { Receipt } from '../chat/receipts.js'
import { userTopic, type Bus, type BusMessage } from './bus/bus.js'
import { FramedMessage } from './framed-message.js'

/** Puts on the bus what this process stored or ended, for the sockets that it concerns, wherever they are. */
export class Publisher {
  readonly #bus: Bus
  readonly #membership: Membership
  readonly #onError: (error: unknown) => void

  /**
   * @param onError called where the members could not be looked up; sockets then find out by the heartbeat
   */
  constructor (bus: Bus, membership: Membership, onError: (error: unknown) => void) {
    this.#bus = bus
    this.#membership = membership
    this.#onError = onError
  }

  /**
   * Publishes a stored message to its conversation.
   * @param repeat whether it was stored before. Its first publication may have been lost: only its number is
   *   published, so that each socket reads what it misses, in order
   */
  stored (message: Message, repeat: boolean): void {
    const { conversation, seq } = message
    this.#publish(conversation, {
      type: 'entry',
      conversation,
      seq,
      ...(repeat ? {} : { entry: new FramedMessage(message) })
    })
  }

  /** Publishes the marks of a member to its conversation. */
  receipt (receipt: Receipt): void {
    this.#publish(receipt.conversation, { type: 'receipt', receipt })
  }

  /** Publishes that `user` types to `receiver`, or stopped; not to the socket that said so. */
  typing (receiver: string, user: string, on: boolean, socket: string): void {
    this.#bus.publish(userTopic(receiver), { type: 'typing', user, on, socket })
  }

  /** Publishes the end of a session to the sockets of its user. */
  sessionEnded ({ user, session }: EndedSession): void {
    this.#bus.publish(userTopic(user), { type: 'session-ended', session })
  }

  #publish (conversation: string, message: BusMessage): void {
    whenKnown(this.#membership.members(conversation), members => {
      for (const member of members) this.#bus.publish(userTopic(member), message)
    })?.catch(this.#onError)
  }
}
