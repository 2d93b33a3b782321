import { ChatError, isRetryable } from './errors.js'
import type { ErrorFrame, HelloFrame, Message, SendFrame } from 'chat-protocol'

/**
 * Without an answer in this time on a live socket, the answer counts as lost and the message is sent again.
 */
const ANSWER_MS = 30_000
/** After `internal` another attempt may help. A message that fails so often is itself the cause. */
const INTERNAL_TRIES = 5

export type Outgoing = Omit<SendFrame, 'type'>

interface Entry {
  outgoing: Outgoing
  promise: Promise<Message>
  resolve: (message: Message) => void
  reject: (error: ChatError) => void
  /** when it was put on the present socket; undefined while it is queued */
  sentAt: number | undefined
  /** how often the server answered `internal` */
  failures: number
}

/**
 * Messages that wait for their answers. Each is sent again with the same clientId until an answer settles it:
 *
 * ```
 * queued --next()--> in flight --acknowledged(), refused() for good--> settled
 *   ^                   |
 *   +---- requeue(), refused() for now
 * ```
 */
export class Outbox {
  readonly #capacity: number
  readonly #window: number
  /** by clientId, in the order of the calls */
  readonly #entries = new Map<string, Entry>()
  #inFlight = 0

  /**
   * @param capacity messages that may wait for their answers
   * @param window how many of them may be in flight. It is below the burst that the server allows, so that a
   *   network which delays frames and then delivers all at once causes no `rate_limited`.
   */
  constructor (capacity: number, window: number) {
    this.#capacity = capacity
    this.#window = window
  }

  /** Messages without an answer, in the order of the calls. */
  pending (): Outgoing[] {
    return [...this.#entries.values()].map(({ outgoing }) => ({ ...outgoing }))
  }

  /** Queues a message, unless it is queued already. The promise settles with its answer. */
  async add (outgoing: Outgoing): Promise<Message> {
    const { clientId } = outgoing
    const known = this.#entries.get(clientId)
    if (known !== undefined) {
      if (isSame(known.outgoing, outgoing)) return await known.promise
      const text = 'clientId: another message with it has no answer yet'
      throw new ChatError('conflict', text, { path: 'clientId', clientId })
    }
    if (this.#entries.size >= this.#capacity) {
      throw new ChatError('queue_full', `${this.#capacity} messages wait already`, { clientId })
    }
    const { promise, resolve, reject } = withResolvers<Message>()
    this.#entries.set(clientId, { outgoing, promise, resolve, reject, sentAt: undefined, failures: 0 })
    return await promise
  }

  /**
   * Takes the next frame to put on the socket, or undefined. Messages above the server's limits are rejected
   * here, because the server would close the socket for some of them.
   * @param may whether messages to this receiver may be sent now
   */
  next (now: number, limits: HelloFrame['limits'], may: (reciver: string) => boolean): SendFrame | undefined {
    for (const entry of this.#entries.values()) {
      if (!this.#isDue(entry, now, may)) continue
      const frame: SendFrame = { type: 'send', ...entry.outgoing }
      const problem = excess(frame, limits)
      if (problem === undefined) {
        if (entry.sentAt === undefined) this.#inFlight++
        entry.sentAt = now
        return frame
      }
      this.#settle(entry)
      entry.reject(new ChatError('invalid', problem, { path: 'message', clientId: frame.clientId }))
    }
    return undefined
  }

  /**
   * Whether a message has to be sent now: a queued one if the window has room, a sent one if its answer is
   * late.
   */
  #isDue ({ sentAt, outgoing }: Entry, now: number, may: (reciver: string) => boolean): boolean {
    if (sentAt !== undefined) return now - sentAt >= ANSWER_MS
    return this.#inFlight < this.#window && may(outgoing.reciver)
  }

  acknowledged (clientId: string, message: Message): void {
    const entry = this.#entries.get(clientId)
    if (entry === undefined) return
    this.#settle(entry)
    entry.resolve(message)
  }

  /** The server refused a message: rejects it, or queues it again in its old place. */
  refused (frame: ErrorFrame): void {
    const entry = this.#entries.get(frame.clientId ?? '')
    if (entry === undefined) return
    if (frame.code === 'internal') entry.failures++
    if (!isRetryable(frame.code) || entry.failures >= INTERNAL_TRIES) {
      this.#settle(entry)
      entry.reject(new ChatError(frame.code, frame.message, frame))
      return
    }
    if (entry.sentAt !== undefined) this.#inFlight--
    entry.sentAt = undefined
  }

  /**
   * The socket is gone: messages in flight may or may not be stored. All are sent again, in the old order.
   */
  requeue (): void {
    for (const entry of this.#entries.values()) entry.sentAt = undefined
    this.#inFlight = 0
  }

  rejectAll ({ code, message }: ChatError): void {
    for (const { reject, outgoing } of this.#entries.values()) {
      reject(new ChatError(code, message, { clientId: outgoing.clientId }))
    }
    this.#entries.clear()
    this.#inFlight = 0
  }

  /** When an answer will be late, so that `next` has a frame again; Infinity if nothing is in flight. */
  wakeAt (): number {
    let at = Infinity
    let found = 0
    for (const { sentAt } of this.#entries.values()) {
      if (found === this.#inFlight) break
      if (sentAt === undefined) continue
      at = Math.min(at, sentAt + ANSWER_MS)
      found++
    }
    return at
  }

  #settle (entry: Entry): void {
    if (entry.sentAt !== undefined) this.#inFlight--
    this.#entries.delete(entry.outgoing.clientId)
  }
}

function isSame (a: Outgoing, b: Outgoing): boolean {
  return a.reciver === b.reciver && a.message === b.message
}

/** The limit of the server that a frame exceeds, in words; undefined if none. */
function excess (frame: SendFrame, { messageChars, frameBytes }: HelloFrame['limits']): string | undefined {
  const { message } = frame
  // Code points are at most UTF-16 units, and a UTF-16 unit takes at most three bytes of UTF-8: mostly no
  // counting.
  if (message.length > messageChars && [...message].length > messageChars) {
    return `message: more than ${messageChars} code points`
  }
  const json = JSON.stringify(frame)
  if (json.length * 3 > frameBytes && new TextEncoder().encode(json).length > frameBytes) {
    return `message: its frame has more than ${frameBytes} bytes`
  }
  return undefined
}

/** Promise.withResolvers is newer than Node 20 and than many browsers in use. */
function withResolvers<T> () {
  let resolve!: (value: T) => void
  let reject!: (reason: Error) => void
  const promise = new Promise<T>((_resolve, _reject) => {
    resolve = _resolve
    reject = _reject
  })
  return { promise, resolve, reject }
}
