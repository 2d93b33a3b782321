/**
 * Tracks missing ranges and fetches them: by `resume` on the socket, by pages over HTTP after a `reset`, and
 * by the list of conversations if some are not known yet. A message that is not the next one of its
 * conversation is dropped, because it comes again after the missing ones. So memory does not grow with what
 * is missing.
 */
import { Cursors } from './cursors.js'
import { ChatError } from './errors.js'
import { resumeFrames } from './resume-queue.js'
import type { ConversationState, HelloFrame, Message, ResumeFrame } from 'chat-protocol'

/** `resumed` lists so many conversations. A shorter list is complete. */
const LISTED = 50
/** The wait before a connection is replaced because it does not bring missing messages. */
const RENEW_MS = 1000

/** Fetch a page of the inbox, newest first. */
interface ListJob {
  readonly kind: 'conversations'
  readonly after: string | undefined
}

/** Fetch a page of a conversation above a number, ascending. */
interface PageJob {
  readonly kind: 'messages'
  readonly conversation: string
  readonly after: number
}

/** A request over HTTP that catching up needs. */
export type Job = ListJob | PageJob

interface CatchUpEffects {
  deliver (message: Message): void
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
  #recent: ConversationState[] | undefined
  #synced = false

  /** whether every conversation that existed when the connection began is known */
  #discovered = false
  /** the cursors at the end of the last connection where that was true */
  #before: Record<string, number> = {}

  // State of the requests over HTTP, which does not depend on the connection.
  #listing: ListJob | undefined
  /** conversation -> the number up to which it is paged */
  readonly #paging = new Map<string, number>()
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
  begin (limits: HelloFrame['limits']): void {
    this.#limits = limits
    this.#asked = 0
    this.#asking.clear()
    this.#followed.clear()
    this.#discovered = false
    this.#recent = undefined
    this.#synced = false
    const known = this.#cursors.ids().filter(id => !this.#paging.has(id))
    if (known.length > 0) this.#resume(known)
    else this.#ask({ type: 'resume', have: {} })
    if (this.#paging.size > 0) this.#effects.work()
  }

  /** The connection is gone. */
  end (): void {
    this.#limits = undefined
    // Otherwise its live messages may be newer than conversations that it did not discover.
    if (this.#discovered) this.#before = this.#cursors.snapshot()
    this.#discovered = false
  }

  /** Stops delivering messages. */
  stop (): void {
    this.#stopped = true
    this.end()
  }

  /**
   * Delivers a message if it is the next one of its conversation; resumes there if earlier ones are missing.
   */
  accept (message: Message): void {
    if (this.#stopped) return
    const { conversation } = message
    const place = this.#cursors.place(message)
    if (place === 'next') this.#effects.deliver(message)
    if (place !== 'gap') return
    const isComing = this.#asking.has(conversation) || this.#paging.has(conversation)
    if (!isComing) this.#resume([conversation])
  }

  resumed (conversations: ConversationState[]): void {
    this.answered()
    this.#discover(conversations)
    if (this.#recent === undefined) {
      const last = conversations[LISTED - 1]
      if (last === undefined || this.#isOld(last)) {
        this.#know()
      } else {
        this.#listing = { kind: 'conversations', after: undefined }
        this.#effects.work()
      }
    }
    this.#recent = conversations
    this.#settle()
  }

  /** A `resume` was answered or refused. After the last one, resumes what is still missing. */
  answered (): void {
    this.#asked = Math.max(0, this.#asked - 1)
    if (this.#asked > 0) return
    const gaps = this.#cursors.gaps().filter(id => !this.#paging.has(id))
    const inVain = gaps.some(id => this.#asking.get(id) === this.#cursors.get(id))
    this.#asking.clear()
    if (inVain) this.#effects.renew(RENEW_MS)
    else this.#resume(gaps)
  }

  reset (conversation: string, lastSeq: number): void {
    // The server has fewer messages than this client: its database was restored from a backup and continues
    // there.
    if (lastSeq < (this.#asking.get(conversation) ?? 0)) return this.#cursors.rewind(conversation, lastSeq)
    this.#paging.set(conversation, lastSeq)
    this.#effects.work()
  }

  /** The next request over HTTP. The list of conversations comes first, because it may name more to fetch. */
  job (): Job | undefined {
    if (this.#stopped) return undefined
    if (this.#listing !== undefined) return this.#listing
    const [conversation] = this.#paging.keys()
    if (conversation === undefined) return undefined
    return { kind: 'messages', conversation, after: this.#cursors.get(conversation) }
  }

  /** A page of the list of conversations has arrived. */
  listed (job: Job, page: { data: { id: string, lastSeq: number }[], next?: string }): void {
    this.#discover(page.data)
    // A page for an earlier connection is valid, but the list begins anew with this one.
    if (job !== this.#listing) return
    const last = page.data.at(-1)
    if (page.next !== undefined && last !== undefined && !this.#isOld(last)) {
      this.#listing = { kind: 'conversations', after: page.next }
    } else {
      this.#know()
    }
    this.#settle()
  }

  /**
   * A page of a conversation above its cursor has arrived.
   * @throws ChatError if it brings nothing although messages are missing
   */
  paged (conversation: string, messages: Message[]): void {
    const at = this.#cursors.get(conversation)
    for (const message of messages) this.accept(message)
    const now = this.#cursors.get(conversation)
    if (now < (this.#paging.get(conversation) ?? 0)) {
      if (now !== at || this.#stopped) return
      throw new ChatError('http', `The server does not return the messages of ${conversation} after ${at}`)
    }
    this.#paging.delete(conversation)
    // Live messages that arrived meanwhile were dropped. They come again after this.
    this.#resume([conversation])
    this.#settle()
  }

  /** Resumes these conversations at their cursors, in as many frames as the limits require. */
  #resume (conversations: string[]): void {
    if (this.#limits === undefined || conversations.length === 0) return
    const have = conversations.map((id): [string, number] => [id, this.#cursors.get(id)])
    for (const [id, seq] of have) {
      this.#asking.set(id, seq)
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
   * cursor by now, from the ack of a message that an earlier connection stored, and lack what was stored
   * after that message.
   */
  #discover (conversations: { id: string, lastSeq: number }[]): void {
    const incomplete = this.#cursors.learn(conversations)
    this.#resume(incomplete.filter(id => !this.#followed.has(id) && !this.#paging.has(id)))
  }

  /** All conversations are known, so any other one is new. */
  #know (): void {
    this.#listing = undefined
    this.#discovered = true
    this.#cursors.complete = true
  }

  /**
   * Whether an entry of the list has nothing new since the last connection. The list is ordered by time, so
   * then no later entry is new.
   */
  #isOld ({ id, lastSeq }: { id: string, lastSeq: number }): boolean {
    return lastSeq <= (this.#before[id] ?? -1)
  }

  #settle (): void {
    if (this.#synced || this.#limits === undefined || this.#recent === undefined) return
    if (this.#asked > 0 || this.#listing !== undefined || this.#paging.size > 0) return
    this.#synced = true
    this.#effects.synced(this.#recent)
  }
}
