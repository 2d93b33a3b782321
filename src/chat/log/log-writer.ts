/**
 * Writes batches of entries to the log, each to its end, whatever fails.
 *
 * A rev is given by inserting it: the unique index on {conversation, rev} lets exactly one writer have it.
 * Who has rev r read the entry r - 1, so the number of a message, `top + 1`, follows from what stands before
 * it. Reads see only what is durable (src/database/documents.ts), and an entry is written only behind one
 * that is: so what is rolled back on a replica set is always the end of a conversation, and is written again
 * with the same numbers.
 */
import { mongodb } from '../../database/driver.js'
import { cacheOf } from '../../cache.js'
import { setTimeout as delay } from 'node:timers/promises'
import { DUPLICATE_KEY, type EntryDocument } from '../../database/documents.js'
import { apiError, ApiError } from '../../errors.js'
import type { LogEnd, LogRepository, Numbers } from './log-repository.js'
import type { Outcomes, QueuedEntry } from './queued-entry.js'
import { commandRefused, refusedAt } from './write-errors.js'

/** The pause after an open outcome doubles from the first to the last. */
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000
/** Conversations whose last number is remembered. */
const REMEMBERED = 20_000

export interface WriterOptions {
  /** is awaited before the first entry of a conversation is written */
  open: (first: EntryDocument) => Promise<void>
  /**
   * Where other processes write too: rejects with an ApiError where an entry must not be stored behind all
   * that is stored now. An entry that gets the next number follows just that.
   */
  admit: ((entry: EntryDocument) => Promise<void>) | undefined
}

/** The server refused a number or clientId that no durable entry has: its owner may yet be rolled back. */
class NotDurableYet extends Error {
  override name = 'NotDurableYet'
}

type Step<E> = () => Promise<E[]>

export class LogWriter<E extends QueuedEntry> {
  readonly #log: LogRepository
  readonly #open: WriterOptions['open']
  readonly #admit: WriterOptions['admit']
  readonly #outcomes: Outcomes<E>
  readonly #ends = cacheOf<LogEnd>(REMEMBERED)
  readonly #closing = new AbortController()

  constructor (log: LogRepository, { open, admit }: WriterOptions, outcomes: Outcomes<E>) {
    this.#log = log
    this.#open = open
    this.#admit = admit
    this.#outcomes = outcomes
  }

  /** The end of a log as far as this process remembers it. */
  known (conversation: string): LogEnd | undefined { return this.#ends.get(conversation) }

  /**
   * Another process stored an entry: a lower end is forgotten, because to read it costs less than a refusal.
   * What was heard is not taken for the end: a wrong one would leave a gap.
   */
  storedElsewhere (conversation: string, rev: number): void {
    const known = this.#ends.get(conversation)
    if (known !== undefined && known.rev < rev) this.#ends.delete(conversation)
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
      // Other processes find new entries by this time, so it must not be older than this write.
      entry.document.storedAt = now
    }
    await this.#log.insert(entries.map(entry => entry.document))
    this.#accept(entries)
  }

  #accept (entries: E[]): void {
    for (const entry of entries) {
      const { conversation, rev, top } = entry.document
      const known = this.#ends.get(conversation)
      if (known === undefined || known.rev < rev) this.#ends.set(conversation, { rev, top })
      this.#outcomes.stored(entry)
    }
  }

  /** The entries to be written. Those that were never sent are given up where nobody waits any more. */
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

  /** Gives each entry the next numbers of its conversation. */
  async #number (entries: E[]): Promise<E[]> {
    const firsts = new Map<string, EntryDocument>()
    for (const { document } of entries) {
      if (!firsts.has(document.conversation)) firsts.set(document.conversation, document)
    }
    const ends = new Map<string, LogEnd>()
    await Promise.all([...firsts].map(async ([conversation, first]) => {
      const end = this.#ends.get(conversation) ?? await this.#log.end(conversation)
      if (end.rev === 0) await this.#open(first)
      this.#ends.set(conversation, end)
      ends.set(conversation, end)
    }))
    const wanted = await this.#admitted(this.#wanted(entries))
    for (const { document } of wanted) {
      const { rev, top } = ends.get(document.conversation)!
      setNumbers(document, rev + 1, top)
      ends.set(document.conversation, { rev: rev + 1, top: document.top })
    }
    return wanted
  }

  /** The entries that may follow what is stored; the others fail. */
  async #admitted (entries: E[]): Promise<E[]> {
    const admit = this.#admit
    if (admit === undefined) return entries
    const admitted: E[] = []
    for (const entry of entries) {
      try {
        await admit(entry.document)
        admitted.push(entry)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        this.#outcomes.failed(entry, error)
      }
    }
    return admitted
  }

  /** After an open outcome: accepts what is stored, and returns what is left, with unchanged numbers. */
  async #readBack (entries: E[]): Promise<E[]> {
    const numbers = await this.#log.numbersOf(entries.map(entry => entry.document._id))
    const left: E[] = []
    // A cursor need not see one moment: behind one that is missing, the rest of its conversation waits, so
    // that order is kept.
    const missing = new Set<string>()
    for (const entry of entries) {
      const { _id, conversation } = entry.document
      const stored = numbers.get(_id.toHexString())
      if (stored === undefined || missing.has(conversation)) {
        missing.add(conversation)
        left.push(entry)
      } else {
        take(entry.document, stored)
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
    const { _id, conversation, rev } = entry.document
    if (error.code !== DUPLICATE_KEY) {
      this.#outcomes.failed(entry, error)
      return await this.#number(behind)
    }
    const twin = await this.#log.byId(_id) ?? await this.#log.byClientId(entry.document)
    if (twin !== null) {
      if (twin._id.equals(_id)) {
        take(entry.document, twin)
        this.#accept([entry])
      } else this.#outcomes.repeats(entry, twin)
      return await this.#number(behind)
    }
    const end = await this.#log.end(conversation)
    if (end.rev < rev) throw new NotDurableYet('what refused the entry is not durable yet', { cause: error })
    this.#ends.set(conversation, end)
    return await this.#number(entries)
  }
}

/** Numbers an entry: a message counts among the messages; what is none stores -rev, which is unique too. */
function setNumbers (document: EntryDocument, rev: number, top: number): void {
  const isMessage = document.kind === 'message'
  document.rev = rev
  document.top = isMessage ? top + 1 : top
  document.seq = isMessage ? document.top : -rev
}

/** Takes over the numbers under which an entry is stored. */
function take (document: EntryDocument, { rev, seq, top }: Numbers): void {
  document.rev = rev
  document.seq = seq
  document.top = top
}
