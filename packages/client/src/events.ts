import type { ChatError } from './errors.js'
import type {
  ChangeFrame, ConversationState, Message, PresenceFrame, ReceiptFrame, TypingNotice
} from 'chat-protocol'

/**
 * - `idle`: before `connect()`
 * - `connecting`
 * - `online`: since the server's hello
 * - `waiting`: until the next attempt
 * - `stopped`: the server closed with a final code (malformed frames, session ended, too many sockets); only
 *   `connect()` tries again
 * - `closed`: by `close()`
 */
export type State = 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped' | 'closed'

export interface StateChange {
  state: State
  /**
   * of `waiting` and `stopped`: the closing code of the socket (RFC 6455, 7.4; those from 4400 on are the
   * server's own)
   */
  code?: number
  reason?: string
  /** of `waiting` */
  retryInMs?: number
}

/** The events and their values. */
export interface Events {
  /**
   * Each message of all conversations, including the user's own: once, and in the order of its conversation.
   */
  message: Message
  /** Each edit, delete, reaction and change of a group: once, and in order with the messages. */
  change: ChangeFrame
  /** The user is not a member of this group any more. */
  left: { conversation: string }
  /**
   * After each connect, when all missed messages have been delivered. With up to 50 of the most recent
   * conversations.
   */
  synced: ConversationState[]
  receipt: ReceiptFrame
  typing: TypingNotice
  presence: PresenceFrame
  state: StateChange
  /**
   * An error that belongs to no `send`: a refused frame, or a page of history that could not be fetched (the
   * client tries again).
   */
  error: ChatError
}

/**
 * Calls listeners. If one throws, the others are still called, and its error is reported as that of any event
 * listener.
 */
export class Emitter {
  readonly #listeners: { [K in keyof Events]?: Set<(value: Events[K]) => void> } = {}

  on<K extends keyof Events> (type: K, listener: (value: Events[K]) => void): () => void {
    const own = (value: Events[K]) => listener(value)
    const all: Set<(value: Events[K]) => void> = this.#listeners[type] ??= new Set<never>()
    all.add(own)
    return () => {
      all.delete(own)
    }
  }

  emit<K extends keyof Events> (type: K, value: Events[K]): void {
    for (const listener of [...this.#listeners[type] ?? []]) {
      try {
        listener(value)
      } catch (error) {
        queueMicrotask(() => rethrow(error))
      }
    }
  }
}

function rethrow (error: unknown): never {
  throw error
}
