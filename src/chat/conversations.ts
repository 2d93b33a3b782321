import { cacheOf } from '../cache.js'
import type { BaseLogger } from 'pino'
import type { ConversationDocument } from '../database/documents.js'
import type { ConversationsRepository, Head, InboxPosition, Summary } from './conversations-repository.js'
import type { LogEnd, LogRepository } from './log/log-repository.js'
import { Summaries } from './log/summaries.js'
import type { MembershipsRepository, Place } from './memberships-repository.js'
import type { Receipt } from './receipts.js'
import type { Mark } from './schemas/conversations.js'

type Listener = (receipt: Receipt) => void

/**
 * Unread messages are counted among so many newest ones of a conversation: no badge shows more, and as
 * numbers have no gaps, no more index entries are read, however long the conversation is.
 */
const MAX_UNREAD = 1000
/** Conversations of which counts and checks are remembered: 400 inbox pages; each takes about 150 bytes. */
const REMEMBERED = 20_000

/** The unread messages of a user in a conversation. */
interface Unread {
  above: number
  lastSeq: number
  count: number
}

export interface ConversationsOptions {
  conversations: ConversationsRepository
  memberships: MembershipsRepository
  log: LogRepository
  /** The end of a log as far as this process remembers it. */
  known: (conversation: string) => LogEnd | undefined
  /** Whether only this process writes. */
  alone: boolean
  logger: Pick<BaseLogger, 'warn'>
}

/** The summaries of the log that the inbox reads, and the marks of the members. */
export class Conversations {
  readonly #options: ConversationsOptions
  readonly #summaries: Summaries
  readonly #listeners: Listener[] = []
  /** The last number of each conversation that was compared with the log since the start. */
  readonly #compared = cacheOf<number>(REMEMBERED)
  /** By conversation and user. Messages never change their sender, so a count stays true for its numbers. */
  readonly #unread = cacheOf<Unread>(REMEMBERED)

  constructor (options: ConversationsOptions) {
    this.#options = options
    const onReceipt = (receipt: Receipt) => {
      for (const listener of this.#listeners) listener(receipt)
    }
    this.#summaries = new Summaries({ ...options, onReceipt })
  }

  /** Summaries and marks that wait to be written. */
  get pending (): number { return this.#summaries.pending }

  /** Brings a summary up to date, within FLUSH_MS. */
  touch (summary: Summary): void { this.#summaries.touch(summary) }

  /**
   * Raises a mark of a member, together with others within FLUSH_MS; a number above the highest stored one is
   * ignored.
   * @param socket the socket that names the mark
   * @returns the marks that are stored then
   */
  async mark (
    conversation: string, user: string, kind: keyof Mark, seq: number, socket?: string
  ): Promise<Mark> {
    return await this.#summaries.mark({ conversation, user, kind, seq, socket })
  }

  /** Registers a listener that is called with each changed mark, after it was stored. */
  onReceipt (listener: Listener): void { this.#listeners.push(listener) }

  /** A conversation, verified against the log; null where there is none. */
  async find (conversation: string): Promise<ConversationDocument | null> {
    const document = await this.#options.conversations.find(conversation)
    return document && await this.#verified(document)
  }

  /** A page of a user's conversations, newest first, each verified against the log, and repaired. */
  async page (
    user: string, after: InboxPosition | undefined, limit: number
  ): Promise<ConversationDocument[]> {
    const documents = await this.#options.conversations.page(user, after, limit)
    const verified = await Promise.all(documents.map(document => this.#verified(document)))
    return verified.sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime() || (a._id < b._id ? 1 : -1))
  }

  /** The marks of members, by `idOf`; where none are stored, none are returned. */
  async marks (places: Place[]): Promise<Map<string, Mark>> {
    return await this.#options.memberships.marks(places)
  }

  /** Counts the messages of others above a read mark of `user`, among the newest MAX_UNREAD ones. */
  async unread ({ _id, lastSeq }: ConversationDocument, user: string, read: number): Promise<number> {
    if (lastSeq <= read) return 0
    const above = Math.max(read, lastSeq - MAX_UNREAD)
    const key = `${_id}/${user}`
    const known = this.#unread.get(key)
    if (known?.above === above && known.lastSeq === lastSeq) return known.count
    const count = await this.#options.log.countOfOthers(_id, user, above, lastSeq)
    this.#unread.set(key, { above, lastSeq, count })
    return count
  }

  /** The heads of a user's conversations that changed last; summaries may be behind by a second. */
  async recent (user: string, limit: number): Promise<Head[]> {
    return await this.#options.conversations.recent(user, limit)
  }

  /**
   * The conversations of any of these users in which something was stored since a time, by whatever process;
   * summaries may be behind by a second.
   */
  async since (users: string[], since: Date): Promise<Head[]> {
    return await this.#options.conversations.since(users, since)
  }

  /** Writes what waits. */
  async close (): Promise<void> { await this.#summaries.close() }

  async #verified (document: ConversationDocument): Promise<ConversationDocument> {
    const { _id, lastRev } = document
    if (this.#isCertain(_id, lastRev)) return document
    const verified = await this.#summaries.verify(document)
    this.#compared.set(_id, verified.lastRev)
    return verified
  }

  /**
   * Whether a summary cannot be behind: nobody else writes, and it ends where the log does. A summary that
   * was found behind is read as it was until it is written again.
   */
  #isCertain (conversation: string, lastRev: number): boolean {
    const { alone, known } = this.#options
    return alone && lastRev === (known(conversation)?.rev ?? this.#compared.get(conversation))
  }
}
