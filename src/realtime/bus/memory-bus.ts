import type { Bus, BusListener, BusMessage, BusMessageType, Topic } from './bus.js'

/**
 * The bus of a process that has no others to talk to: a message is delivered in the turn of its publication.
 */
export class MemoryBus implements Bus {
  readonly alone: boolean
  readonly state = 'well'
  readonly waiting = 0
  readonly registry = undefined
  readonly #topics = new Set<Topic>()
  readonly #listeners = new Map<BusMessageType, ((message: BusMessage, topic: Topic) => void)[]>()

  /** @param alone whether no other process writes to the database */
  constructor (alone: boolean) { this.alone = alone }

  publish (topic: Topic, message: BusMessage): void {
    if (!this.#topics.has(topic)) return
    for (const listener of this.#listeners.get(message.type) ?? []) listener(message, topic)
  }

  subscribe (topic: Topic): undefined { this.#topics.add(topic) }

  unsubscribe (topic: Topic): void { this.#topics.delete(topic) }

  onMessage<T extends BusMessageType> (type: T, listener: BusListener<T>): void {
    const listeners = this.#listeners.get(type) ?? []
    // A listener gets only messages of its type: `publish` looks it up by the type of the message.
    listeners.push(listener as (message: BusMessage, topic: Topic) => void)
    this.#listeners.set(type, listeners)
  }

  /** Nothing gets lost within a process, so the listener is never called. */
  onDoubt (_listener: () => void): void {}

  close (): void {}
}
