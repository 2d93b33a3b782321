/**
 * Writes batches of messages to the log, each to its end, whatever fails.
 *
 * A number is given by inserting it: the unique index on {conversation, seq} lets exactly one writer have it.
 * Reads see only what is durable (src/database/documents.ts), and a message is written only behind one that
 * is: so what is rolled back on a replica set is always the end of a conversation, and is written again with
 * the same numbers.
 */
import { mongodb } from '../../database/driver.js'
import { LRUCache } from 'lru-cache'
import { setTimeout as delay } from 'node:timers/promises'
import { DUPLICATE_KEY, type MessageDocument } from '../../database/documents.js'
import { apiError } from '../../errors.js'
import type { MessagesRepository } from './messages-repository.js'

/** The pause after an open outcome doubles from the first to the last. */
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000
/**
 * Conversations whose last number is remembered: lru-cache sets memory aside for all of them at once, about
 * 50 bytes each.
 */
const REMEMBERED = 20_000

/** An entry that is to be written. */
export interface QueuedEntry {
  readonly document: MessageDocument
  /** It was in a write: it may be stored, whatever is known of that write. */
  sent: boolean
  /** A sender waits for its outcome. */
  readonly awaited: boolean
}

/** The outcome of an entry; one of these is called, once. */
export interface Outcomes<E extends QueuedEntry> {
  /**
   * It is stored, under the number of its document. Those of a conversation come in the order of their
   * numbers.
   */
  stored (entry: E): void
  /** It is not stored: its clientId was used before, for this message. */
  repeats (entry: E, stored: MessageDocument): void
  /** It is not stored, and will not be. */
  failed (entry: E, error: unknown): void
}

/** The server refused a number or clientId that no durable message has: its owner may yet be rolled back. */
class NotDurableYet extends Error {
  override name = 'NotDurableYet'
}

type Step<E> = () => Promise<E[]>

export class LogWriter<E extends QueuedEntry> {
  readonly #messages: MessagesRepository
  readonly #open: (conversation: string) => Promise<void>
  readonly #outcomes: Outcomes<E>
  readonly #lastSeqs = new LRUCache<string, number>({ max: REMEMBERED })
  readonly #closing = new AbortController()

  /**
   * @param open is awaited before the first message of a conversation is written
   */
  constructor (
    messages: MessagesRepository,
    open: (conversation: string) => Promise<void>,
    outcomes: Outcomes<E>
  ) {
    this.#messages = messages
    this.#open = open
    this.#outcomes = outcomes
  }

  /** The highest number stored in a conversation as far as this process remembers, 0 where it does not. */
  known (conversation: string): number { return this.#lastSeqs.get(conversation) ?? 0 }

  /** The highest number stored in a conversation, 0 if none. */
  async lastSeq (conversation: string): Promise<number> {
    return await this.#messages.lastSeq(conversation)
  }

  /** Ends the retries; what is in doubt stays so. */
  close (): void { this.#closing.abort() }

  /**
   * Writes a batch until the outcome of each entry is known. Until then nothing else of its conversations may
   * be written. An entry that was sent is tried again even when nobody waits for it any more: it may have
   * been stored, and then the open sockets must get it.
   */
  async write (batch: E[]): Promise<void> {
    let left = batch
    let step: Step<E> = async () => await this.#number(left)
    let pause = FIRST_PAUSE_MS
    let refused = false
    while (left.length > 0 && !this.#closing.signal.aborted) {
      left = this.#wanted(left)
      try {
        left = await step()
        if (refused && left.every(entry => !entry.awaited)) {
          this.#giveUp(left)
          return
        }
        if (left.length === 0) return
        step = async () => await this.#readBack(left)
        await this.#insert(left)
        return
      } catch (error) {
        const at = refusedAt(error)
        if (at !== undefined) {
          this.#accept(left.slice(0, at))
          left = left.slice(at)
          step = async () => await this.#resolveRefusal(left, error as mongodb.MongoBulkWriteError)
          continue
        }
        // The outcome is open.
        if (error instanceof NotDurableYet) step = async () => await this.#readBack(left)
        refused = commandRefused(error)
        await delay(pause, undefined, { signal: this.#closing.signal }).catch(() => {})
        pause = Math.min(pause * 2, MAX_PAUSE_MS)
      }
    }
  }

  async #insert (entries: E[]): Promise<void> {
    const now = new Date()
    for (const entry of entries) {
      entry.sent = true
      // Other processes find new messages by this time, so it must not be older than this write.
      entry.document.storedAt = now
    }
    await this.#messages.insert(entries.map(entry => entry.document))
    this.#accept(entries)
  }

  #accept (entries: E[]): void {
    for (const entry of entries) {
      const { conversation, seq } = entry.document
      this.#lastSeqs.set(conversation, Math.max(seq, this.#lastSeqs.get(conversation) ?? 0))
      this.#outcomes.stored(entry)
    }
  }

  /**
   * The entries that must be written. Those that were never sent are given up where nobody waits any more.
   */
  #wanted (entries: E[]): E[] {
    this.#giveUp(entries.filter(entry => !entry.sent && !entry.awaited))
    return entries.filter(entry => entry.sent || entry.awaited)
  }

  /**
   * Gives entries up that nobody waits for. Those that were sent are given up only where the database
   * answers, has none of them, and refuses the command as such: to go on would keep their conversations
   * closed for ever.
   */
  #giveUp (entries: E[]): void {
    if (entries.length === 0) return
    const error = apiError('unavailable', 'the message was not stored')
    for (const entry of entries) this.#outcomes.failed(entry, error)
  }

  /** Gives each entry the next number of its conversation. */
  async #number (entries: E[]): Promise<E[]> {
    const conversations = [...new Set(entries.map(entry => entry.document.conversation))]
    const next = new Map<string, number>()
    await Promise.all(conversations.map(async conversation => {
      const last = this.#lastSeqs.get(conversation) ?? await this.lastSeq(conversation)
      if (last === 0) await this.#open(conversation)
      this.#lastSeqs.set(conversation, last)
      next.set(conversation, last + 1)
    }))
    const wanted = this.#wanted(entries)
    for (const { document } of wanted) {
      document.seq = next.get(document.conversation)!
      next.set(document.conversation, document.seq + 1)
    }
    return wanted
  }

  /** After an open outcome: accepts what is stored, and returns what is left, with unchanged numbers. */
  async #readBack (entries: E[]): Promise<E[]> {
    const seqs = await this.#messages.seqsOf(entries.map(entry => entry.document._id))
    const left: E[] = []
    // A cursor need not see one moment: behind one that is missing, the rest of its conversation waits, so
    // that order is kept.
    const missing = new Set<string>()
    for (const entry of entries) {
      const { _id, conversation } = entry.document
      const seq = seqs.get(_id.toHexString())
      if (seq === undefined || missing.has(conversation)) {
        missing.add(conversation)
        left.push(entry)
      } else {
        entry.document.seq = seq
        this.#accept([entry])
      }
    }
    return left
  }

  /**
   * Finds out why the first entry was refused: it is stored already, it repeats a clientId, or its number is
   * taken. It looks them up, because the texts of errors differ between servers.
   * @returns what is left to write, with new numbers
   * @throws NotDurableYet where none of these is durable: then the numbers stay as they are
   */
  async #resolveRefusal (entries: E[], error: mongodb.MongoBulkWriteError): Promise<E[]> {
    const [entry, ...behind] = entries as [E, ...E[]]
    const { _id, conversation, seq } = entry.document
    if (error.code !== DUPLICATE_KEY) {
      this.#outcomes.failed(entry, error)
      return await this.#number(behind)
    }
    const twin = await this.#messages.byId(_id) ?? await this.#messages.byClientId(entry.document)
    if (twin !== null) {
      if (twin._id.equals(_id)) {
        entry.document.seq = twin.seq
        this.#accept([entry])
      } else this.#outcomes.repeats(entry, twin)
      return await this.#number(behind)
    }
    const last = await this.lastSeq(conversation)
    if (last < seq) throw new NotDurableYet('what refused the message is not durable yet', { cause: error })
    this.#lastSeqs.set(conversation, last)
    return await this.#number(entries)
  }
}

/**
 * The index of the write that the server refused; undefined where it refused none, but the outcome is open.
 * Beside a write concern error nothing is certain, not even what stands before the refused write.
 */
function refusedAt (error: unknown): number | undefined {
  if (!(error instanceof mongodb.MongoBulkWriteError)) return undefined
  if (error.result.getWriteConcernError() !== undefined) return undefined
  return [error.writeErrors].flat()[0]?.index
}

/**
 * The server answered that it does not carry out this command: neither a failure of the way to it, nor a
 * passing one.
 */
function commandRefused (error: unknown): boolean {
  return error instanceof mongodb.MongoServerError && typeof error.code === 'number' &&
    !(error instanceof mongodb.MongoBulkWriteError && error.result.getWriteConcernError() !== undefined) &&
    !error.hasErrorLabel('RetryableWriteError')
}
