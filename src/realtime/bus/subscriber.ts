import type { RedisClient } from './redis-client.js'

/** Channels of one SUBSCRIBE. */
const BATCH = 500
/** A connection that is open but not ready after this time, in milliseconds, is made anew. */
const READY_MS = 10_000

export interface SubscriberOptions {
  connect: () => RedisClient
  /** Whether the server is a cluster: then channels belong to shards (SSUBSCRIBE). */
  sharded: boolean
  onMessage: (channel: string, payload: string) => void
  /** All channels are subscribed again, after a time without. */
  onRestored: () => void
  onError: (error: Error) => void
}

/** The connection that hears messages; it is made anew when it breaks, or when nobody trusts it. */
export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #channels = new Set<string>()
  #client: RedisClient
  #builtAt = 0
  #isFirst = true

  constructor (options: SubscriberOptions) {
    this.#options = options
    this.#client = this.#build()
  }

  /** @returns a promise that resolves when messages arrive; undefined where the connection is away */
  subscribe (channel: string): Promise<void> | undefined {
    this.#channels.add(channel)
    return this.#client.status === 'ready' ? this.#send([channel]) : undefined
  }

  unsubscribe (channel: string): void {
    this.#channels.delete(channel)
    if (this.#client.status !== 'ready') return
    const client = this.#client
    const sent = this.#options.sharded ? client.sunsubscribe(channel) : client.unsubscribe(channel)
    sent.catch(this.#options.onError)
  }

  /** Replaces the connection. */
  rebuild (): void {
    this.#client.disconnect()
    this.#client = this.#build()
  }

  /** Replaces a connection that hangs before it is ready. */
  check (): void {
    if (this.#client.status !== 'ready' && performance.now() - this.#builtAt > READY_MS) this.rebuild()
  }

  close (): void { this.#client.disconnect() }

  #build (): RedisClient {
    const { connect, sharded, onMessage, onError } = this.#options
    const client = connect()
    this.#builtAt = performance.now()
    client.on('error', onError)
    client.on(sharded ? 'smessage' : 'message', (channel: string, payload: string) => {
      if (client === this.#client) onMessage(channel, payload)
    })
    client.on('close', () => {
      this.#builtAt = performance.now()
    })
    client.on('ready', () => {
      if (client === this.#client) this.#restore(client).catch(onError)
    })
    return client
  }

  async #restore (client: RedisClient): Promise<void> {
    const channels = [...this.#channels]
    const size = this.#options.sharded ? 1 : BATCH
    const batches = Math.ceil(channels.length / size)
    await Promise.all(Array.from({ length: batches }, async (_, n) =>
      await this.#send(channels.slice(n * size, (n + 1) * size))))
    if (client !== this.#client) return
    if (this.#isFirst) this.#isFirst = false
    else this.#options.onRestored()
  }

  async #send (channels: string[]): Promise<void> {
    const client = this.#client
    if (this.#options.sharded) await client.ssubscribe(...channels)
    else await client.subscribe(...channels)
  }
}
