import { cacheOf } from '../../cache.js'
import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import type { EntryDocument } from '../../database/documents.js'
import type { ConversationsRepository, Summary } from '../conversations-repository.js'
import type { Folds } from './folds.js'
import type { LogRepository } from './log-repository.js'

/** The pause after a failure, in milliseconds: the database is away. */
const RETRY_MS = 500
/** Entries that are read at a time where a conversation has to be caught up with. */
const PART = 100
/** Conversations whose position is remembered, about 50 bytes each. */
const REMEMBERED = 20_000

export interface FolderOptions {
  log: LogRepository
  folds: Folds
  conversations: Pick<ConversationsRepository, 'find'>
  /** Called when a conversation is folded up to a rev; it is stored with the next summary. */
  onFolded: (conversation: string, rev: number) => void
  /** Whether only this process writes. */
  alone: boolean
  logger: Pick<BaseLogger, 'warn'>
}

/** The entries of a conversation that wait to be folded. */
interface Line {
  waiting: EntryDocument[]
  /** Ends with the first attempt to fold what waits: a reader need not wait for a database that is away. */
  attempt: Promise<void>
}

/**
 * Folds the entries that this process stored, in their order, and those that a crash or another process left.
 *
 * `foldedRev` of a conversation says up to where all entries are folded. It is stored now and then, so it may
 * be too low, never too high: entries above it are folded again, which changes nothing.
 */
export class Folder {
  readonly #options: FolderOptions
  readonly #lines = new Map<string, Line>()
  /** Up to where this process knows a conversation to be folded. */
  readonly #folded = cacheOf<number>(REMEMBERED)
  readonly #catchingUp = new Map<string, Promise<void>>()
  readonly #closing = new AbortController()

  constructor (options: FolderOptions) { this.#options = options }

  /** Conversations with entries that wait. */
  get size (): number { return this.#lines.size }

  /** An entry was stored; called in the order of its conversation. */
  stored (entry: EntryDocument): void {
    const { conversation, rev } = entry
    const line = this.#lines.get(conversation)
    if (line !== undefined) {
      line.waiting.push(entry)
    } else if (entry.kind !== 'message') {
      const started: Line = { waiting: [entry], attempt: Promise.resolve() }
      this.#lines.set(conversation, started)
      started.attempt = this.#work(conversation, started)
    } else if (this.#position(conversation, rev) === rev - 1) {
      this.#advance(conversation, rev)
    }
  }

  /**
   * Resolves when everything that is stored in a conversation is folded, so that it may be read. Undefined
   * where that is known to be so.
   * @param summary of the conversation, where it was read just now and is not behind the log
   */
  settled (conversation: string, summary: Partial<Summary> = {}): Promise<void> | undefined {
    const line = this.#lines.get(conversation)
    if (line !== undefined) return line.attempt
    if (this.#options.alone && this.#folded.has(conversation)) return undefined
    const { lastRev, foldedRev } = summary
    if (foldedRev !== undefined && foldedRev === lastRev) return undefined
    return this.#caughtUp(conversation)
  }

  /** Ends the retries, and waits for what is under way. */
  async close (): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#lines.values()].map(({ attempt }) => attempt))
  }

  /** The position before an entry; the first one has nothing before it. */
  #position (conversation: string, rev: number): number | undefined {
    return this.#folded.get(conversation) ?? (rev === 1 ? 0 : undefined)
  }

  /** Folds what waits. After a failure it goes on later, and the attempt fails. */
  async #work (conversation: string, line: Line): Promise<void> {
    try {
      for (let entry = line.waiting[0]; entry !== undefined; entry = line.waiting[0]) {
        await this.#foldNext(entry)
        line.waiting.shift()
      }
      this.#lines.delete(conversation)
    } catch (error) {
      this.#retry(conversation, line, error)
      throw error
    }
  }

  #retry (conversation: string, line: Line, error: unknown): void {
    const { signal } = this.#closing
    if (signal.aborted) return
    this.#options.logger.warn({ err: error }, 'an entry was not folded: will try again')
    delay(RETRY_MS, undefined, { signal }).then(() => {
      line.attempt = this.#work(conversation, line)
      return line.attempt
    }).catch(() => {})
  }

  async #foldNext (entry: EntryDocument): Promise<void> {
    const { conversation, rev } = entry
    if (this.#position(conversation, rev) !== rev - 1) {
      await this.#catchUp(conversation)
      if ((this.#folded.get(conversation) ?? 0) >= rev) return
    }
    await this.#options.folds.fold(entry)
    this.#advance(conversation, rev)
  }

  #advance (conversation: string, rev: number): void {
    this.#folded.set(conversation, rev)
    this.#options.onFolded(conversation, rev)
  }

  /** Several readers share one catching up. */
  #caughtUp (conversation: string): Promise<void> {
    const known = this.#catchingUp.get(conversation)
    if (known !== undefined) return known
    const started = this.#catchUp(conversation).finally(() => {
      this.#catchingUp.delete(conversation)
    })
    this.#catchingUp.set(conversation, started)
    return started
  }

  /** Folds what was stored above the known position, whoever stored it. */
  async #catchUp (conversation: string): Promise<void> {
    const { log, folds, conversations } = this.#options
    let position = this.#folded.get(conversation)
    position ??= (await conversations.find(conversation))?.foldedRev ?? 0
    for (;;) {
      const changes = await log.readChanges(conversation, position, PART)
      for (const change of changes) {
        await folds.fold(change)
        position = change.rev
      }
      if (changes.length < PART) break
    }
    const known = this.#folded.get(conversation) ?? -1
    if (position > known) this.#folded.set(conversation, position)
    if (position > 0) this.#options.onFolded(conversation, position)
  }
}
