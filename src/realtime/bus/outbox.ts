import type { BusMessage, Topic } from './bus.js'

/** Replies of Redis that are awaited at most; then it is taken for away. */
const MAX_IN_FLIGHT = 20_000
const MAX_BYTES_IN_FLIGHT = 16 * 1_024 * 1_024
/** Redis is away when it owes a reply for so long, in milliseconds. */
const STUCK_MS = 2_000
/** Numbers and other messages that are kept while Redis is away; each takes about 200 bytes. */
const MAX_KEPT = 50_000
/** What is kept is announced in portions, so that Redis and the others are not flooded. */
const PORTION = 2_000

export interface OutboxOptions {
  /** Sends to a topic; rejects where Redis does not answer. */
  send: (topic: Topic, payload: string) => Promise<unknown>
  encode: (message: BusMessage) => string
  /** Whether the connection is there. */
  isConnected: () => boolean
  /** More was missed than is kept: the other processes have to compare everything. */
  onOverflow: () => void
}

/** Messages on their way to Redis. What it did not take is announced later: entries by their numbers. */
export class Outbox {
  readonly #options: OutboxOptions
  /** By topic and conversation, or by the text of the message. */
  readonly #kept = new Map<string, [topic: Topic, message: BusMessage]>()
  #overflown = false
  #inFlight = 0
  #bytes = 0
  #progressAt = 0
  #encoded: [message: BusMessage, payload: string] | undefined

  constructor (options: OutboxOptions) { this.#options = options }

  /** Messages that wait for a reply, or for Redis to come back. */
  get waiting (): number { return this.#inFlight + this.#kept.size }

  /** Milliseconds for which Redis has owed a reply. */
  get owedMs (): number { return this.#inFlight === 0 ? 0 : performance.now() - this.#progressAt }

  /** Whether Redis takes messages. */
  get isOpen (): boolean {
    return this.#options.isConnected() && this.#inFlight < MAX_IN_FLIGHT &&
      this.#bytes < MAX_BYTES_IN_FLIGHT && this.owedMs < STUCK_MS
  }

  publish (topic: Topic, message: BusMessage): void {
    if (this.isOpen) this.#send(topic, message)
    else this.#keep(topic, message)
  }

  /** Waits for a command that shows whether Redis answers. */
  async expect (command: () => Promise<unknown>): Promise<void> {
    await this.#track(0, command())
  }

  /** Announces what was kept, as far as Redis takes it. */
  flush (): void {
    if (!this.isOpen) return
    if (this.#overflown) {
      this.#overflown = false
      this.#options.onOverflow()
    }
    let left = PORTION
    for (const [key, [topic, message]] of this.#kept) {
      if (left-- === 0) break
      this.#kept.delete(key)
      this.#send(topic, message)
    }
  }

  #send (topic: Topic, message: BusMessage): void {
    const payload = this.#encode(message)
    this.#track(payload.length, this.#options.send(topic, payload))
      .catch(() => { this.#keep(topic, message) })
  }

  async #track (bytes: number, reply: Promise<unknown>): Promise<void> {
    if (this.#inFlight === 0) this.#progressAt = performance.now()
    this.#inFlight++
    this.#bytes += bytes
    try {
      await reply
      this.#progressAt = performance.now()
    } finally {
      this.#inFlight--
      this.#bytes -= bytes
    }
  }

  /** The members of a conversation get the same message one after the other. */
  #encode (message: BusMessage): string {
    if (this.#encoded?.[0] === message) return this.#encoded[1]
    const payload = this.#options.encode(message)
    this.#encoded = [message, payload]
    return payload
  }

  #keep (topic: Topic, message: BusMessage): void {
    if (message.type === 'notice' || message.type === 'presence' || message.type === 'sockets') return
    let key = `${topic} ${JSON.stringify(message.type === 'entry' ? message.conversation : message)}`
    let kept: BusMessage = message
    if (message.type === 'entry') {
      key = `${topic} ${message.conversation}`
      const { conversation, rev } = message
      const known = this.#kept.get(key)?.[1]
      kept = { type: 'entry', conversation, rev: Math.max(rev, known?.type === 'entry' ? known.rev : 0) }
    }
    if (this.#kept.size >= MAX_KEPT && !this.#kept.has(key)) {
      this.#overflown = true
      if (message.type === 'entry' || message.type === 'receipt') return
    }
    this.#kept.set(key, [topic, kept])
  }
}
