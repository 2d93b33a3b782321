import type { Connection } from './connection.js'

/** What is held in memory for sockets. */
export interface SocketGauges {
  sockets: number
  users: number
  cursors: number
  awaitedAcks: number
  queuedBytes: number
}

/** The open sockets of this process, by user. */
export class Sockets {
  readonly #byUser = new Map<string, Set<Connection>>()
  #count = 0

  get count (): number { return this.#count }

  get users (): string[] { return [...this.#byUser.keys()] }

  /** Adds a socket; gives all sockets of its user, the oldest first. */
  add (connection: Connection): ReadonlySet<Connection> {
    const connections = this.#byUser.get(connection.user) ?? new Set()
    this.#byUser.set(connection.user, connections.add(connection))
    this.#count++
    return connections
  }

  /** Removes a socket; gives what its user still has. */
  remove (connection: Connection): ReadonlySet<Connection> {
    const connections = this.#byUser.get(connection.user)!
    connections.delete(connection)
    this.#count--
    if (connections.size === 0) this.#byUser.delete(connection.user)
    return connections
  }

  of (user: string): ReadonlySet<Connection> | undefined { return this.#byUser.get(user) }

  /** The sockets of these users. */
  * ofAll (users: readonly string[]): Iterable<Connection> {
    for (const user of users) yield * this.#byUser.get(user) ?? []
  }

  * all (): Iterable<Connection> {
    for (const connections of this.#byUser.values()) yield * connections
  }

  gauges (): SocketGauges {
    const sum = { sockets: this.#count, users: this.#byUser.size, cursors: 0, awaitedAcks: 0, queuedBytes: 0 }
    for (const connection of this.all()) {
      sum.cursors += connection.cursors.size
      sum.awaitedAcks += connection.awaiting
      sum.queuedBytes += connection.ws.bufferedAmount
    }
    return sum
  }
}
