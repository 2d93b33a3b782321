import { REACTION_EMOJI, REACTIONS } from 'chat-protocol'
import type { EntryDocument, MessageDocument } from '../database/documents.js'
import { Serial } from '../concurrency/serial.js'
import { apiError } from '../errors.js'
import { blockedError, type Blocks } from './blocks.js'
import type { ConversationLog } from './log/conversation-log.js'
import { newChange } from './log/entries.js'
import type { Access, Membership } from './membership.js'
import { noSuchMessage, reactionsOf } from './messages.js'

/**
 * Edits of one message: each stays in the log, and the message names them all, so that a deletion can erase
 * their texts.
 */
const MAX_EDITS = 1_000

/** What is done to a message. */
export type MessageChange =
  | { kind: 'edit', message: string }
  | { kind: 'delete' }
  | { kind: 'reaction', emoji: string, on: boolean }

export interface ChangeRequest {
  conversation: string
  /** the number of the message */
  seq: number
  user: string
  clientId?: string | undefined
  change: MessageChange
}

/** The entry that was stored, now or with an earlier request; or the message that is so already. */
export type Changed =
  | { entry: EntryDocument, repeat: boolean }
  | { unchanged: MessageDocument }

export interface ChangesOptions {
  log: ConversationLog
  membership: Membership
  blocks: Blocks
}

/** Edits, deletes and reacts to messages. */
export class Changes {
  readonly #options: ChangesOptions
  /** Changes of one message are checked and stored one after the other, so that each check is exact. */
  readonly #serial = new Serial()

  constructor (options: ChangesOptions) { this.#options = options }

  /**
   * Changes a message, unless it is so already. A repeated clientId is answered with the stored change,
   * whatever was checked.
   * @param path the field of the request that names the conversation
   * @throws ApiError `forbidden`, `notFound` or `conflict`; see docs/http-api.md
   */
  async change (request: ChangeRequest, path: string): Promise<Changed> {
    const { log, membership } = this.#options
    const { conversation, seq, user, clientId, change } = request
    const entry = newChange({ ...change, conversation, actor: user, target: seq, clientId }, new Date())
    const reservation = log.reserve('message' in change ? change.message : '')
    try {
      const access = await membership.require(conversation, user, path)
      // Before repeats: the message may have been changed while the user was not a member.
      if (seq <= access.aboveSeq) throw noSuchMessage('seq')
      return await reservation.within(this.#serial.run(`${conversation}/${seq}`, async () => {
        const unchanged = await this.#orRepeat(entry, () => this.#check(request, access))
        return unchanged ?? await log.append(entry, reservation)
      }))
    } finally {
      reservation.release()
    }
  }

  /** Looks for an earlier request with the same clientId before a check refuses, or finds nothing to do. */
  async #orRepeat (
    entry: EntryDocument, check: () => Promise<MessageDocument | undefined>
  ): Promise<Changed | undefined> {
    const { log } = this.#options
    let unchanged: MessageDocument | undefined
    try {
      unchanged = await check()
      if (unchanged === undefined) return undefined
    } catch (error) {
      const stored = await log.repeatOf(entry)
      if (stored === undefined) throw error
      return { entry: stored, repeat: true }
    }
    const stored = await log.repeatOf(entry)
    return stored === undefined ? { unchanged } : { entry: stored, repeat: true }
  }

  /** @returns the message where it is as it should become; undefined where it has to be changed */
  async #check (
    { conversation, seq, user, change }: ChangeRequest, access: Access
  ): Promise<MessageDocument | undefined> {
    const message = await this.#options.log.message(conversation, seq)
    if (message === null) throw noSuchMessage('seq')
    if (change.kind === 'delete') return checkDelete(message, user, access)
    if (change.kind === 'edit' && message.actor !== user) {
      throw apiError('forbidden', 'only its sender may edit a message', 'seq')
    }
    if (await this.#options.blocks.isBlockedIn(conversation, user)) throw blockedError()
    if (message.deletedAt !== undefined) throw apiError('conflict', 'the message is deleted', 'seq')
    return change.kind === 'edit'
      ? checkEdit(message, change.message)
      : checkReaction(message, user, change)
  }
}

function checkDelete (message: MessageDocument, user: string, { role }: Access): MessageDocument | undefined {
  const may = message.actor === user || role === 'owner' || role === 'admin'
  if (!may) throw apiError('forbidden', 'only its sender may delete this message', 'seq')
  return message.deletedAt === undefined ? undefined : message
}

function checkEdit (message: MessageDocument, text: string): MessageDocument | undefined {
  if ((message.current ?? message.message) === text) return message
  if ((message.edits?.length ?? 0) < MAX_EDITS) return undefined
  throw apiError('conflict', `a message can be edited ${MAX_EDITS} times`, 'message')
}

function checkReaction (
  message: MessageDocument, user: string, { emoji, on }: { emoji: string, on: boolean }
): MessageDocument | undefined {
  const reactions = reactionsOf(message)
  const users = reactions.find(([known]) => known === emoji)?.[1]
  if ((users?.includes(user) === true) === on) return message
  if (!on) return undefined
  if (users === undefined && reactions.length >= REACTION_EMOJI) {
    throw apiError('conflict', `a message can have ${REACTION_EMOJI} different emoji`, 'emoji')
  }
  if (reactions.reduce((sum, [, reacted]) => sum + reacted.length, 0) >= REACTIONS) {
    throw apiError('conflict', `a message can have ${REACTIONS} reactions`, 'emoji')
  }
  return undefined
}
