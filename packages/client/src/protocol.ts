/**
 * The client's side of chat.v1 over all connections: what to send and when, and what each frame means. It
 * knows no sockets, timers or HTTP: it reads the time from a function and acts through `Effects`. So tests
 * can play any schedule of cuts and answers.
 */
import { CatchUp } from './catch-up.js'
import { Cursors } from './cursors.js'
import { ChatError, isRetryable, lostGroup, refusedFrame } from './errors.js'
import type { Effects } from './effects.js'
import type { Emitter } from './events.js'
import type { Entry } from './fold.js'
import type { AckFrame, ClientFrame, ErrorFrame, HelloFrame, ServerFrame, TypingFrame } from 'chat-protocol'
import { Marks } from './marks.js'
import { Outbox } from './outbox.js'
import { entryOfAck, type Answer, type Outgoing } from './outgoing.js'
import { Pace } from './pace.js'
import { Restatement } from './restatement.js'
import { ResumeQueue } from './resume-queue.js'
import { TypingTimes } from './typing.js'
import { Views } from './views.js'

/** The wait after a temporary error that does not say when to repeat. */
const RETRY_MS = 1000

export class Protocol {
  readonly cursors: Cursors
  readonly catchUp: CatchUp
  readonly outbox: Outbox
  readonly views = new Views()
  readonly #marks = new Marks()
  #watched: string[] | undefined

  // State of the present connection.
  hello: HelloFrame | undefined
  #leaving = false
  #pace = new Pace(0, 0)
  readonly #resumes = new ResumeQueue()
  readonly #restatement = new Restatement()
  #watchUnsent = false
  readonly #typing = new TypingTimes()
  #marksFirst = false
  readonly #emitter: Emitter
  readonly #effects: Effects
  readonly #now: () => number

  constructor (
    options: { have: Record<string, number>, complete: boolean, queueLimit: number, inFlight: number },
    emitter: Emitter,
    effects: Effects,
    now: () => number
  ) {
    this.#emitter = emitter
    this.#effects = effects
    this.#now = now
    this.cursors = new Cursors(options.have, options.complete)
    this.outbox = new Outbox(options.queueLimit, options.inFlight)
    this.catchUp = new CatchUp(this.cursors, {
      deliver: entry => this.#deliver(entry),
      lost: conversation => this.#emitter.emit('left', { conversation }),
      transmit: frame => this.#resumes.add(frame),
      work: () => this.#effects.work(),
      renew: ms => this.#effects.renew(ms),
      synced: recent => this.#emitter.emit('synced', recent)
    })
  }

  send (outgoing: Outgoing): Promise<Answer> {
    const answer = this.outbox.add(outgoing)
    this.pump()
    return answer
  }

  mark (kind: 'delivered' | 'read', conversation: string, seq: number): void {
    this.#marks.raise(kind, conversation, seq, this.#now())
    this.pump()
  }

  watch (users: string[]): void {
    this.#watched = users
    this.#watchUnsent = true
    this.pump()
  }

  /**
   * Sends a typing notice now or never: it is dropped while the client is offline or at the limit of frames.
   */
  typing (frame: TypingFrame): void {
    const now = this.#now()
    const to = frame.conversation ?? frame.reciver!
    if (this.#typing.isFresh(to, frame.on, now)) return
    if (this.hello === undefined || this.#leaving || this.#pace.wait(now) > 0) return
    this.#typing.said(to, frame.on, now)
    this.#transmit(frame)
  }

  /** The socket is gone. */
  disconnected (): void {
    this.hello = undefined
    this.#resumes.clear()
    this.catchUp.end()
    this.outbox.requeue()
  }

  /** Stops delivering and sending. */
  stop (): void {
    this.catchUp.stop()
    this.disconnected()
  }

  /** Handles a frame of the server. Unknown types are ignored, because a newer server may have more. */
  receive (frame: ServerFrame): void {
    if (Object.hasOwn(this.#handlers, frame.type)) {
      const handle = this.#handlers[frame.type] as (frame: ServerFrame) => void
      handle(frame)
    }
    this.pump()
  }

  /** A frame without a handler needs nothing but that it was received. */
  readonly #handlers: { [T in ServerFrame['type']]?: (frame: Extract<ServerFrame, { type: T }>) => void } = {
    hello: frame => this.#begin(frame),
    message: frame => this.catchUp.accept(frame),
    change: frame => this.catchUp.accept(frame),
    ack: frame => this.#acknowledged(frame),
    resumed: ({ conversations }) => {
      this.#resumes.answered()
      this.stored(conversations)
      this.catchUp.resumed(conversations)
    },
    reset: ({ conversation, lastRev }) => this.catchUp.reset(conversation, lastRev),
    receipt: frame => {
      const { user, conversation, delivered, read } = frame
      if (user === this.hello?.user) this.#marks.stored(conversation, delivered, read)
      this.#emitter.emit('receipt', frame)
    },
    typing: frame => this.#emitter.emit('typing', frame),
    presence: frame => this.#emitter.emit('presence', frame),
    error: frame => this.#failed(frame),
    bye: frame => {
      this.#leaving = true
      this.#effects.bye(frame)
    }
  }

  /** The server has these marks of the user. */
  stored (conversations: { id: string, delivered: number, read: number }[]): void {
    for (const { id, delivered, read } of conversations) this.#marks.stored(id, delivered, read)
  }

  /** Sends the frames that may be sent now, and asks to be called again in time. */
  pump (): void {
    if (this.hello === undefined || this.#leaving) return
    const now = this.#now()
    if (this.#restatement.take(now)) this.#restate()
    for (;;) {
      const wait = this.#pace.wait(now)
      if (wait > 0) return this.#effects.wake(wait)
      const frame = this.#nextFrame(this.hello, now)
      if (frame === undefined) break
      this.#transmit(frame)
    }
    const due = [this.#marks.dueAt, this.outbox.wakeAt(), this.#resumes.dueAt, this.#restatement.dueAt]
    const wakeAt = Math.min(...due)
    if (wakeAt < Infinity) this.#effects.wake(Math.max(0, wakeAt - now))
  }

  #deliver (entry: Entry): void {
    this.views.apply(entry)
    if (entry.type === 'message') this.#emitter.emit('message', entry.message)
    else this.#emitter.emit('change', entry)
  }

  #acknowledged (frame: AckFrame): void {
    const answer = frame.change ?? frame.message
    if (answer === undefined) return
    const entry = entryOfAck(frame, this.outbox.typeOf(frame.clientId))
    if (entry !== undefined) this.catchUp.accept(entry)
    else this.catchUp.announced(answer.conversation, answer.rev)
    this.outbox.acknowledged(frame.clientId, answer)
  }

  #begin (hello: HelloFrame): void {
    this.hello = hello
    this.#leaving = false
    this.#pace = new Pace(hello.limits.ratePerSecond, this.#now())
    this.#typing.clear()
    this.catchUp.begin(hello)
    this.#restatement.clear()
    this.#restate()
  }

  /** Sends again what the server forgot with the old socket, or may have refused. */
  #restate (): void {
    this.#watchUnsent = this.#watched !== undefined
    this.#marks.repeat(this.#now())
  }

  #failed (frame: ErrorFrame): void {
    const { code, message, clientId, retryAfterMs = RETRY_MS } = frame
    const lost = lostGroup(frame)
    // The other conversations of the frame still resume, and `resumed` follows.
    if (lost !== undefined) return this.catchUp.lost(lost)
    if (clientId === undefined) this.#emitter.emit('error', new ChatError(code, message, frame))
    const isTemporary = isRetryable(code)
    const at = this.#now() + retryAfterMs
    const about = refusedFrame(frame, this.hello?.limits)
    if (about === 'resume' && isTemporary) {
      // Other frames are not held back, because they cost the server less.
      this.#resumes.repeatAt(at)
      return
    }
    if (isTemporary) this.#pace.hold(at)
    if (about === 'send') {
      this.outbox.refused(frame)
    } else if (about === 'other') {
      if (isTemporary) this.#restatement.request(at)
    } else if (!isTemporary) {
      this.#resumes.answered()
      this.catchUp.answered()
    } else if (this.catchUp.waiting) {
      // The error may be about a resume: start again with a new connection.
      this.#effects.renew(retryAfterMs)
    } else {
      this.#restatement.request(at)
    }
  }

  /**
   * Resumes and the watch list come first, then messages and receipts in turn, so that neither delays the
   * other.
   */
  #nextFrame (hello: HelloFrame, now: number): ClientFrame | undefined {
    const resume = this.#resumes.next(now)
    if (resume !== undefined) return resume
    if (this.#watchUnsent) {
      this.#watchUnsent = false
      return { type: 'watch', users: this.#watched! }
    }
    const may = (conversation: string) => this.cursors.has(conversation)
    this.#marksFirst = !this.#marksFirst
    if (this.#marksFirst) return this.#marks.next(now) ?? this.outbox.next(now, hello, may)
    return this.outbox.next(now, hello, may) ?? this.#marks.next(now)
  }

  #transmit (frame: ClientFrame): void {
    this.#pace.take()
    this.#effects.transmit(frame)
  }
}
