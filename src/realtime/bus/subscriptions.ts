import { setTimeout as delay } from 'node:timers/promises'
import type { Topic } from './bus.js'
import { MemoryBus } from './memory-bus.js'

/** A subscription is waited for at most so long; what is missed meanwhile, a doubt or a heartbeat brings. */
const SUBSCRIBE_MS = 1_000

/** What this process subscribed to, here at once and elsewhere after a while. */
export class Subscriptions {
  /** Delivers in this process. */
  readonly local = new MemoryBus(false)
  readonly #topics = new Map<Topic, Promise<void> | undefined>()

  /**
   * Subscribes to a topic; does nothing where that was done.
   * @param send subscribes elsewhere; returns undefined where nobody should wait for it
   * @returns a promise that resolves when messages from elsewhere arrive
   */
  add (topic: Topic, send: () => Promise<unknown> | undefined): Promise<void> | undefined {
    if (this.#topics.has(topic)) return this.#topics.get(topic)
    this.local.subscribe(topic)
    const sent = send()
    const subscribed = sent && Promise.race([sent.catch(() => {}), delay(SUBSCRIBE_MS)]).then(() => {
      if (this.#topics.get(topic) === subscribed) this.#topics.set(topic, undefined)
    })
    this.#topics.set(topic, subscribed)
    return subscribed
  }

  /** @returns whether the topic was subscribed */
  remove (topic: Topic): boolean {
    if (!this.#topics.delete(topic)) return false
    this.local.unsubscribe(topic)
    return true
  }
}
