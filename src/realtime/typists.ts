import type { Connection } from './connection.js'

/**
 * People one socket types to at a time: a person types to one, and an entry lasts some seconds. For a user it
 * is as many times more as there are sockets.
 */
const MAX_TYPING = 10

/** Tells a user that another one types, or stopped, except on the socket that said so. */
export type TellTyping = (receiver: string, typist: string, on: boolean, exceptSocket: string) => void

/** Who types to whom. An entry ends by itself, when it is not repeated in time, and with its socket. */
export class Typists {
  readonly #lastsMs: number
  readonly #tell: TellTyping
  /** Per socket: receiver -> the timer that ends it, in the order in which they began. */
  readonly #bySocket = new Map<Connection, Map<string, NodeJS.Timeout>>()
  #count = 0

  constructor (lastsMs: number, tell: TellTyping) {
    this.#lastsMs = lastsMs
    this.#tell = tell
  }

  /** Entries of all sockets. */
  get size (): number { return this.#count }

  /** The socket's user types to a receiver, or still does. Above MAX_TYPING receivers the first one ends. */
  start (connection: Connection, receiver: string): void {
    // It may have closed while the receiver was looked up: nothing would end the entry with it.
    if (connection.closed) return
    const timers = this.#bySocket.get(connection) ?? new Map<string, NodeJS.Timeout>()
    const known = timers.get(receiver)
    if (known !== undefined) {
      clearTimeout(known)
    } else {
      const [first] = timers.keys()
      if (first !== undefined && timers.size >= MAX_TYPING) this.stop(connection, first)
      this.#count++
    }
    timers.set(receiver, setTimeout(() => this.stop(connection, receiver), this.#lastsMs))
    this.#bySocket.set(connection, timers)
    this.#tell(receiver, connection.user, true, connection.id)
  }

  /** The socket's user stopped; nothing happens where it did not type. */
  stop (connection: Connection, receiver: string): void {
    const timers = this.#bySocket.get(connection)
    const timer = timers?.get(receiver)
    if (timers === undefined || timer === undefined) return
    clearTimeout(timer)
    timers.delete(receiver)
    if (timers.size === 0) this.#bySocket.delete(connection)
    this.#count--
    this.#tell(receiver, connection.user, false, connection.id)
  }

  /** The socket is gone. */
  stopAll (connection: Connection): void {
    for (const receiver of this.#bySocket.get(connection)?.keys() ?? []) this.stop(connection, receiver)
  }

  /** The server shuts down. */
  clear (): void {
    for (const connection of this.#bySocket.keys()) this.stopAll(connection)
  }
}
