import type { ChatError } from './errors.js'
import type { ConversationState, Message, PresenceFrame, ReceiptFrame, TypingNotice } from 'chat-protocol'

/**
 * `idle`: not asked to connect yet · `connecting` · `online`: the server said hello · `waiting`: for the next attempt · `stopped`: the server ended it for good
 * (malformed frames, session ended, too many sockets): only `connect()` goes on · `closed`: by `close()`.
 */
export type State = 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped' | 'closed'

export interface StateChange {
  state: State
  /** of `waiting` and `stopped`: the closing code of the socket (RFC 6455, 7.4; the server's own are 4400 and above) */
  code?: number
  reason?: string
  /** of `waiting` */
  retryInMs?: number
}

/** What `on` listens to. */
export interface Events {
  /** Each message of all conversations, one's own included: once, and in the order of its conversation. */
  message: Message
  /** After each connect: all that was missed has been handed on. With the most recent conversations, 50 at most. */
  synced: ConversationState[]
  receipt: ReceiptFrame
  typing: TypingNotice
  presence: PresenceFrame
  state: StateChange
  /** What concerns no single `send`: a frame that the server refused, a page of history that could not be had (it is tried again). */
  error: ChatError
}

/** Listeners by event. One that throws does not disturb the others, nor the client: its error is reported like that of any event listener. */
export class Emitter {
  private readonly listeners: { [K in keyof Events]?: Set<(value: Events[K]) => void> } = {}

  on<K extends keyof Events> (type: K, listener: (value: Events[K]) => void): () => void {
    const own = (value: Events[K]) => listener(value)
    const all: Set<(value: Events[K]) => void> = this.listeners[type] ??= new Set<never>()
    all.add(own)
    return () => { all.delete(own) }
  }

  emit<K extends keyof Events> (type: K, value: Events[K]): void {
    for (const listener of [...this.listeners[type] ?? []]) {
      try {
        listener(value)
      } catch (error) {
        queueMicrotask(() => { throw error })
      }
    }
  }
}
