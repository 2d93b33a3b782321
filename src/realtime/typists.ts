import type { Connection } from './connection.js'

/**
 * Conversations one socket types in at a time: a person types in one, and an entry lasts some seconds. For a
 * user it is as many times more as there are sockets.
 */
const MAX_TYPING = 10

/** Tells the others in a conversation that a user types, or stopped. */
export type TellTyping = (conversation: string, typist: string, on: boolean, exceptSocket: string) => void

/** Who types where. An entry ends by itself, when it is not repeated in time, and with its socket. */
export class Typists {
  readonly #lastsMs: number
  readonly #tell: TellTyping
  /** Per socket: conversation -> the timer that ends it, in the order in which they began. */
  readonly #bySocket = new Map<Connection, Map<string, NodeJS.Timeout>>()
  #count = 0

  constructor (lastsMs: number, tell: TellTyping) {
    this.#lastsMs = lastsMs
    this.#tell = tell
  }

  /** Entries of all sockets. */
  get size (): number { return this.#count }

  /** The socket's user types, or still does. Above MAX_TYPING conversations the first one ends. */
  start (connection: Connection, conversation: string): void {
    // It may have closed while the members were looked up: nothing would end the entry with it.
    if (connection.closed) return
    const timers = this.#bySocket.get(connection) ?? new Map<string, NodeJS.Timeout>()
    const known = timers.get(conversation)
    if (known !== undefined) {
      clearTimeout(known)
    } else {
      const [first] = timers.keys()
      if (first !== undefined && timers.size >= MAX_TYPING) this.stop(connection, first)
      this.#count++
    }
    timers.set(conversation, setTimeout(() => this.stop(connection, conversation), this.#lastsMs))
    this.#bySocket.set(connection, timers)
    this.#tell(conversation, connection.user, true, connection.id)
  }

  /** The socket's user stopped; nothing happens where it did not type. */
  stop (connection: Connection, conversation: string): void {
    const timers = this.#bySocket.get(connection)
    const timer = timers?.get(conversation)
    if (timers === undefined || timer === undefined) return
    clearTimeout(timer)
    timers.delete(conversation)
    if (timers.size === 0) this.#bySocket.delete(connection)
    this.#count--
    this.#tell(conversation, connection.user, false, connection.id)
  }

  /** The socket is gone. */
  stopAll (connection: Connection): void {
    const conversations = this.#bySocket.get(connection)?.keys() ?? []
    for (const conversation of conversations) this.stop(connection, conversation)
  }

  /** The server shuts down. */
  clear (): void {
    for (const connection of this.#bySocket.keys()) this.stopAll(connection)
  }
}
