import type { BaseLogger } from 'pino'
import { kindOf } from 'chat-protocol'
import { whenKnown } from '../../concurrency/known.js'
import type { EntryDocument, MessageDocument } from '../../database/documents.js'
import type { ConversationsRepository, Summary } from '../conversations-repository.js'
import type { Membership } from '../membership.js'
import type { MembershipsRepository } from '../memberships-repository.js'
import { isNamed } from '../messages.js'
import { Appender, conflict } from './appender.js'
import { isRepeat, summaryOf } from './entries.js'
import { Folder } from './folder.js'
import { Folds } from './folds.js'
import type { LogEnd, LogRepository } from './log-repository.js'
import { presentJson, sentJson, type JsonMessage } from './message-json.js'
import type { Page, PageBounds } from './page.js'
import { Pages } from './pages.js'
import type { Reservation, SendQuota } from './send-quota.js'
import type { Appended } from './send.js'
import { Tails } from './tails.js'

type Listener = (entry: EntryDocument, repeat: boolean) => Promise<void> | undefined

export interface ConversationLogOptions {
  log: LogRepository
  conversations: ConversationsRepository
  memberships: MembershipsRepository
  membership: Membership
  quota: SendQuota
  /** Brings the summary of a conversation up to date, some time later. */
  touch: (summary: Summary) => void
  /** Whether only this process writes. */
  alone: boolean
  /** Bytes of memory for the newest messages of the conversations in use, if only this process writes. */
  tailBytes: number
  logger: Pick<BaseLogger, 'warn'>
}

/** Every conversation as a gapless numbered log (docs/realtime.md). */
export class ConversationLog {
  readonly #log: LogRepository
  readonly #options: ConversationLogOptions
  readonly #appender: Appender
  readonly #folder: Folder
  readonly #pages: Pages
  readonly #tails: Tails | undefined
  readonly #listeners: Listener[] = []
  /** The last removal of a member that is being stored, by group. */
  readonly #removals = new Map<string, Promise<void>>()
  /** Those that wait for the members of a group. */
  readonly #publications = new WeakMap<EntryDocument, Promise<unknown>>()

  constructor (options: ConversationLogOptions) {
    const { log, conversations, memberships, alone, logger } = options
    this.#log = log
    this.#options = options
    this.#tails = alone ? new Tails(options.tailBytes) : undefined
    this.#pages = new Pages(log, this.#tails)
    this.#folder = new Folder({
      log,
      folds: new Folds({ log, conversations, memberships, tails: this.#tails }),
      conversations,
      onFolded: (conversation, foldedRev) => { options.touch({ conversation, foldedRev }) },
      alone,
      logger
    })
    this.#appender = new Appender({
      log,
      quota: options.quota,
      open: async first => await conversations.create(first),
      admit: alone ? undefined : async entry => await this.#admitAnew(entry),
      stored: (entry, repeat) => this.#stored(entry, repeat)
    })
  }

  /** Entries that wait or are being written, and conversations with entries to be folded. */
  get pending (): number { return this.#appender.size + this.#folder.size }

  /** Pages of messages that were answered without the database, since the process started. */
  get pagesFromMemory (): number { return this.#pages.fromMemory }

  /** Bytes of the messages that are kept for such pages. */
  get tailBytes (): number { return this.#tails?.bytes ?? 0 }

  /**
   * Reserves a place for an entry that waits before its append, such as for a look-up: it counts among the
   * waiting ones from here on.
   * @throws ApiError `unavailable` where too many wait
   */
  reserve (text: string): Reservation { return this.#options.quota.reserve(text) }

  /**
   * Stores an entry durably, and has it published before it is answered; see Appender.append.
   * @throws ApiError `notFound` where the user was removed from the group meanwhile
   */
  async append (entry: EntryDocument, reservation?: Reservation): Promise<Appended> {
    if (kindOf(entry.conversation) === 'group') {
      const admission = this.#admit(entry)
      // In the same turn where the members are known, so that no removal comes between.
      if (admission !== undefined) await admission
    }
    const appending = this.#appender.append(entry, reservation)
    if (entry.kind === 'member' && entry.role === null) this.#removing(entry.conversation, appending)
    const appended = await this.#outcome(entry.conversation, appending)
    await this.#publications.get(appended.entry)
    return appended
  }

  /**
   * The entry that this one repeats, by its clientId; undefined where there is none.
   * @throws ApiError `conflict` where the clientId was used for another entry
   */
  async repeatOf (entry: EntryDocument): Promise<EntryDocument | undefined> {
    if (!isNamed(entry.clientId)) return undefined
    const earlier = await this.#log.byClientId(entry)
    if (earlier === null) return undefined
    if (!isRepeat(entry, earlier)) throw conflict()
    return earlier
  }

  /**
   * Registers a listener that is called with each entry that this process stored, in the order of its
   * conversation; its sender is answered when the listener is done. `repeat` marks an entry that was stored
   * before, and that may never have been published.
   */
  onStored (listener: Listener): void { this.#listeners.push(listener) }

  /** The messages numbered above `after`, ascending, in their present state. */
  async after (
    conversation: string, after: number, aboveSeq: number, bounds: PageBounds
  ): Promise<Page<JsonMessage>> {
    await this.settled(conversation)
    return await this.#pages.after(conversation, after, aboveSeq, bounds)
  }

  /** The newest messages, or those just below `before`; ascending, in their present state. */
  async before (
    conversation: string, before: number | undefined, aboveSeq: number, bounds: PageBounds
  ): Promise<Page<JsonMessage>> {
    await this.settled(conversation)
    return await this.#pages.before(conversation, before, aboveSeq, bounds)
  }

  /** The entries above a rev, ascending, as they were stored. */
  async entries (conversation: string, after: number, bounds: PageBounds): Promise<Page<EntryDocument>> {
    await this.settled(conversation)
    return await this.#pages.entries(conversation, after, bounds)
  }

  /** A message with what later entries made of it; null where there is none. */
  async message (conversation: string, seq: number): Promise<MessageDocument | null> {
    await this.settled(conversation)
    return await this.#log.message(conversation, seq)
  }

  /** Messages by their ids, in any order; their conversations have to be settled before. */
  async messages (ids: MessageDocument['_id'][]): Promise<MessageDocument[]> {
    return await this.#log.messages(ids)
  }

  /** A message that was appended, as JSON: a repeat in its present state, which may have changed since. */
  async shown ({ entry, repeat }: Appended): Promise<string> {
    if (!repeat) return sentJson(entry as MessageDocument)
    const message = await this.message(entry.conversation, entry.seq)
    return presentJson(message ?? entry as MessageDocument).json
  }

  /** Resolves when all that is stored in a conversation is folded; see Folder.settled. */
  settled (conversation: string, summary?: Partial<Summary>): Promise<void> | undefined {
    return this.#folder.settled(conversation, summary)
  }

  /** The end of the log of a conversation; asks the database. */
  async end (conversation: string): Promise<LogEnd> { return await this.#log.end(conversation) }

  /** The end of a log as far as this process remembers it; does not ask the database. */
  known (conversation: string): LogEnd | undefined { return this.#appender.known(conversation) }

  /** Another process stored an entry: the end that this one remembers may be too low. */
  storedElsewhere (conversation: string, rev: number): void {
    this.#appender.storedElsewhere(conversation, rev)
  }

  /** Resolves when no sender waits any more. */
  async drain (): Promise<void> { await this.#appender.drain() }

  /** Waits for what is being written, and ends the retries. */
  async close (): Promise<void> {
    await this.#appender.drain()
    this.#appender.close()
    await this.#folder.close()
  }

  async #outcome (conversation: string, appending: Promise<Appended>): Promise<Appended> {
    try {
      return await appending
    } catch (error) {
      // The outcome may be open: what is stored after all may be missing at the end of the tail.
      this.#tails?.drop(conversation)
      throw error
    }
  }

  /** Refuses an entry of a user who is not a member, or who is being removed. */
  #admit ({ kind, conversation, actor }: EntryDocument): Promise<void> | undefined {
    if (kind === 'member' || kind === 'group') return undefined
    if (this.#removals.has(conversation)) return this.#admitAfterRemovals(conversation, actor)
    return whenKnown(this.#options.membership.require(conversation, actor, 'conversation'), () => {})
  }

  /** Another process may have removed the user since the entry was admitted first. */
  async #admitAnew ({ kind, conversation, actor }: EntryDocument): Promise<void> {
    if (kindOf(conversation) !== 'group' || kind === 'member' || kind === 'group') return
    await this.#options.membership.require(conversation, actor, 'conversation')
  }

  async #admitAfterRemovals (conversation: string, actor: string): Promise<void> {
    for (let removal = this.#removals.get(conversation); removal !== undefined;) {
      await removal
      removal = this.#removals.get(conversation)
    }
    await this.#options.membership.require(conversation, actor, 'conversation')
  }

  /** Until its outcome is known, a removal holds up what members append behind it. */
  #removing (conversation: string, appending: Promise<unknown>): void {
    const removal = appending.catch(() => {}).then(() => {
      if (this.#removals.get(conversation) === removal) this.#removals.delete(conversation)
    })
    this.#removals.set(conversation, removal)
  }

  #stored (entry: EntryDocument, repeat: boolean): void {
    // Another process may have stored a repeat, between entries that this process does not know.
    if (!repeat) {
      this.#options.membership.apply(entry)
      this.#folder.stored(entry)
      if (entry.kind === 'message') this.#tails?.stored(entry)
    }
    this.#options.touch(summaryOf(entry))
    const publications = this.#listeners.map(listener => listener(entry, repeat))
    const underWay = publications.filter(publication => publication !== undefined)
    if (underWay.length > 0) this.#publications.set(entry, Promise.all(underWay))
  }
}
