import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import type { BaseLogger } from 'pino'
import type { Bus, BusListener, BusMessage, BusMessageType, BusState, Topic } from './bus.js'
import { Doubts } from './doubts.js'
import { Outbox } from './outbox.js'
import { connectRedis, type RedisClient } from './redis-client.js'
import { RedisRegistry } from './redis-registry.js'
import { Subscriber } from './subscriber.js'
import { Subscriptions } from './subscriptions.js'
import { decode, encode } from './wire.js'

/** Milliseconds between two messages that this process sends to itself, and after which one is missing. */
const NONCE_MS = 5_000
const UNSEEN_MS = 10_000
const TICK_MS = 250
/** A connection that owes a reply for so long is made anew. */
const HANGS_MS = 5_000
/** The start fails after this time. */
const START_MS = 5_000

export interface RedisBusOptions {
  url: string
  /** begins every key and channel */
  prefix: string
  log: Pick<BaseLogger, 'warn' | 'info'>
}

/**
 * The bus of several processes, on Redis pub/sub. Sockets of this process are told in the turn of the
 * publication, with Redis or without; Redis tells the other processes.
 */
export class RedisBus implements Bus {
  readonly alone = false
  readonly registry: RedisRegistry
  /** The connection for commands. */
  readonly client: RedisClient
  readonly #id = randomUUID()
  readonly #prefix: string
  readonly #log: RedisBusOptions['log']
  readonly #subscriptions = new Subscriptions()
  readonly #local = this.#subscriptions.local
  readonly #doubts = new Doubts()
  readonly #sharded: boolean
  readonly #subscriber: Subscriber
  readonly #outbox: Outbox
  #ticking: NodeJS.Timeout | undefined
  #state: BusState = 'well'
  #nonceAt = 0
  #seenAt = 0
  #hangsAt = 0
  #lastError = 'no answer'

  constructor ({ url, prefix, log }: RedisBusOptions) {
    this.#prefix = prefix
    this.#log = log
    this.client = connectRedis(url)
    this.#sharded = this.client instanceof Cluster
    this.registry = new RedisRegistry(this.client, prefix, this.#id)
    const onError = (error: Error) => {
      this.#lastError = error.message === '' ? String(error) : error.message
    }
    this.client.on('error', onError)
    this.#subscriber = new Subscriber({
      connect: () => connectRedis(url),
      sharded: this.#sharded,
      onMessage: (channel, payload) => this.#receive(channel, payload),
      onRestored: () => this.#restored(),
      onError
    })
    this.#outbox = new Outbox({
      send: (topic, payload) => this.#send(topic, payload),
      encode: message => encode(this.#id, message),
      isConnected: () => this.client.status === 'ready',
      onOverflow: () => { this.#send('accounts', encode(this.#id, { type: 'doubt' })).catch(onError) }
    })
    this.#local.onMessage('doubt', () => this.#doubts.raise())
  }

  /**
   * Resolves when messages can be sent and heard.
   * @throws where Redis does not answer in time
   */
  async start (): Promise<void> {
    const until = performance.now() + START_MS
    while (this.#seenAt === 0) {
      if (performance.now() > until) {
        this.close()
        throw new Error(`Redis (REDIS_URL) cannot be used: ${this.#lastError}`)
      }
      await this.#tryNonce()
      await delay(10)
    }
    this.#nonceAt = performance.now()
    this.#ticking = setInterval(() => this.#tick(), TICK_MS)
  }

  get state (): BusState { return this.#state }

  get waiting (): number { return this.#outbox.waiting }

  publish (topic: Topic, message: BusMessage): void {
    this.#local.publish(topic, message)
    this.#outbox.publish(topic, message)
  }

  subscribe (topic: Topic): Promise<void> | undefined {
    return this.#subscriptions.add(topic, () => this.#subscriber.subscribe(this.#prefix + topic))
  }

  unsubscribe (topic: Topic): void {
    if (this.#subscriptions.remove(topic)) this.#subscriber.unsubscribe(this.#prefix + topic)
  }

  onMessage<T extends BusMessageType> (type: T, listener: BusListener<T>): void {
    this.#local.onMessage(type, listener)
  }

  onDoubt (listener: () => void): void { this.#doubts.onDoubt(listener) }

  close (): void {
    clearInterval(this.#ticking)
    this.#doubts.close()
    this.#subscriber.close()
    this.client.disconnect()
  }

  async #send (topic: Topic | `self:${string}`, payload: string): Promise<unknown> {
    const channel = this.#prefix + topic
    if (this.#sharded) return await this.client.spublish(channel, payload)
    return await this.client.publish(channel, payload)
  }

  #receive (channel: string, payload: string): void {
    const topic = channel.slice(this.#prefix.length)
    if (topic === `self:${this.#id}`) {
      this.#seenAt = performance.now()
      return
    }
    try {
      const { origin, message } = decode(payload)
      if (origin !== this.#id) this.#local.publish(topic as Topic, message)
    } catch (error) {
      this.#log.warn({ err: error }, 'a message on the bus cannot be read')
    }
  }

  async #tryNonce (): Promise<void> {
    const topic = `self:${this.#id}` as const
    if (this.#seenAt === 0) await this.#subscriber.subscribe(this.#prefix + topic)?.catch(() => {})
    if (this.client.status !== 'ready') return
    await this.#outbox.expect(async () => await this.#send(topic, '')).catch(() => {})
  }

  #tick (): void {
    const now = performance.now()
    this.#reconnectWhereItHangs(now)
    this.#subscriber.check()
    if (now - this.#nonceAt >= NONCE_MS && this.#outbox.owedMs === 0) this.#sendNonce(now)
    this.#outbox.flush()
    const wedged = now - this.#seenAt >= UNSEEN_MS
    if (!this.#outbox.isOpen) this.#become('away')
    else if (this.#state === 'away') this.#comeBack(now)
    else if (!wedged) this.#become('well')
    else if (this.#state === 'well' || now - this.#hangsAt >= NONCE_MS) this.#rebuild(now)
  }

  #sendNonce (now: number): void {
    this.#nonceAt = now
    this.#tryNonce().catch(() => {})
  }

  #reconnectWhereItHangs (now: number): void {
    const { status } = this.client
    if (status === 'ready' ? this.#outbox.owedMs < HANGS_MS : status !== 'connect') return
    if (now - this.#hangsAt < HANGS_MS) return
    this.#hangsAt = now
    this.client.disconnect(true)
  }

  /** Redis answers again: the messages of others may have been lost, and the nonce gets its time anew. */
  #comeBack (now: number): void {
    this.#seenAt = now
    this.#sendNonce(now)
    this.#become('well')
    this.registry.distrust()
    this.#doubts.raise()
  }

  #rebuild (now: number): void {
    this.#become('wedged')
    this.#hangsAt = now
    this.#subscriber.rebuild()
    this.#doubts.raise()
  }

  /** The nonce goes out only now: one that was sent before the channels were subscribed is never seen. */
  #restored (): void {
    this.#sendNonce(performance.now())
    this.#doubts.raise()
  }

  #become (state: BusState): void {
    const before = this.#state
    if (before === state) return
    this.#state = state
    if (state === 'well') this.#log.info('Redis: messages of other processes arrive again')
    else if (state === 'away') this.#log.warn({ problem: this.#lastError }, 'Redis does not answer')
    else this.#log.warn('Redis answers, but messages of other processes do not arrive: will subscribe again')
    if (before === 'wedged' && state === 'well') this.#doubts.raise()
  }
}
