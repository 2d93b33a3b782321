/** Messages on their way out: queued, sent, sent again with the same clientId until an answer settles each of them once. */
import { ChatError, isRetryable } from './errors.js'
import type { ErrorFrame, HelloFrame, Message, SendFrame } from 'chat-protocol'

/** No answer in this time on a socket that lives: the answer is lost, the message is sent again. */
const ANSWER_MS = 30_000
/** After `internal` another try may help; a message that fails so often fails because of itself. */
const INTERNAL_TRIES = 5

export type Outgoing = Omit<SendFrame, 'type'>

interface Entry {
  outgoing: Outgoing
  promise: Promise<Message>
  resolve: (message: Message) => void
  reject: (error: ChatError) => void
  /** when it was put on the present socket */
  sentAt: number | undefined
  failures: number
}

export class Outbox {
  /** in the order of the calls */
  private readonly entries = new Map<string, Entry>()
  private inFlight = 0

  /**
   * @param capacity messages that may wait for their answers
   * @param window of these, how many may be on the socket at once. It stays under the burst that the server allows, so that even a network that holds
   *   frames back and then delivers them all at once causes no `rate_limited`.
   */
  constructor (private readonly capacity: number, private readonly window: number) {}

  get size (): number { return this.entries.size }

  pending (): Outgoing[] { return [...this.entries.values()].map(({ outgoing }) => ({ ...outgoing })) }

  /** Queues a message; the promise settles with its answer. One that waits already is not queued twice. */
  add (outgoing: Outgoing): Promise<Message> {
    const { clientId } = outgoing
    const waiting = this.entries.get(clientId)
    if (waiting !== undefined) {
      if (waiting.outgoing.reciver === outgoing.reciver && waiting.outgoing.message === outgoing.message) return waiting.promise
      return Promise.reject(new ChatError('conflict', 'clientId: another message with it is on its way', { path: 'clientId', clientId }))
    }
    if (this.entries.size >= this.capacity) return Promise.reject(new ChatError('queue_full', `${this.capacity} messages wait already`, { clientId }))
    const { promise, resolve, reject } = withResolvers<Message>()
    this.entries.set(clientId, { outgoing, promise, resolve, reject, sentAt: undefined, failures: 0 })
    return promise
  }

  /** The next frame to put on the socket, or undefined. Messages that the server's limits exclude are rejected on the way: it would end the socket for some. */
  next (now: number, limits: HelloFrame['limits'], may: (reciver: string) => boolean): SendFrame | undefined {
    for (const entry of this.entries.values()) {
      const late = entry.sentAt !== undefined && now - entry.sentAt >= ANSWER_MS
      if (entry.sentAt !== undefined ? !late : this.inFlight >= this.window || !may(entry.outgoing.reciver)) continue
      const frame: SendFrame = { type: 'send', ...entry.outgoing }
      const problem = excess(frame, limits)
      if (problem !== undefined) {
        this.settle(entry)
        entry.reject(new ChatError('invalid', problem, { path: 'message', clientId: frame.clientId }))
        continue
      }
      if (!late) this.inFlight++
      entry.sentAt = now
      return frame
    }
    return undefined
  }

  acknowledged (clientId: string, message: Message): void {
    const entry = this.entries.get(clientId)
    if (entry === undefined) return
    this.settle(entry)
    entry.resolve(message)
  }

  /** The server refused a message: rejects it, or has it sent again, before those that were not sent yet. */
  refused (frame: ErrorFrame): void {
    const entry = this.entries.get(frame.clientId ?? '')
    if (entry === undefined) return
    if (frame.code === 'internal') entry.failures++
    if (!isRetryable(frame.code) || entry.failures >= INTERNAL_TRIES) {
      this.settle(entry)
      entry.reject(new ChatError(frame.code, frame.message, frame))
      return
    }
    if (entry.sentAt !== undefined) this.inFlight--
    entry.sentAt = undefined
  }

  /** The socket is gone: what was on it may or may not have been stored. All of it will be sent again, in the old order. */
  requeue (): void {
    for (const entry of this.entries.values()) entry.sentAt = undefined
    this.inFlight = 0
  }

  rejectAll (error: ChatError): void {
    for (const entry of this.entries.values()) entry.reject(new ChatError(error.code, error.message, { clientId: entry.outgoing.clientId }))
    this.entries.clear()
    this.inFlight = 0
  }

  /** When `next` may have something again although nothing else happens; Infinity: never. */
  wakeAt (): number {
    let at = Infinity
    let found = 0
    for (const { sentAt } of this.entries.values()) {
      if (found === this.inFlight) break
      if (sentAt === undefined) continue
      at = Math.min(at, sentAt + ANSWER_MS)
      found++
    }
    return at
  }

  private settle (entry: Entry): void {
    if (entry.sentAt !== undefined) this.inFlight--
    this.entries.delete(entry.outgoing.clientId)
  }
}

/** What the server's limits have against a frame, or undefined. */
function excess (frame: SendFrame, { messageChars, frameBytes }: HelloFrame['limits']): string | undefined {
  if (frame.message.length > messageChars && [...frame.message].length > messageChars) return `message: more than ${messageChars} code points`
  const json = JSON.stringify(frame)
  // a UTF-16 unit is at most three bytes of UTF-8
  if (json.length * 3 > frameBytes && new TextEncoder().encode(json).length > frameBytes) return `message: its frame has more than ${frameBytes} bytes`
  return undefined
}

/** Promise.withResolvers is newer than Node 20 and than many browsers in use. */
function withResolvers<T> () {
  let resolve!: (value: T) => void
  let reject!: (reason: Error) => void
  const promise = new Promise<T>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
  return { promise, resolve, reject }
}
