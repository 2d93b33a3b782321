import type { FromBroker, Question, ToBroker } from './broker-messages.js'
import type { Topic } from './bus.js'

/** Bytes on their way to a worker that does not read; what comes behind them is dropped. */
const MAX_BYTES_UNDER_WAY = 16 * 1_024 * 1_024
/** Bytes of a message besides its payload. */
const OVERHEAD_BYTES = 200

/** A worker as the broker knows it. */
export interface Member {
  /** Takes a message of the worker. */
  receive (message: ToBroker): void
  /** The worker is gone: nobody is online there any more. */
  leave (): void
}

interface Worker {
  send: (message: FromBroker) => Promise<void>
  topics: Set<Topic>
  users: Set<string>
  bytes: number
  /** whether messages were dropped */
  missed: boolean
}

/**
 * Passes messages between the workers of one machine, and knows which users have sockets in which of them. It
 * runs in the primary process. For a worker that does not read it keeps a bounded number of bytes; once the
 * worker reads again, it is told to compare with the database.
 */
export class Broker {
  readonly #subscribers = new Map<Topic, Set<Worker>>()
  readonly #online = new Map<string, Set<Worker>>()

  /** @param send resolves when the operating system took the message */
  join (send: (message: FromBroker) => Promise<void>): Member {
    const worker: Worker = { send, topics: new Set(), users: new Set(), bytes: 0, missed: false }
    return {
      receive: message => this.#receive(worker, message),
      leave: () => this.#leave(worker)
    }
  }

  #receive (worker: Worker, message: ToBroker): void {
    if (message.type === 'publish') this.#publish(worker, message.topic, message.payload)
    else if (message.type === 'unsubscribe') this.#unsubscribe(worker, message.topic)
    else {
      const users = this.#answer(worker, message.question)
      // A worker that is gone needs no answer.
      worker.send({ type: 'answer', id: message.id, users }).catch(() => {})
    }
  }

  #publish (from: Worker, topic: Topic, payload: string): void {
    for (const worker of this.#subscribers.get(topic) ?? []) {
      if (worker !== from) this.#pass(worker, { type: 'message', topic, payload })
    }
  }

  #pass (worker: Worker, message: Extract<FromBroker, { type: 'message' }>): void {
    const bytes = message.payload.length + OVERHEAD_BYTES
    if (worker.bytes + bytes > MAX_BYTES_UNDER_WAY) {
      worker.missed = true
      return
    }
    worker.bytes += bytes
    worker.send(message).catch(() => {}).finally(() => {
      worker.bytes -= bytes
      if (worker.bytes > 0 || !worker.missed) return
      worker.missed = false
      worker.send({ type: 'doubt' }).catch(() => {})
    })
  }

  #answer (worker: Worker, question: Question): string[] {
    switch (question.type) {
      case 'subscribe':
        worker.topics.add(question.topic)
        add(this.#subscribers, question.topic, worker)
        return []
      case 'enter':
        for (const user of question.users) {
          worker.users.add(user)
          add(this.#online, user, worker)
        }
        return question.users.filter(user => this.#online.get(user)!.size > 1)
      case 'leave':
        worker.users.delete(question.user)
        remove(this.#online, question.user, worker)
        return this.#online.has(question.user) ? [question.user] : []
      case 'online':
        return question.users.filter(user => this.#online.has(user))
    }
  }

  #unsubscribe (worker: Worker, topic: Topic): void {
    worker.topics.delete(topic)
    remove(this.#subscribers, topic, worker)
  }

  #leave (worker: Worker): void {
    for (const topic of worker.topics) remove(this.#subscribers, topic, worker)
    for (const user of worker.users) remove(this.#online, user, worker)
  }
}

function add<K, V> (sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

function remove<K, V> (sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  if (set?.delete(value) === true && set.size === 0) sets.delete(key)
}
