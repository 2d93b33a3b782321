/**
 * The client's side of chat.v1 over all connections: what to send and when, and what each frame means. It
 * knows no sockets, timers or HTTP: it reads the time from a function and acts through `Effects`. So tests
 * can play any schedule of cuts and answers.
 */
import { CatchUp } from './catch-up.js'
import { Cursors } from './cursors.js'
import { ChatError, isRetryable, refusedFrame } from './errors.js'
import type { Emitter } from './events.js'
import {
  conversationOf, type ByeFrame, type ClientFrame, type ErrorFrame, type HelloFrame, type Message,
  type ServerFrame
} from 'chat-protocol'
import { Marks } from './marks.js'
import { Outbox, type Outgoing } from './outbox.js'
import { Pace } from './pace.js'
import { Restatement } from './restatement.js'
import { ResumeQueue } from './resume-queue.js'

/** The server ends a typing notice after 5 s unless it is repeated. */
const TYPING_AGAIN_MS = 3000
/** The wait after a temporary error that does not say when to repeat. */
const RETRY_MS = 1000

interface Effects {
  /** Puts a frame on the open socket. */
  transmit (frame: ClientFrame): void
  /** Calls `pump` after this time, instead of any earlier request. */
  wake (ms: number): void
  /** `catchUp` has requests to make over HTTP. */
  work (): void
  /** Replaces this connection by another one, after at least this time. */
  renew (ms: number): void
  bye (frame: ByeFrame): void
}

export class Protocol {
  readonly cursors: Cursors
  readonly catchUp: CatchUp
  readonly outbox: Outbox
  readonly #marks = new Marks()
  #watched: string[] | undefined

  // State of the present connection.
  hello: HelloFrame | undefined
  #leaving = false
  #pace = new Pace(0, 0)
  readonly #resumes = new ResumeQueue()
  readonly #restatement = new Restatement()
  #watchUnsent = false
  readonly #typedAt = new Map<string, number>()
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
      deliver: message => this.#emitter.emit('message', message),
      transmit: frame => this.#resumes.add(frame),
      work: () => this.#effects.work(),
      renew: ms => this.#effects.renew(ms),
      synced: recent => this.#emitter.emit('synced', recent)
    })
  }

  send (outgoing: Outgoing): Promise<Message> {
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
  typing (reciver: string, on: boolean): void {
    const now = this.#now()
    if (on && now - (this.#typedAt.get(reciver) ?? -Infinity) < TYPING_AGAIN_MS) return
    if (this.hello === undefined || this.#leaving || this.#pace.wait(now) > 0) return
    if (on) this.#typedAt.set(reciver, now)
    else this.#typedAt.delete(reciver)
    this.#transmit({ type: 'typing', reciver, on })
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

  /**
   * Handles a frame of the server. Frames of unknown types are ignored, because a newer server may have more.
   */
  receive (frame: ServerFrame): void {
    if (Object.hasOwn(this.#handlers, frame.type)) {
      const handle = this.#handlers[frame.type] as (frame: ServerFrame) => void
      handle(frame)
    }
    this.pump()
  }

  readonly #handlers: { [T in ServerFrame['type']]: (frame: Extract<ServerFrame, { type: T }>) => void } = {
    hello: frame => this.#begin(frame),
    message: ({ message }) => this.catchUp.accept(message),
    ack: ({ clientId, message }) => {
      this.catchUp.accept(message)
      this.outbox.acknowledged(clientId, message)
    },
    resumed: ({ conversations }) => {
      this.#resumes.answered()
      this.stored(conversations)
      this.catchUp.resumed(conversations)
    },
    reset: ({ conversation, lastSeq }) => this.catchUp.reset(conversation, lastSeq),
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
    },
    pong: () => {}
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

  #begin (hello: HelloFrame): void {
    this.hello = hello
    this.#leaving = false
    this.#pace = new Pace(hello.limits.ratePerSecond, this.#now())
    this.#typedAt.clear()
    this.catchUp.begin(hello.limits)
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
  #nextFrame ({ user, limits }: HelloFrame, now: number): ClientFrame | undefined {
    const resume = this.#resumes.next(now)
    if (resume !== undefined) return resume
    if (this.#watchUnsent) {
      this.#watchUnsent = false
      return { type: 'watch', users: this.#watched! }
    }
    const may = (reciver: string) => this.cursors.has(conversationOf(user, reciver))
    this.#marksFirst = !this.#marksFirst
    if (this.#marksFirst) return this.#marks.next(now) ?? this.outbox.next(now, limits, may)
    return this.outbox.next(now, limits, may) ?? this.#marks.next(now)
  }

  #transmit (frame: ClientFrame): void {
    this.#pace.take()
    this.#effects.transmit(frame)
  }
}
