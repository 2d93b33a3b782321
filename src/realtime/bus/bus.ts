/**
 * The messages between processes. A message may get lost, and none is needed for correctness: the log
 * in the database is the truth, and the bus only says where to look.
 */
import type { FramedEntry } from '../framed-entry.js'
import type { Receipt } from '../../chat/receipts.js'
import type { PresenceFrame, ServerFrame } from 'chat-protocol'
import type { Registry } from './registry.js'

/**
 * Who needs to hear a message: the sockets of a user, those who watch the presence of a user, or every
 * process.
 */
export type Topic = `user:${string}` | `presence:${string}` | 'accounts'

/** A new entry of a log. */
export interface EntryMessage {
  type: 'entry'
  conversation: string
  rev: number
  /** The entry, where it is published the first time and in its order; without it the log has to be read. */
  entry?: FramedEntry
  /** Whether another process stored it: it may be older than a socket that opens now. */
  elsewhere?: true
}

/** The marks of a member changed. */
export interface ReceiptMessage {
  type: 'receipt'
  receipt: Receipt
}

/** A frame for the sockets of the user of the topic. It may get lost, and is never sent late. */
export interface NoticeMessage {
  type: 'notice'
  frame: ServerFrame
  /** the socket that does not get it */
  exceptSocket: string
}

/** A user came or left. */
export interface PresenceMessage {
  type: 'presence'
  frame: PresenceFrame
}

/** A session of the user of the topic ended. */
export interface SessionEndedMessage {
  type: 'session-ended'
  session: string
}

/** An account was deleted. */
export interface AccountDeletedMessage {
  type: 'account-deleted'
  user: string
}

/** A user blocked another one, or does not any more. */
export interface BlockMessage {
  type: 'block'
  blocker: string
  blocked: string
}

/** The sockets of the user of the topic that a process has, with the times when they were opened. */
export interface SocketsMessage {
  type: 'sockets'
  process: string
  sockets: [id: string, openedAt: number][]
  /** whether the others should say theirs */
  asks: boolean
}

/** More messages were lost than could be announced: compare everything. */
export interface DoubtMessage {
  type: 'doubt'
}

export type BusMessage =
  | EntryMessage
  | ReceiptMessage
  | NoticeMessage
  | PresenceMessage
  | SessionEndedMessage
  | AccountDeletedMessage
  | BlockMessage
  | SocketsMessage
  | DoubtMessage

export type BusMessageType = BusMessage['type']

export type BusListener<T extends BusMessageType> =
  (message: Extract<BusMessage, { type: T }>, topic: Topic) => void

/**
 * `away`: the server of the bus does not answer; `wedged`: it answers, but messages do not arrive in this
 * process.
 */
export type BusState = 'well' | 'away' | 'wedged'

export interface Bus {
  /**
   * Whether no other process writes to the database: then everything that is stored is published here, in its
   * order.
   */
  readonly alone: boolean
  readonly state: BusState
  /** Messages that have not reached the other processes yet. */
  readonly waiting: number
  /** Which users have sockets in which process; undefined where there are no other processes to ask. */
  readonly registry: Registry | undefined
  /** Delivers a message to every process that subscribed to the topic, including this one. */
  publish (topic: Topic, message: BusMessage): void
  /**
   * Subscribes this process to a topic; does nothing where it is subscribed.
   * @returns a promise where the subscription takes time: it resolves when messages arrive
   */
  subscribe (topic: Topic): Promise<void> | undefined
  unsubscribe (topic: Topic): void
  /** Registers a listener for one type of messages, of all topics that are subscribed. */
  onMessage<T extends BusMessageType> (type: T, listener: BusListener<T>): void
  /** Registers a listener for the case that messages may have been lost: compare with the database now. */
  onDoubt (listener: () => void): void
  /** Leaves the other processes. */
  close (): void
}

/** The topic of what concerns the sockets of a user. */
export const userTopic = (user: string): Topic => `user:${user}`

/** The topic of a user's presence. */
export const presenceTopic = (user: string): Topic => `presence:${user}`

/** The user that a topic of `userTopic` names. */
export const userOf = (topic: Topic): string => topic.slice('user:'.length)
