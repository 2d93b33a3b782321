import { requireUser, type KnownAccounts } from '../accounts/known-accounts.js'
import { blockedError, type Blocks } from './blocks.js'
import type { ConversationLog } from './log/conversation-log.js'
import { newMessage } from './log/entries.js'
import { mapKnown, type Known } from '../concurrency/known.js'
import type { Reservation } from './log/send-quota.js'
import type { Appended } from './log/send.js'
import type { Access, Membership } from './membership.js'
import { noSuchMessage, type NewMessage } from './messages.js'

export interface SendingOptions {
  log: ConversationLog
  membership: Membership
  accounts: Pick<KnownAccounts, 'exists'>
  blocks: Blocks
}

/** Sends messages: checks who may send what where, then appends to the log. */
export class Sending {
  readonly #options: SendingOptions

  constructor (options: SendingOptions) { this.#options = options }

  /**
   * Sends a message. A repeated clientId is answered with the stored message, whatever was checked.
   * @param path the field of the request that names the conversation
   * @returns the outcome in an object: who keeps an order of sends need not wait for it
   * @throws ApiError `forbidden`, `notFound` or `conflict`; see docs/http-api.md
   */
  async send (
    input: NewMessage, path: string, reservation: Reservation
  ): Promise<{ outcome: Promise<Appended> }> {
    const { log, membership } = this.#options
    const { conversation, sender } = input
    const entry = newMessage(input, new Date())
    const access = await reservation.within(membership.require(conversation, sender, path))
    await reservation.within(this.#requireReceiver(conversation, sender, path))
    try {
      await reservation.within(this.#check(input, access))
    } catch (error) {
      const stored = await reservation.within(log.repeatOf(entry))
      if (stored === undefined) throw error
      return { outcome: Promise.resolve({ entry: stored, repeat: true }) }
    }
    return { outcome: log.append(entry, reservation) }
  }

  /** Sends a message for a request; @returns it as JSON, once it is stored; see ConversationLog.shown */
  async post (input: NewMessage, path: string): Promise<string> {
    const { log } = this.#options
    const reservation = log.reserve(input.message)
    try {
      const { outcome } = await this.send(input, path, reservation)
      return await log.shown(await outcome)
    } finally {
      reservation.release()
    }
  }

  /** The other user of a direct conversation has to exist; members of groups do. */
  #requireReceiver (conversation: string, sender: string, path: string): Known<void> {
    const partner = this.#options.membership.partner(conversation, sender)
    return partner === undefined ? undefined : requireUser(this.#options.accounts, partner, path)
  }

  #check (input: NewMessage, access: Access): Known<void> {
    return mapKnown(this.#options.blocks.isBlockedIn(input.conversation, input.sender), blocked => {
      if (blocked) throw blockedError()
      return input.replyTo === undefined ? undefined : this.#requireVisible(input, input.replyTo, access)
    })
  }

  async #requireVisible ({ conversation }: NewMessage, seq: number, access: Access): Promise<void> {
    const isVisible = seq > access.aboveSeq
    if (!isVisible || await this.#options.log.message(conversation, seq) === null) {
      throw noSuchMessage('replyTo')
    }
  }
}
