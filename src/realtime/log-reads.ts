import type { Conversations } from '../chat/conversations.js'
import type { MessagesRepository } from '../chat/log/messages-repository.js'
import type { Page, PageBounds } from '../chat/log/pages.js'
import { apiError } from '../errors.js'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import type { Message } from 'chat-protocol'
import { BEHIND_MS, type Heads } from './beginnings.js'

/** The pause after a failed read, in milliseconds: the database is away. */
export const READ_RETRY_MS = 500
/** Reads for all sockets together: the driver has 20 connections, which sends and requests need too. */
const READS_AT_ONCE = 8
/** Messages of a page. */
const PAGE = 200
/**
 * Conversations of a user whose last number is read when a socket opens. A socket keeps about 100 bytes for
 * each until it is resumed or goes on; for the others one more read finds the place, once something is
 * pushed.
 */
const HEADS = 50

/** The part of the log that sockets read. */
interface Log {
  after (conversation: string, after: number, bounds: PageBounds): Promise<Pick<Page, 'messages' | 'bytes'>>
  /** The highest number stored; asks the database. */
  lastSeq (conversation: string): Promise<number>
  /** The highest number stored as far as this process remembers; 0 where it does not. */
  known (conversation: string): number
}

/** What the cursors read; each waits for the user's turn, and rejects when the socket is gone. */
export interface CursorReads {
  lastSeq (conversation: string): Promise<number>
  /** A page of the messages above a number, bounded in bytes; empty only if there are none. */
  page (conversation: string, after: number): Promise<Message[]>
  /** The highest number stored up to a time. */
  lastSeqUntil (conversation: string, until: Date): Promise<number>
}

export interface LogReadsOptions {
  log: Log
  messages: Pick<MessagesRepository, 'lastSeqUntil'>
  conversations: Pick<Conversations, 'recent'>
  /** Bytes of text in a page. */
  pageBytes: number
  /** Called with the bytes of each page that was read for a user. */
  onPage: (user: string, bytes: number) => void
}

/**
 * What all sockets of the process read of the log: bounded in all, users take turns, and what waits ends with
 * its socket.
 */
export class LogReads {
  readonly #turns = new FairSemaphore({
    places: READS_AT_ONCE,
    refusal: () => apiError('unavailable', 'too much waits to be read')
  })

  readonly #options: LogReadsOptions

  constructor (options: LogReadsOptions) {
    this.#options = options
  }

  /** The reads of a socket of this user. */
  of (user: string, signal: AbortSignal): CursorReads {
    const { log, messages, pageBytes, onPage } = this.#options
    return {
      lastSeq: conversation => this.#turns.run(user, () => log.lastSeq(conversation), signal),
      page: async (conversation, after) => {
        const bounds = { limit: PAGE, maxBytes: pageBytes }
        const page = await this.#turns.run(user, () => log.after(conversation, after, bounds), signal)
        onPage(user, page.bytes)
        return page.messages
      },
      lastSeqUntil: (conversation, until) =>
        this.#turns.run(user, () => messages.lastSeqUntil(conversation, until), signal)
    }
  }

  /**
   * Where the conversations of a user begin on a socket that opens now. Summaries follow their messages
   * within a second. What this process wrote it knows itself; a message that another one stored in the last
   * second may be taken for a new one: a beginning is never too late.
   */
  async heads (user: string, openedAt: number, signal: AbortSignal): Promise<Heads> {
    return await this.#turns.run(user, () => this.#readHeads(user, openedAt), signal)
  }

  async #readHeads (user: string, openedAt: number): Promise<Heads> {
    const { log, conversations } = this.#options
    const summaries = await conversations.recent(user, HEADS)
    const last = await Promise.all(summaries.map(async ({ _id, lastSeq }): Promise<[string, number]> => {
      const known = Math.max(lastSeq, log.known(_id))
      // A summary is made before the first message of its conversation: 0 says nothing.
      return [_id, known > 0 ? known : await log.lastSeq(_id)]
    }))
    const oldest = summaries.at(-1)
    if (oldest === undefined || summaries.length < HEADS) {
      return { last: new Map(last), othersUntil: undefined }
    }
    return {
      last: new Map(last),
      // In the last seconds before the opening, a clock that is behind may have given early times to later
      // messages.
      othersUntil: new Date(Math.min(oldest.lastAt.getTime(), openedAt - BEHIND_MS))
    }
  }
}
