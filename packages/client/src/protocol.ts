/**
 * The client's half of chat.v1, from one connection to the next: what to say and when, and what each frame means. It knows neither sockets, timers nor HTTP:
 * time is handed in, whatever is to be done goes out through `Effects`. So every schedule of cuts and answers can be played in a test.
 */
import { CatchUp } from './catch-up.js'
import { Cursors } from './cursors.js'
import { ChatError, isRetryable } from './errors.js'
import type { Emitter } from './events.js'
import {
  conversationOf, type ByeFrame, type ClientFrame, type ErrorFrame, type HelloFrame, type Message, type ResumeFrame,
  type ServerFrame
} from 'chat-protocol'
import { Marks } from './marks.js'
import { Outbox, type Outgoing } from './outbox.js'
import { Pace } from './pace.js'

/** The server ends a typing notice after 5 s by itself: said again in time, it goes on. */
const TYPING_AGAIN_MS = 3000
/** Where an error that may pass does not say when. */
const RETRY_MS = 1000

export interface Effects {
  /** Puts a frame on the open socket. */
  transmit (frame: ClientFrame): void
  /** Calls `pump` in so many milliseconds, instead of any time asked for before. */
  wake (ms: number): void
  /** `catchUp` has jobs. */
  work (): void
  /** Ends this connection for another one, at least so many milliseconds later. */
  renew (ms: number): void
  bye (frame: ByeFrame): void
}

export class Protocol {
  readonly cursors: Cursors
  readonly catchUp: CatchUp
  readonly outbox: Outbox
  private readonly marks = new Marks()
  private watched: string[] | undefined

  // Of the present connection:
  hello: HelloFrame | undefined
  private leaving = false
  private pace = new Pace(0, 0)
  /** `resume` frames to be said */
  private resumes: ResumeFrame[] = []
  /** the one on the socket; the next one goes when it is answered, so that a refusal can only be about it */
  private resuming: ResumeFrame | undefined
  private resumeAt = -Infinity
  private watchUnsaid = false
  private readonly typedAt = new Map<string, number>()
  private marksFirst = false

  constructor (
    options: { have: Record<string, number>, complete: boolean, queueLimit: number, inFlight: number },
    private readonly emitter: Emitter,
    private readonly effects: Effects,
    private readonly now: () => number
  ) {
    this.cursors = new Cursors(options.have, options.complete)
    this.outbox = new Outbox(options.queueLimit, options.inFlight)
    this.catchUp = new CatchUp(this.cursors, {
      deliver: message => this.emitter.emit('message', message),
      transmit: frame => { this.resumes.push(frame) },
      work: () => this.effects.work(),
      renew: ms => this.effects.renew(ms),
      synced: recent => this.emitter.emit('synced', recent)
    })
  }

  send (outgoing: Outgoing): Promise<Message> {
    const answer = this.outbox.add(outgoing)
    this.pump()
    return answer
  }

  mark (kind: 'delivered' | 'read', conversation: string, seq: number): void {
    this.marks.raise(kind, conversation, seq, this.now())
    this.pump()
  }

  watch (users: string[]): void {
    this.watched = users
    this.watchUnsaid = true
    this.pump()
  }

  /** Sent now or never: who is offline, or at the limit of frames, is not seen to type. */
  typing (reciver: string, on: boolean): void {
    const now = this.now()
    if (on && now - (this.typedAt.get(reciver) ?? -Infinity) < TYPING_AGAIN_MS) return
    if (this.hello === undefined || this.leaving || this.pace.wait(now) > 0) return
    if (on) this.typedAt.set(reciver, now)
    else this.typedAt.delete(reciver)
    this.transmit({ type: 'typing', reciver, on })
  }

  /** The socket is gone. */
  disconnected (): void {
    this.hello = undefined
    this.resumes = []
    this.resuming = undefined
    this.catchUp.end()
    this.outbox.requeue()
  }

  /** Nothing is handed on or sent any more. */
  stop (): void {
    this.catchUp.stop()
    this.disconnected()
  }

  /** Everything that the server says. Frames of a kind that is not known here are passed over: a newer server may have more. */
  receive (frame: ServerFrame): void {
    switch (frame.type) {
      case 'hello': this.begin(frame); break
      case 'message': this.catchUp.accept(frame.message); break
      case 'ack':
        this.catchUp.accept(frame.message)
        this.outbox.acknowledged(frame.clientId, frame.message)
        break
      case 'resumed':
        this.resuming = undefined
        this.stored(frame.conversations)
        this.catchUp.resumed(frame.conversations)
        break
      case 'reset': this.catchUp.reset(frame.conversation, frame.lastSeq); break
      case 'receipt':
        if (frame.user === this.hello?.user) this.marks.stored(frame.conversation, frame.delivered, frame.read)
        this.emitter.emit('receipt', frame)
        break
      case 'typing': this.emitter.emit('typing', frame); break
      case 'presence': this.emitter.emit('presence', frame); break
      case 'error': this.failed(frame); break
      case 'bye':
        this.leaving = true
        this.effects.bye(frame)
        break
    }
    this.pump()
  }

  /** What the server has of one's own marks. */
  stored (conversations: { id: string, delivered: number, read: number }[]): void {
    for (const { id, delivered, read } of conversations) this.marks.stored(id, delivered, read)
  }

  /** Puts on the socket what may go now, and says when to be called again. */
  pump (): void {
    if (this.hello === undefined || this.leaving) return
    const now = this.now()
    for (;;) {
      const wait = this.pace.wait(now)
      if (wait > 0) return this.effects.wake(wait)
      const frame = this.nextFrame(this.hello, now)
      if (frame === undefined) break
      this.transmit(frame)
    }
    const resumeAt = this.mayResume ? this.resumeAt : Infinity
    const wakeAt = Math.min(this.marks.dueAt, this.outbox.wakeAt(), resumeAt)
    if (wakeAt < Infinity) this.effects.wake(Math.max(0, wakeAt - now))
  }

  private begin (hello: HelloFrame): void {
    this.hello = hello
    this.leaving = false
    this.pace = new Pace(hello.limits.ratePerSecond, this.now())
    this.resumeAt = -Infinity
    this.typedAt.clear()
    this.catchUp.begin(hello.limits)
    this.restate()
  }

  /** What the server forgot with the old socket, or may have refused, is to be said again. */
  private restate (): void {
    this.watchUnsaid = this.watched !== undefined
    this.marks.repeat(this.now())
  }

  private failed (frame: ErrorFrame): void {
    if (frame.clientId === undefined) this.emitter.emit('error', new ChatError(frame.code, frame.message, frame))
    const passes = isRetryable(frame.code)
    const at = this.now() + (frame.retryAfterMs ?? RETRY_MS)
    const about = this.refusedFrame(frame)
    if (about === 'resume' && passes) {
      // Everything else may go meanwhile: it costs the server less.
      this.resumeAt = at
      if (this.resuming !== undefined) this.resumes.unshift(this.resuming)
      this.resuming = undefined
      return
    }
    if (passes) this.pace.hold(at)
    if (about === 'send') {
      this.outbox.refused(frame)
    } else if (about === 'other') {
      if (passes) this.restate()
    } else if (!passes) {
      this.resuming = undefined
      this.catchUp.answered()
    } else if (this.catchUp.waiting) {
      // What was asked for may be among it: that starts anew, with a new connection.
      this.effects.renew(frame.retryAfterMs ?? RETRY_MS)
    } else {
      this.restate()
    }
  }

  /**
   * Which frame an error is about. Servers that announce `resumeConversations` name the field `have` where it
   * was a resume; of older ones it is not known.
   */
  private refusedFrame ({ path, clientId }: ErrorFrame): 'send' | 'resume' | 'other' | 'unknown' {
    if (clientId !== undefined) return 'send'
    if (path?.startsWith('have') === true) return 'resume'
    return this.hello?.limits.resumeConversations === undefined ? 'unknown' : 'other'
  }

  /** Whether a `resume` is to be said, and none waits for its answer. */
  private get mayResume (): boolean { return this.resuming === undefined && this.resumes.length > 0 }

  /** What must come first does: then messages and receipts in turn, so that neither holds up the other. */
  private nextFrame ({ user, limits }: HelloFrame, now: number): ClientFrame | undefined {
    if (this.mayResume && now >= this.resumeAt) {
      this.resuming = this.resumes.shift()!
      return this.resuming
    }
    if (this.watchUnsaid) {
      this.watchUnsaid = false
      return { type: 'watch', users: this.watched! }
    }
    const message = () => this.outbox.next(now, limits, reciver => this.cursors.has(conversationOf(user, reciver)))
    this.marksFirst = !this.marksFirst
    return this.marksFirst ? this.marks.next(now) ?? message() : message() ?? this.marks.next(now)
  }

  private transmit (frame: ClientFrame): void {
    this.pace.take()
    this.effects.transmit(frame)
  }
}
