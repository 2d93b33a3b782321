import { ChatError, isRetryable } from './errors.js'
import { excess, isSame, orderKey, targetOf, type Answer, type Outgoing } from './outgoing.js'
import type { ErrorFrame, HelloFrame } from 'chat-protocol'

/**
 * Without an answer in this time on a live socket, the answer counts as lost and the message is sent again.
 */
const ANSWER_MS = 30_000
/** After `internal` another attempt may help. A message that fails so often is itself the cause. */
const INTERNAL_TRIES = 5

interface Entry {
  outgoing: Outgoing
  promise: Promise<Answer>
  resolve: (answer: Answer) => void
  reject: (error: ChatError) => void
  /** when it was put on the present socket; undefined while it is queued */
  sentAt: number | undefined
  /** how often the server answered `internal` */
  failures: number
}

/**
 * Messages and changes that wait for their answers. Each is sent again with the same clientId until an answer
 * settles it:
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
  async add (outgoing: Outgoing): Promise<Answer> {
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
    const { promise, resolve, reject } = withResolvers<Answer>()
    this.#entries.set(clientId, { outgoing, promise, resolve, reject, sentAt: undefined, failures: 0 })
    return await promise
  }

  /**
   * Takes the next frame to put on the socket, or undefined. Messages above the server's limits are rejected
   * here, because the server would close the socket for some of them. Changes of one message go one after
   * another: a retry of the earlier one must not undo the later one.
   * @param may whether something may be sent to this conversation now
   */
  next (
    now: number, { user, limits }: Pick<HelloFrame, 'user' | 'limits'>, may: (conversation: string) => boolean
  ): Outgoing | undefined {
    const changing = new Set<string>()
    for (const entry of this.#entries.values()) {
      const frame = entry.outgoing
      const key = orderKey(frame)
      const isBehind = key !== undefined && changing.has(key)
      if (key !== undefined) changing.add(key)
      if (isBehind || !this.#isDue(entry, now, () => may(targetOf(frame, user)))) continue
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
  #isDue ({ sentAt }: Entry, now: number, may: () => boolean): boolean {
    if (sentAt !== undefined) return now - sentAt >= ANSWER_MS
    return this.#inFlight < this.#window && may()
  }

  /** Whether a frame with this clientId waits, and of which type. */
  typeOf (clientId: string): Outgoing['type'] | undefined {
    return this.#entries.get(clientId)?.outgoing.type
  }

  acknowledged (clientId: string, answer: Answer): void {
    const entry = this.#entries.get(clientId)
    if (entry === undefined) return
    this.#settle(entry)
    entry.resolve(answer)
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
