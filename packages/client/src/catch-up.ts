/**
 * Tracks missing ranges and fetches them: by `resume` on the socket, by pages over HTTP after a `reset`, and
 * by the list of conversations if some are not known yet. An entry that is not the next one of its
 * conversation is dropped, because it comes again after the missing ones. So memory does not grow with what
 * is missing.
 */
import { Cursors } from './cursors.js'
import { ChatError } from './errors.js'
import { Discovery, type InboxPage, type ListJob } from './discovery.js'
import { placeOf, type Entry } from './fold.js'
import { resumeFrames } from './resume-queue.js'
import type { ConversationState, HelloFrame, ResumeFrame } from 'chat-protocol'

/** The wait before a connection is replaced because it does not bring missing messages. */
const RENEW_MS = 1000

/** Fetch a page of the entries of a conversation above a rev, ascending. */
interface PageJob {
  readonly kind: 'changes'
  readonly conversation: string
  readonly after: number
}

/** A request over HTTP that catching up needs. */
export type Job = ListJob | PageJob

interface CatchUpEffects {
  deliver (entry: Entry): void
  /** The user is not a member of this conversation any more. */
  lost (conversation: string): void
  transmit (frame: ResumeFrame): void
  /** There are jobs. */
  work (): void
  renew (ms: number): void
  synced (recent: ConversationState[]): void
}

export class CatchUp {
  // State of the present connection.
  #limits: HelloFrame['limits'] | undefined
  /** how many `resume` frames have no `resumed` yet */
  #asked = 0
  /** the conversations in these frames, with the numbers to resume from */
  readonly #asking = new Map<string, number>()
  /** the conversations that were resumed: the server pushes their later messages */
  readonly #followed = new Set<string>()
  #user: string | undefined
  #synced = false

  // State of the requests over HTTP, which does not depend on the connection.
  readonly #discovery = new Discovery()
  /** conversation -> the rev up to which it is paged */
  readonly #paging = new Map<string, number>()
  /** groups that the user left, or was removed from */
  readonly #left = new Set<string>()
  #stopped = false
  readonly #cursors: Cursors
  readonly #effects: CatchUpEffects

  constructor (cursors: Cursors, effects: CatchUpEffects) {
    this.#cursors = cursors
    this.#effects = effects
  }

  /** Whether a `resume` of this connection is unanswered. */
  get waiting (): boolean { return this.#asked > 0 }

  /**
   * A connection begins: resumes all known conversations. If none is known, an empty `resume` is sent for the
   * list of conversations in its answer.
   */
  begin ({ limits, user }: Pick<HelloFrame, 'limits' | 'user'>): void {
    this.#limits = limits
    this.#user = user
    this.#asked = 0
    this.#asking.clear()
    this.#followed.clear()
    this.#discovery.begin()
    this.#synced = false
    const known = this.#cursors.ids().filter(id => !this.#paging.has(id) && !this.#left.has(id))
    if (known.length > 0) this.#resume(known)
    else this.#ask({ type: 'resume', have: {} })
    if (this.#paging.size > 0) this.#effects.work()
  }

  /** The connection is gone. */
  end (): void {
    this.#limits = undefined
    this.#discovery.end(() => this.#cursors.snapshot())
  }

  /** Stops delivering messages. */
  stop (): void {
    this.#stopped = true
    this.end()
  }

  /** Delivers an entry if it is the next one of its conversation; resumes if earlier ones are missing. */
  accept (entry: Entry): void {
    if (this.#stopped) return
    const { conversation } = placeOf(entry)
    const place = this.#cursors.place(entry)
    if (place === 'next') this.#deliver(entry)
    if (place === 'gap') this.#fill(conversation)
  }

  /** A rev was announced by something else than its entry: resumes if it is missing. */
  announced (conversation: string, rev: number): void {
    this.#cursors.heard(conversation, rev)
    if (this.#cursors.get(conversation) < rev) this.#fill(conversation)
  }

  /** The user is not a member of a group any more: nothing is missing there. */
  lost (conversation: string): void {
    this.#cursors.lost(conversation)
    this.#asking.delete(conversation)
    this.#followed.delete(conversation)
    this.#paging.delete(conversation)
    if (this.#left.has(conversation)) return
    this.#left.add(conversation)
    this.#effects.lost(conversation)
    this.#settle()
  }

  resumed (conversations: ConversationState[]): void {
    this.answered()
    this.#discover(conversations)
    if (this.#discovery.resumed(conversations)) this.#cursors.complete = true
    if (this.#discovery.job !== undefined) this.#effects.work()
    this.#settle()
  }

  /** A `resume` was answered or refused. After the last one, resumes what is still missing. */
  answered (): void {
    this.#asked = Math.max(0, this.#asked - 1)
    if (this.#asked > 0) return
    const gaps = this.#cursors.gaps().filter(id => !this.#paging.has(id))
    const inVain = gaps.some(id => this.#asking.get(id) === this.#cursors.get(id) &&
      !this.#cursors.joined(id, this.#user))
    this.#asking.clear()
    if (inVain) this.#effects.renew(RENEW_MS)
    else this.#resume(gaps)
  }

  reset (conversation: string, lastRev: number): void {
    // The server has fewer entries than this client: its database was restored from a backup and continues
    // there.
    if (lastRev < (this.#asking.get(conversation) ?? 0)) return this.#cursors.rewind(conversation, lastRev)
    this.#paging.set(conversation, lastRev)
    this.#effects.work()
  }

  /** The next request over HTTP. The list of conversations comes first, because it may name more to fetch. */
  job (): Job | undefined {
    if (this.#stopped) return undefined
    if (this.#discovery.job !== undefined) return this.#discovery.job
    const [conversation] = this.#paging.keys()
    if (conversation === undefined) return undefined
    return { kind: 'changes', conversation, after: this.#cursors.get(conversation) }
  }

  /** A page of the list of conversations has arrived. */
  listed (job: ListJob, page: InboxPage): void {
    this.#discover(page.data)
    if (this.#discovery.listed(job, page)) this.#cursors.complete = true
    this.#settle()
  }

  /**
   * A page of a conversation above its cursor has arrived.
   * @throws ChatError if it brings nothing although entries are missing
   */
  paged (conversation: string, entries: Entry[]): void {
    // It may have been lost while the page was fetched.
    if (!this.#paging.has(conversation)) return
    const at = this.#cursors.get(conversation)
    this.#cursors.asked(conversation)
    for (const entry of entries) {
      this.accept(entry)
      // A page begins with the first visible entry.
      if (this.#cursors.get(conversation) === at && this.#cursors.joined(conversation, this.#user)) {
        this.accept(entry)
      }
    }
    const now = this.#cursors.get(conversation)
    if (now < (this.#paging.get(conversation) ?? 0)) {
      if (now !== at || this.#stopped) return
      throw new ChatError('http', `The server does not return the changes of ${conversation} after ${at}`)
    }
    this.#paging.delete(conversation)
    // Live entries that arrived meanwhile were dropped. They come again after this.
    this.#resume([conversation])
    this.#settle()
  }

  #deliver (entry: Entry): void {
    this.#effects.deliver(entry)
    if (entry.type === 'message' || entry.kind !== 'member' || entry.user !== this.#user) return
    if (entry.role === null) this.lost(entry.conversation)
    else this.#left.delete(entry.conversation)
  }

  #fill (conversation: string): void {
    const isComing = this.#asking.has(conversation) || this.#paging.has(conversation)
    if (!isComing) this.#resume([conversation])
  }

  /** Resumes these conversations at their cursors, in as many frames as the limits require. */
  #resume (conversations: string[]): void {
    if (this.#limits === undefined || conversations.length === 0) return
    const have = conversations.map((id): [string, number] => [id, this.#cursors.get(id)])
    for (const [id, rev] of have) {
      this.#cursors.asked(id)
      this.#asking.set(id, rev)
      this.#followed.add(id)
    }
    for (const frame of resumeFrames(have, this.#limits)) this.#ask(frame)
  }

  #ask (frame: ResumeFrame): void {
    this.#asked++
    this.#effects.transmit(frame)
  }

  /**
   * Resumes the listed conversations that were not known when the connection began. One of them may have a
   * cursor by now, from the ack of an entry that an earlier connection stored, and lack what was stored
   * after that entry.
   */
  #discover (conversations: { id: string, lastRev: number }[]): void {
    for (const { id } of conversations) this.#left.delete(id)
    const incomplete = this.#cursors.learn(conversations)
    this.#resume(incomplete.filter(id => !this.#followed.has(id) && !this.#paging.has(id)))
  }

  #settle (): void {
    if (this.#synced || this.#limits === undefined || this.#discovery.recent === undefined) return
    if (this.#asked > 0 || this.#discovery.job !== undefined || this.#paging.size > 0) return
    this.#synced = true
    this.#effects.synced(this.#discovery.recent)
  }
}
