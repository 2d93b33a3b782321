/**
 * Keeps `conversations` in step with the log, which is the truth. Summaries and marks gather for FLUSH_MS,
 * then go out in one bulk write and one update for each changed mark, however many entries and receipts
 * there were.
 */
import type { BaseLogger } from 'pino'
import type { ConversationDocument } from '../../database/documents.js'
import { apiError } from '../../errors.js'
import type { ConversationsRepository, Summary } from '../conversations-repository.js'
import { idOf, type MembershipsRepository } from '../memberships-repository.js'
import type { Receipt } from '../receipts.js'
import type { Mark } from '../schemas/conversations.js'
import type { LogRepository } from './log-repository.js'
import { summaryOf } from './entries.js'

/**
 * An inbox may be behind by this; a person does not notice, and busy conversations cost ten writes a second
 * at most.
 */
const FLUSH_MS = 100
/** After a failure: the database needs a moment. */
const RETRY_MS = 1_000
/** Seconds after which a mark that is not durable yet should be sent again. */
const MARK_RETRY_SECONDS = 1

/** A mark that a client names. */
interface NamedMark {
  conversation: string
  user: string
  kind: keyof Mark
  seq: number
  /** the socket that named it */
  socket: string | undefined
}

/** What waits to be written of the marks of a member. */
interface PendingMark {
  conversation: string
  user: string
  /** every number that was named: one above the highest stored must not hide the others */
  delivered: number[]
  read: number[]
  socket: string | undefined
  waiting: { resolve: (mark: Mark) => void, reject: (error: unknown) => void }[]
}

export interface SummariesOptions {
  conversations: ConversationsRepository
  memberships: MembershipsRepository
  log: LogRepository
  /** called after a mark was raised and stored */
  onReceipt: (receipt: Receipt) => void
  logger: Pick<BaseLogger, 'warn'>
}

export class Summaries {
  readonly #options: SummariesOptions
  #touched = new Map<string, Summary>()
  #marks = new Map<string, PendingMark>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #writing = 0
  #closed = false

  constructor (options: SummariesOptions) { this.#options = options }

  /** Summaries and marks that wait or are being written. */
  get pending (): number { return this.#touched.size + this.#marks.size + this.#writing }

  /**
   * Writes a summary soon; the caller must not use it afterwards. The database raises each field to the
   * highest value, so newer values may replace older ones.
   */
  touch (summary: Summary): void {
    const { conversation } = summary
    const known = this.#touched.get(conversation)
    this.#touched.set(conversation, known === undefined ? summary : merged(known, summary))
    this.#schedule(FLUSH_MS)
  }

  mark ({ conversation, user, kind, seq, socket }: NamedMark): Promise<Mark> {
    return new Promise((resolve, reject) => {
      const key = `${conversation} ${user}`
      const known = this.#marks.get(key)
      const mark = known ?? { conversation, user, delivered: [], read: [], socket, waiting: [] }
      if (mark.socket !== socket) mark.socket = undefined
      mark[kind].push(seq)
      mark.waiting.push({ resolve, reject })
      this.#marks.set(key, mark)
      this.#schedule(FLUSH_MS)
    })
  }

  /** Gives a summary that is not behind the log; a summary that was behind is written again. */
  async verify (document: ConversationDocument): Promise<ConversationDocument> {
    const { log } = this.#options
    const newest = await log.newestAbove(document._id, document.lastRev)
    if (newest === null) return document
    const { conversation, ...summary } = summaryOf(newest)
    if (newest.kind !== 'message' && newest.top > document.lastSeq) {
      const last = await log.message(conversation, newest.top)
      if (last !== null) {
        Object.assign(summary, { last: { seq: last.seq, id: last._id }, lastAt: last.storedAt })
      }
    }
    this.touch({ conversation, ...summary })
    return { ...document, ...summary }
  }

  /** Writes what is left; later calls are ignored. */
  async close (): Promise<void> {
    clearTimeout(this.#timer)
    await this.#flushing
    await this.#flush()
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #schedule (ms: number): void {
    if (this.#closed || this.#timer !== undefined || this.#flushing !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flushing = this.#flush().then(() => FLUSH_MS, () => RETRY_MS).then(pause => {
        this.#flushing = undefined
        if (this.pending > 0) this.#schedule(pause)
      })
    }, ms)
  }

  async #flush (): Promise<void> {
    const touched = [...this.#touched.values()]
    const marks = [...this.#marks.values()]
    this.#touched = new Map()
    this.#marks = new Map()
    this.#writing = touched.length + marks.length
    try {
      await this.#writeSummaries(touched, marks)
      await Promise.all(marks.map(async mark => await this.#settle(mark)))
    } finally {
      this.#writing = 0
    }
  }

  /** Writes summaries; after a failure they wait again, and the marks that came with them are refused. */
  async #writeSummaries (touched: Summary[], marks: PendingMark[]): Promise<void> {
    const { conversations, logger } = this.#options
    try {
      await conversations.summarize(touched)
    } catch (error) {
      for (const summary of touched) this.touch(summary)
      for (const mark of marks) rejectAll(mark, error)
      logger.warn({ err: error }, 'conversations are behind: will try again')
      throw error
    }
  }

  async #settle (mark: PendingMark): Promise<void> {
    try {
      const stored = await this.#writeMark(mark)
      for (const { resolve } of mark.waiting) resolve(stored)
    } catch (error) {
      rejectAll(mark, error)
    }
  }

  async #writeMark ({ conversation, user, socket, ...named }: PendingMark): Promise<Mark> {
    const { conversations, memberships, onReceipt } = this.#options
    let document = await conversations.find(conversation)
    if (document === null) return { delivered: 0, read: 0 }
    const { lastSeq } = document
    if ([...named.delivered, ...named.read].some(seq => seq > lastSeq)) document = await this.verify(document)
    const read = highest(named.read, document.lastSeq)
    // Read implies delivered.
    const delivered = Math.max(read, highest(named.delivered, document.lastSeq))
    const place = { conversation, user }
    const mark = await memberships.raise(place, { delivered, read })
    if (mark === null) {
      const stored = (await memberships.marks([place])).get(idOf(place))
      return this.#unchanged(stored ?? { delivered: 0, read: 0 }, { delivered, read })
    }
    const by = socket === undefined ? {} : { socket }
    if (mark.delivered > 0) onReceipt({ conversation, user, ...mark, ...by })
    return mark
  }

  /**
   * The stored mark, where it is as high as the wanted one.
   * @throws ApiError `unavailable` where a mark as high is not durable yet: neither it nor a lower one may be
   *   answered
   */
  #unchanged (stored: Mark, wanted: Mark): Mark {
    if (stored.delivered >= wanted.delivered && stored.read >= wanted.read) return stored
    const retryAfter = MARK_RETRY_SECONDS
    throw apiError('unavailable', 'the mark is not stored durably yet', '', { retryAfter })
  }
}

/** Entries come in their order, but a summary that could not be written comes back after later ones. */
function merged (a: Summary, b: Summary): Summary {
  const isOlder = (b.lastRev ?? b.foldedRev ?? 0) < (a.lastRev ?? a.foldedRev ?? 0)
  const [older, newer] = isOlder ? [b, a] : [a, b]
  const foldedRev = Math.max(a.foldedRev ?? 0, b.foldedRev ?? 0)
  const both = Object.assign(older, newer)
  if (foldedRev > 0) both.foldedRev = foldedRev
  return both
}

function rejectAll (mark: PendingMark, error: unknown): void {
  for (const { reject } of mark.waiting) reject(error)
}

/** The highest of these numbers that is not above the limit, 0 if none. */
function highest (numbers: number[], limit: number): number {
  let high = 0
  for (const seq of numbers) {
    if (seq > high && seq <= limit) high = seq
  }
  return high
}
