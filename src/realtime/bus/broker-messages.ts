/** What a worker and the broker in the primary process say to each other over Node's IPC. */
import type { Topic } from './bus.js'

/** What a worker asks; each is answered with some users, for most with none. */
export type Question =
  | { type: 'subscribe', topic: Topic }
  /** This worker has sockets of these users; answered with those who have sockets in other workers too. */
  | { type: 'enter', users: string[] }
  /** It has none any more; answered with the user where another worker has one. */
  | { type: 'leave', user: string }
  /** Answered with those who have a socket in any worker. */
  | { type: 'online', users: string[] }

export type ToBroker =
  | { type: 'publish', topic: Topic, payload: string }
  | { type: 'unsubscribe', topic: Topic }
  | { type: 'ask', id: number, question: Question }

export type FromBroker =
  | { type: 'message', topic: Topic, payload: string }
  | { type: 'answer', id: number, users: string[] }
  /** Messages for this worker were dropped. */
  | { type: 'doubt' }

/** The way to the broker; `send` resolves when the operating system took the message. */
export interface BrokerPort {
  send (message: ToBroker): Promise<void>
  onMessage (listener: (message: FromBroker) => void): void
}
