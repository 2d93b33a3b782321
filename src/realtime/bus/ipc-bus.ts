import { randomUUID } from 'node:crypto'
import type { BaseLogger } from 'pino'
import { Questions } from '../../concurrency/questions.js'
import type { BrokerPort, FromBroker, Question } from './broker-messages.js'
import type { Bus, BusListener, BusMessage, BusMessageType, BusState, Topic } from './bus.js'
import { Doubts } from './doubts.js'
import { Outbox } from './outbox.js'
import type { Registry } from './registry.js'
import { Subscriptions } from './subscriptions.js'
import { decode, encode } from './wire.js'

/** Milliseconds between two attempts to announce what the primary process did not take. */
const TICK_MS = 250

/** The bus of a worker, through the broker in the primary process (src/realtime/bus/broker.ts). */
export class IpcBus implements Bus {
  readonly alone = false
  readonly registry: Registry
  readonly #port: BrokerPort
  readonly #log: Pick<BaseLogger, 'warn'>
  readonly #id = randomUUID()
  readonly #subscriptions = new Subscriptions()
  readonly #local = this.#subscriptions.local
  readonly #doubts = new Doubts()
  readonly #questions = new Questions<string[]>()
  readonly #outbox: Outbox
  readonly #ticking: NodeJS.Timeout

  constructor (port: BrokerPort, log: Pick<BaseLogger, 'warn'>) {
    this.#port = port
    this.#log = log
    port.onMessage(message => this.#receive(message))
    this.#outbox = new Outbox({
      send: async (topic, payload) => await port.send({ type: 'publish', topic, payload }),
      encode: message => encode(this.#id, message),
      isConnected: () => true,
      onOverflow: () => {
        const payload = encode(this.#id, { type: 'doubt' })
        port.send({ type: 'publish', topic: 'accounts', payload }).catch(() => {})
      }
    })
    this.#local.onMessage('doubt', () => this.#doubts.raise())
    this.#ticking = setInterval(() => this.#outbox.flush(), TICK_MS)
    this.registry = {
      enter: async users => new Set(await this.#ask({ type: 'enter', users })),
      leave: async user => (await this.#ask({ type: 'leave', user })).length > 0,
      online: async users => new Set(await this.#ask({ type: 'online', users }))
    }
  }

  get state (): BusState { return this.#outbox.isOpen ? 'well' : 'away' }

  get waiting (): number { return this.#outbox.waiting }

  publish (topic: Topic, message: BusMessage): void {
    this.#local.publish(topic, message)
    this.#outbox.publish(topic, message)
  }

  subscribe (topic: Topic): Promise<void> | undefined {
    return this.#subscriptions.add(topic, () => this.#ask({ type: 'subscribe', topic }))
  }

  unsubscribe (topic: Topic): void {
    if (this.#subscriptions.remove(topic)) this.#port.send({ type: 'unsubscribe', topic }).catch(() => {})
  }

  onMessage<T extends BusMessageType> (type: T, listener: BusListener<T>): void {
    this.#local.onMessage(type, listener)
  }

  onDoubt (listener: () => void): void { this.#doubts.onDoubt(listener) }

  close (): void {
    clearInterval(this.#ticking)
    this.#doubts.close()
  }

  #receive (message: FromBroker): void {
    if (message.type === 'doubt') this.#doubts.raise()
    else if (message.type === 'answer') this.#questions.answer(message.id, message.users)
    else this.#hear(message.topic, message.payload)
  }

  #hear (topic: Topic, payload: string): void {
    try {
      this.#local.publish(topic, decode(payload).message)
    } catch (error) {
      this.#log.warn({ err: error }, 'a message on the bus cannot be read')
    }
  }

  async #ask (question: Question): Promise<string[]> {
    return await this.#questions.ask(async id => await this.#port.send({ type: 'ask', id, question }))
  }
}
