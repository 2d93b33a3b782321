import type { Conversations } from '../chat/conversations.js'
import type { ConversationLog } from '../chat/log/conversation-log.js'
import type { LogEnd, LogRepository } from '../chat/log/log-repository.js'
import type { Membership } from '../chat/membership.js'
import type { EntryDocument } from '../database/documents.js'
import { apiError } from '../errors.js'
import { FairSemaphore } from '../concurrency/fair-semaphore.js'
import { BEHIND_MS, type Heads } from './beginnings.js'

/** The pause after a failed read, in milliseconds: the database is away. */
export const READ_RETRY_MS = 500
/** Reads for all sockets together: the driver has 20 connections, which sends and requests need too. */
const READS_AT_ONCE = 8
/** Entries of a page. */
const PAGE = 200
/**
 * Conversations of a user whose last number is read when a socket opens. A socket keeps about 100 bytes for
 * each until it is resumed or goes on; for the others one more read finds the place, once something is
 * pushed.
 */
const HEADS = 50

/** What the cursors read; each waits for the user's turn, and rejects when the socket is gone. */
export interface CursorReads {
  end (conversation: string): Promise<LogEnd>
  /** A page of the entries above a rev, bounded in bytes; empty only if there are none. */
  page (conversation: string, after: number): Promise<EntryDocument[]>
  /** The highest rev stored up to a time. */
  lastRevUntil (conversation: string, until: Date): Promise<number>
  /** The rev above which the user sees entries; undefined where the user is not a member. */
  visibleAbove (conversation: string): Promise<number | undefined>
  /** Whether an entry removed the user from a group. */
  isOwnRemoval (entry: EntryDocument): boolean
}

export interface LogReadsOptions {
  log: Pick<ConversationLog, 'entries' | 'end' | 'known'>
  repository: Pick<LogRepository, 'lastRevUntil'>
  membership: Membership
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
    const { log, repository, membership, pageBytes, onPage } = this.#options
    return {
      end: conversation => this.#turns.run(user, () => log.end(conversation), signal),
      page: async (conversation, after) => {
        const bounds = { limit: PAGE, maxBytes: pageBytes }
        const page = await this.#turns.run(user, () => log.entries(conversation, after, bounds), signal)
        onPage(user, page.bytes)
        return page.items
      },
      lastRevUntil: (conversation, until) =>
        this.#turns.run(user, () => repository.lastRevUntil(conversation, until), signal),
      visibleAbove: async conversation => {
        const access = await membership.access(conversation, user)
        return access?.above
      },
      isOwnRemoval: entry => isRemovalOf(user, entry)
    }
  }

  /**
   * Where the conversations of a user begin on a socket that opens now. Summaries follow their entries
   * within a second. What this process wrote it knows itself; a message that another one stored in the last
   * second may be taken for a new one: a beginning is never too late.
   */
  async heads (user: string, openedAt: number, signal: AbortSignal): Promise<Heads> {
    return await this.#turns.run(user, () => this.#readHeads(user, openedAt), signal)
  }

  async #readHeads (user: string, openedAt: number): Promise<Heads> {
    const { log, conversations } = this.#options
    const summaries = await conversations.recent(user, HEADS)
    const last = await Promise.all(summaries.map(async ({ _id, lastRev }): Promise<[string, number]> => {
      const known = Math.max(lastRev, log.known(_id)?.rev ?? 0)
      // A summary is made before the first entry of its conversation: 0 says nothing.
      return [_id, known > 0 ? known : (await log.end(_id)).rev]
    }))
    const oldest = summaries.at(-1)
    if (oldest === undefined || summaries.length < HEADS) {
      return { last: new Map(last), othersUntil: undefined }
    }
    return {
      last: new Map(last),
      // In the last seconds before the opening, a clock that is behind may have given early times to later
      // messages.
      othersUntil: new Date(Math.min(oldest.changedAt.getTime(), openedAt - BEHIND_MS))
    }
  }
}

/** Whether an entry removed a user from a group: the last one that the user sees. */
export function isRemovalOf (user: string, entry: EntryDocument): boolean {
  return entry.kind === 'member' && entry.user === user && entry.role === null
}
