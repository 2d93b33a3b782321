/**
 * What one socket has seen of each conversation: in order, without gap or duplicate, from where it resumed.
 *
 * One cursor a conversation. A live message with the number after the cursor goes out at once; any other only
 * raises the target. Then the conversation waits for its turns to be read from the log, a page a turn, until
 * the target is reached.
 *
 * ```
 * live --raise, jump--> waiting --turn--> page by page --target reached--> live
 * any ----restart-----> waiting --turn--> located ------^
 * ```
 */
import { setTimeout as delay } from 'node:timers/promises'
import { apiError } from '../errors.js'
import type { Message } from 'chat-protocol'
import { Beginnings, type Heads } from './beginnings.js'
import { newCursor, type Cursor, type Resume } from './cursor.js'
import { READ_RETRY_MS, type CursorReads } from './log-reads.js'
import { Turns } from './turns.js'

/** Conversations of one socket whose place is looked up at a time; each holds a few bytes meanwhile. */
const LOCATED_AT_ONCE = 8
/** Pages of one socket that are in memory at a time. */
const READ_AT_ONCE = 1

/** What the cursors need of their socket. */
export interface CursorSink {
  readonly closed: boolean
  /** Whether another message may be queued. */
  readonly hasRoom: boolean
  /** Sends a message in its place: as `message`, or as the `ack` that this socket waits for. */
  deliver (message: Message): void
  /** Says that the conversation goes on after this number, for too much is missing. */
  reset (conversation: string, lastSeq: number): void
  /** Resolves when the socket has taken most of what is queued, or is closed. */
  drained (): Promise<void>
}

export interface CursorOptions {
  /** Only this process writes: its pushes come in order, and a conversation begins at the first one. */
  onlyWriter: boolean
  /** Conversations that may be followed, if more are resumed; 0 for any number. */
  maxCursors: number
  /** Missing messages of a conversation that a resume sends; above it a reset. */
  resumeLimit: number
}

export class Cursors {
  readonly #cursors = new Map<string, Cursor>()
  readonly #resumes = new Set<Resume>()
  readonly #locating = new Turns<Cursor>(LOCATED_AT_ONCE, cursor => this.#take(cursor, this.#locate))
  readonly #reading = new Turns<Cursor>(READ_AT_ONCE, cursor => this.#take(cursor, this.#read))
  readonly #beginnings: Beginnings
  readonly #sink: CursorSink
  readonly #reads: CursorReads
  readonly #options: CursorOptions

  constructor (sink: CursorSink, reads: CursorReads, options: CursorOptions) {
    this.#sink = sink
    this.#reads = reads
    this.#options = options
    this.#beginnings = new Beginnings(options.onlyWriter)
  }

  get size (): number { return this.#cursors.size }

  /**
   * A live message with this number: true if the caller may send it right now, since it is the next one.
   * Otherwise it was sent already, or a turn will bring it.
   */
  offer (conversation: string, seq: number): boolean {
    const cursor = this.#cursors.get(conversation) ?? this.#begin(conversation, seq, true)
    if (cursor === undefined) return false
    if (cursor.live && seq === cursor.seq + 1) {
      cursor.seq = cursor.target = seq
      return true
    }
    this.#raise(cursor, seq)
    return false
  }

  /** A number that is known to be stored, by whatever process: what was not sent up to it is brought. */
  raise (conversation: string, seq: number): void {
    const cursor = this.#cursors.get(conversation) ?? this.#begin(conversation, seq, false)
    if (cursor !== undefined) this.#raise(cursor, seq)
  }

  /** Whether the number was sent on this socket already, or is from before it opened. */
  passed (conversation: string, seq: number): boolean {
    const cursor = this.#cursors.get(conversation)
    return cursor === undefined ? this.#beginnings.isBefore(conversation, seq) : seq <= cursor.seq
  }

  /** From now on it is known where conversations without a cursor begin. */
  setHeads (heads: Heads): void {
    for (const [conversation, highest] of this.#beginnings.set(heads)) this.raise(conversation, highest)
  }

  /**
   * Restarts conversations, in this very turn of the event loop: from here on nothing of them is sent but
   * what comes after these numbers.
   * @param have conversation -> the number to go on after
   * @returns when all is sent that was stored, or the socket is closed
   * @throws validation if that would be more conversations than one socket may follow
   */
  restart (have: Record<string, number>): Promise<void> {
    const conversations = Object.keys(have)
    const { maxCursors } = this.#options
    let added = 0
    for (const conversation of conversations) if (!this.#cursors.has(conversation)) added++
    if (maxCursors > 0 && added > 0 && this.size + added > maxCursors) {
      throw apiError('validation', `one socket can follow at most ${maxCursors} conversations`, 'have')
    }
    if (conversations.length === 0 || this.#sink.closed) return Promise.resolve()
    return new Promise(resolve => {
      const resume: Resume = { left: conversations.length, done: resolve }
      this.#resumes.add(resume)
      for (const conversation of conversations) this.#restart(conversation, have[conversation]!, resume)
    })
  }

  /** The socket is gone: all that waits is dropped. */
  close (): void {
    this.#locating.clear()
    this.#reading.clear()
    this.#cursors.clear()
    this.#beginnings.clear()
    for (const { done } of this.#resumes) done()
    this.#resumes.clear()
  }

  /** Gives a conversation its cursor, unless there is nothing to send. */
  #begin (conversation: string, seq: number, told: boolean): Cursor | undefined {
    const beginning = this.#beginnings.of(conversation, seq, told)
    if (beginning === undefined) return undefined
    if (beginning !== 'look up') return this.#add(conversation, beginning)
    const cursor = this.#add(conversation, 0)
    cursor.lookUp = 'beginning'
    this.#wait(cursor)
    return cursor
  }

  #add (conversation: string, seq: number): Cursor {
    const cursor = newCursor(conversation, seq)
    this.#cursors.set(conversation, cursor)
    this.#beginnings.forget(conversation)
    return cursor
  }

  #raise (cursor: Cursor, seq: number): void {
    if (seq > cursor.target) cursor.target = seq
    if (cursor.live && cursor.seq < cursor.target) this.#wait(cursor)
  }

  #restart (conversation: string, seq: number, resume: Resume): void {
    const cursor = this.#cursors.get(conversation) ?? this.#add(conversation, seq)
    this.#settle(cursor)
    cursor.seq = seq
    cursor.lookUp = 'last'
    cursor.restarts++
    cursor.resume = resume
    if (cursor.live) this.#wait(cursor)
  }

  #wait (cursor: Cursor): void {
    cursor.live = false
    if (cursor.lookUp === 'nothing') this.#reading.add(cursor)
    else this.#locating.add(cursor)
  }

  /** One turn of a conversation; it waits for the next one, or goes on live. */
  async #take (cursor: Cursor, step: (cursor: Cursor) => Promise<void>): Promise<void> {
    try {
      // Restarted while it waited for a page: it is located first.
      if (step !== this.#read || cursor.lookUp === 'nothing') await step.call(this, cursor)
    } catch {
      if (!this.#sink.closed) await delay(READ_RETRY_MS)
    }
    if (this.#sink.closed) return
    if (cursor.lookUp !== 'nothing' || cursor.seq < cursor.target) {
      this.#wait(cursor)
      return
    }
    cursor.live = true
    this.#settle(cursor)
    // Nothing is there: it begins with the first number anyway, and unknown names take no memory.
    if (cursor.target === 0) this.#cursors.delete(cursor.conversation)
  }

  /** Finds out where a conversation goes on, and how far. */
  async #locate (cursor: Cursor): Promise<void> {
    const { conversation, restarts, lookUp } = cursor
    if (lookUp === 'beginning') {
      const beginning = await this.#reads.lastSeqUntil(conversation, this.#beginnings.othersUntil!)
      if (cursor.restarts !== restarts) return
      cursor.seq = beginning
    } else {
      const lastSeq = await this.#reads.lastSeq(conversation)
      if (cursor.restarts !== restarts || this.#sink.closed) return
      cursor.target = Math.max(cursor.target, lastSeq)
      // Nothing can be sent above a number that does not exist, such as after a restore from a backup.
      if (cursor.seq > lastSeq || lastSeq - cursor.seq > this.#options.resumeLimit) {
        cursor.seq = lastSeq
        this.#sink.reset(conversation, lastSeq)
      }
    }
    cursor.lookUp = 'nothing'
  }

  /** Sends as much of a page as the socket has room for; the rest is read again, to hold none meanwhile. */
  async #read (cursor: Cursor): Promise<void> {
    const { conversation, restarts } = cursor
    await this.#sink.drained()
    if (this.#sink.closed || cursor.restarts !== restarts) return
    const page = await this.#reads.page(conversation, cursor.seq)
    if (cursor.restarts !== restarts) return
    // Only what is stored is published: somebody took messages out of the database.
    if (page.length === 0) cursor.target = cursor.seq
    for (const message of page) {
      if (!this.#sink.hasRoom) return
      this.#sink.deliver(message)
      cursor.seq = message.seq
    }
  }

  /** The frame that resumed this conversation need not wait for it any more. */
  #settle (cursor: Cursor): void {
    const { resume } = cursor
    if (resume === undefined) return
    cursor.resume = undefined
    resume.left--
    if (resume.left > 0) return
    this.#resumes.delete(resume)
    resume.done()
  }
}
