/**
 * What one socket has seen of each conversation: in order, without gap or duplicate, from where it resumed.
 *
 * One cursor a conversation. A live entry with the rev after the cursor goes out at once; any other only
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
import { Beginnings, type Heads } from './beginnings.js'
import { newCursor, type Cursor, type CursorOptions, type CursorSink, type Resume } from './cursor.js'
import { READ_RETRY_MS, type CursorReads } from './log-reads.js'
import { Turns } from './turns.js'

/** Conversations of one socket whose place is looked up at a time; each holds a few bytes meanwhile. */
const LOCATED_AT_ONCE = 8
/** Pages of one socket that are in memory at a time. */
const READ_AT_ONCE = 1

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
   * A live entry with this rev: true if the caller may send it right now, since it is the next one.
   * Otherwise it was sent already, or a turn will bring it. `told`: this process stored it just now.
   */
  offer (conversation: string, rev: number, told: boolean): boolean {
    const cursor = this.#cursors.get(conversation) ?? this.#begin(conversation, rev, told)
    if (cursor === undefined) return false
    if (cursor.live && rev === cursor.rev + 1) {
      cursor.rev = cursor.target = rev
      return true
    }
    this.#raise(cursor, rev)
    return false
  }

  /** A live entry was sent that removed the user from its group: nothing follows. */
  end (conversation: string): void { this.#cursors.delete(conversation) }

  /** The user was added to a group with this entry: what came before is not pushed. */
  joined (conversation: string, rev: number): void {
    if (!this.#cursors.has(conversation)) this.#add(conversation, rev - 1)
  }

  /** A number that is known to be stored, by whatever process: what was not sent up to it is brought. */
  raise (conversation: string, rev: number): void {
    const cursor = this.#cursors.get(conversation) ?? this.#begin(conversation, rev, false)
    if (cursor !== undefined) this.#raise(cursor, rev)
  }

  /** Whether the number was sent on this socket already, or is from before it opened. */
  passed (conversation: string, rev: number): boolean {
    const cursor = this.#cursors.get(conversation)
    return cursor === undefined ? this.#beginnings.isBefore(conversation, rev) : rev <= cursor.rev
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
  #begin (conversation: string, rev: number, told: boolean): Cursor | undefined {
    const beginning = this.#beginnings.of(conversation, rev, told)
    if (beginning === undefined) return undefined
    if (beginning !== 'look up') return this.#add(conversation, beginning)
    const cursor = this.#add(conversation, 0)
    cursor.lookUp = 'beginning'
    this.#wait(cursor)
    return cursor
  }

  #add (conversation: string, rev: number): Cursor {
    const cursor = newCursor(conversation, rev)
    this.#cursors.set(conversation, cursor)
    this.#beginnings.forget(conversation)
    return cursor
  }

  #raise (cursor: Cursor, rev: number): void {
    if (rev > cursor.target) cursor.target = rev
    if (cursor.live && cursor.rev < cursor.target) this.#wait(cursor)
  }

  #restart (conversation: string, rev: number, resume: Resume): void {
    const cursor = this.#cursors.get(conversation) ?? this.#add(conversation, rev)
    this.#settle(cursor)
    cursor.rev = rev
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
    if (cursor.lookUp !== 'nothing' || cursor.rev < cursor.target) {
      this.#wait(cursor)
      return
    }
    cursor.live = true
    this.#settle(cursor)
    // Nothing is there, or nothing more to be seen: it begins with the next entry that is pushed.
    if (cursor.target === 0) this.#cursors.delete(cursor.conversation)
  }

  /** Finds out where a conversation goes on, and how far. */
  async #locate (cursor: Cursor): Promise<void> {
    const { conversation, restarts, lookUp } = cursor
    if (lookUp === 'beginning') {
      const beginning = await this.#reads.lastRevUntil(conversation, this.#beginnings.othersUntil!)
      if (cursor.restarts !== restarts) return
      cursor.rev = beginning
      await this.#locateVisible(cursor)
      if (cursor.restarts !== restarts) return
    } else if (lookUp === 'visible') {
      await this.#locateVisible(cursor)
      if (cursor.restarts !== restarts) return
    } else {
      const end = await this.#reads.end(conversation)
      if (cursor.restarts !== restarts || this.#sink.closed) return
      cursor.target = Math.max(cursor.target, end.rev)
      // Nothing can be sent above a number that does not exist, such as after a restore from a backup.
      if (cursor.rev > end.rev || end.rev - cursor.rev > this.#options.resumeLimit) {
        cursor.rev = end.rev
        this.#sink.reset(conversation, end)
      }
    }
    cursor.lookUp = 'nothing'
  }

  /** Sends as much of a page as the socket has room for; the rest is read again, to hold none meanwhile. */
  async #read (cursor: Cursor): Promise<void> {
    const { conversation, restarts } = cursor
    await this.#sink.drained()
    if (this.#sink.closed || cursor.restarts !== restarts) return
    const page = await this.#reads.page(conversation, cursor.rev)
    if (cursor.restarts !== restarts) return
    // Only what is stored is published: somebody took messages out of the database.
    if (page.length === 0) cursor.target = cursor.rev
    for (const entry of page) {
      if (!this.#sink.hasRoom) return
      this.#sink.deliver(entry)
      cursor.rev = entry.rev
      if (this.#reads.isOwnRemoval(entry)) {
        this.#removed(cursor)
        return
      }
    }
  }

  /** The user does not see what comes after its removal from a group, unless it was added again. */
  #removed (cursor: Cursor): void {
    if (cursor.rev < cursor.target) cursor.lookUp = 'visible'
    else this.#drop(cursor)
  }

  /** Skips what the user may not see; ends where the user is not a member. */
  async #locateVisible (cursor: Cursor): Promise<void> {
    const { restarts } = cursor
    const above = await this.#reads.visibleAbove(cursor.conversation)
    if (cursor.restarts !== restarts) return
    if (above === undefined) this.#drop(cursor)
    else cursor.rev = Math.max(cursor.rev, above)
  }

  #drop (cursor: Cursor): void {
    cursor.target = 0
    cursor.rev = 0
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
