/**
 * What this side lacks, and how it is had: by `resume` on the socket, by pages over HTTP where the server says `reset`, by the list of conversations for
 * those that are not known yet. A message that is not the next of its conversation is not kept: it comes again when those before it have come, so nothing
 * here grows with what is missing.
 */
import { Cursors } from './cursors.js'
import { ChatError } from './errors.js'
import type { ConversationState, HelloFrame, Message, ResumeFrame } from 'chat-protocol'

/** `resumed` lists this many conversations: fewer than that are all there are. */
const LISTED = 50
/** Conversations in one `resume`: each costs the server a look-up, and a refused frame is said again. */
const RESUME_CONVERSATIONS = 500
/** Before a new connection is tried because this one does not bring what it owes. */
const RENEW_MS = 1000

/** A page that is to be had over HTTP: of the inbox (newest first), or of a conversation above a number (ascending). */
export type Job = { readonly kind: 'conversations', readonly after: string | undefined } | { readonly kind: 'messages', readonly conversation: string, readonly after: number }

export interface CatchUpEffects {
  deliver (message: Message): void
  transmit (frame: ResumeFrame): void
  /** There are jobs. */
  work (): void
  renew (ms: number): void
  synced (recent: ConversationState[]): void
}

export class CatchUp {
  // Of the present connection:
  private limits: HelloFrame['limits'] | undefined
  /** `resume` frames without their `resumed` yet */
  private asked = 0
  /** the conversations in them, and the numbers they were asked from */
  private readonly asking = new Map<string, number>()
  /** the conversations that were resumed: the server pushes what comes after that */
  private readonly followed = new Set<string>()
  private recent: ConversationState[] | undefined
  private synced = false

  /** whether every conversation that existed at its beginning is known */
  private discovered = false
  /** the cursors at the end of the last connection of which that was true */
  private before: Record<string, number> = {}

  // What is being fetched over HTTP, whatever the socket does meanwhile:
  private listing: Extract<Job, { kind: 'conversations' }> | undefined
  /** conversation -> the number up to which it is paged */
  private readonly paging = new Map<string, number>()
  private stopped = false

  constructor (private readonly cursors: Cursors, private readonly effects: CatchUpEffects) {}

  /** Whether anything asked for on this connection is outstanding. */
  get waiting (): boolean { return this.asked > 0 }

  /** A connection begins: everything known is resumed. Nothing known is asked for too, for the list of conversations that comes with the answer. */
  begin (limits: HelloFrame['limits']): void {
    this.limits = limits
    this.asked = 0
    this.asking.clear()
    this.followed.clear()
    this.discovered = false
    this.recent = undefined
    this.synced = false
    const known = this.cursors.ids().filter(id => !this.paging.has(id))
    if (known.length > 0) this.resume(known)
    else this.ask({ type: 'resume', have: {} })
    if (this.paging.size > 0) this.effects.work()
  }

  /** The connection is gone. */
  end (): void {
    this.limits = undefined
    // Not where it ended before: it may have had live messages that are newer than conversations which it did not get to know.
    if (this.discovered) this.before = this.cursors.snapshot()
    this.discovered = false
  }

  /** Nothing is handed on any more. */
  stop (): void {
    this.stopped = true
    this.end()
  }

  /** Hands a message on if it is the next of its conversation; sees to it that those before it come if it is not. */
  accept (message: Message): void {
    if (this.stopped) return
    const place = this.cursors.place(message)
    if (place === 'next') this.effects.deliver(message)
    else if (place === 'gap' && !this.asking.has(message.conversation) && !this.paging.has(message.conversation)) this.resume([message.conversation])
  }

  resumed (conversations: ConversationState[]): void {
    this.answered()
    this.discover(conversations)
    if (this.recent === undefined) {
      const last = conversations[LISTED - 1]
      if (last === undefined || this.isOld(last)) {
        this.know()
      } else {
        this.listing = { kind: 'conversations', after: undefined }
        this.effects.work()
      }
    }
    this.recent = conversations
    this.settle()
  }

  /** A `resume` was answered, or refused. When none is outstanding, what is still missing is asked for. */
  answered (): void {
    this.asked = Math.max(0, this.asked - 1)
    if (this.asked > 0) return
    const gaps = this.cursors.gaps().filter(id => !this.paging.has(id))
    const inVain = gaps.some(id => this.asking.get(id) === this.cursors.get(id))
    this.asking.clear()
    if (inVain) this.effects.renew(RENEW_MS)
    else this.resume(gaps)
  }

  reset (conversation: string, lastSeq: number): void {
    // Fewer than we have: the server's database was restored from a backup. Its numbers go on from there.
    if (lastSeq < (this.asking.get(conversation) ?? 0)) return this.cursors.rewind(conversation, lastSeq)
    this.paging.set(conversation, lastSeq)
    this.effects.work()
  }

  /** What to fetch next over HTTP: the list of conversations first, for it may name some whose messages wait. */
  job (): Job | undefined {
    if (this.stopped) return undefined
    if (this.listing !== undefined) return this.listing
    const [conversation] = this.paging.keys()
    return conversation === undefined ? undefined : { kind: 'messages', conversation, after: this.cursors.get(conversation) }
  }

  /** A page of the list of conversations has come. */
  listed (job: Job, page: { data: { id: string, lastSeq: number }[], next?: string }): void {
    this.discover(page.data)
    if (job !== this.listing) return // of an earlier connection: true, but the list of this one begins anew
    const last = page.data.at(-1)
    if (page.next !== undefined && last !== undefined && !this.isOld(last)) {
      this.listing = { kind: 'conversations', after: page.next }
    } else {
      this.know()
    }
    this.settle()
  }

  /**
   * A page of a conversation has come, from above its cursor.
   * @throws ChatError if it brings nothing although more must be there
   */
  paged (conversation: string, messages: Message[]): void {
    const at = this.cursors.get(conversation)
    for (const message of messages) this.accept(message)
    const now = this.cursors.get(conversation)
    if (now < (this.paging.get(conversation) ?? 0)) {
      if (now === at && !this.stopped) throw new ChatError('http', `The messages of ${conversation} after ${at} are not to be had`)
      return
    }
    this.paging.delete(conversation)
    // What came live meanwhile was passed over: it comes again after this.
    this.resume([conversation])
    this.settle()
  }

  /** Asks for these conversations from their cursors on, in as many frames as the limits make of them. */
  private resume (conversations: string[]): void {
    if (this.limits === undefined || conversations.length === 0) return
    const { frameBytes, resumeConversations = RESUME_CONVERSATIONS } = this.limits
    const most = Math.min(RESUME_CONVERSATIONS, resumeConversations)
    const empty = JSON.stringify({ type: 'resume', have: {} }).length
    let have: Record<string, number> = {}
    let count = 0
    let bytes = empty
    for (const id of conversations) {
      const seq = this.cursors.get(id)
      const more = `"${id}":${seq},`.length
      if (count > 0 && (count === most || bytes + more > frameBytes)) {
        this.ask({ type: 'resume', have })
        have = {}
        count = 0
        bytes = empty
      }
      have[id] = seq
      count++
      bytes += more
      this.asking.set(id, seq)
      this.followed.add(id)
    }
    this.ask({ type: 'resume', have })
  }

  private ask (frame: ResumeFrame): void {
    this.asked++
    this.effects.transmit(frame)
  }

  /**
   * Resumes the listed conversations that were not known when the connection began. One of them may have a cursor by
   * now, from the ack of a message that an earlier connection stored, and lack what was stored after that message.
   */
  private discover (conversations: { id: string, lastSeq: number }[]): void {
    this.resume(this.cursors.learn(conversations).filter(id => !this.followed.has(id) && !this.paging.has(id)))
  }

  /** All conversations are known: any other is new. */
  private know (): void {
    this.listing = undefined
    this.discovered = this.cursors.complete = true
  }

  /** Lists are ordered by time: where an entry has nothing that was not had before this connection, none below it is new. */
  private isOld ({ id, lastSeq }: { id: string, lastSeq: number }): boolean {
    return lastSeq <= (this.before[id] ?? -1)
  }

  private settle (): void {
    if (this.synced || this.limits === undefined || this.recent === undefined) return
    if (this.asked > 0 || this.listing !== undefined || this.paging.size > 0) return
    this.synced = true
    this.effects.synced(this.recent)
  }
}
