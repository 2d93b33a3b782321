import { randomUUID } from 'node:crypto'
import { userOf, userTopic, type Bus, type SocketsMessage } from './bus/bus.js'
import type { Connection } from './connection.js'
import type { Sockets } from './sockets.js'

/** What another process said counts for this time, in milliseconds: it may have been killed. */
const TTL_MS = 60_000

interface Said {
  sockets: SocketsMessage['sockets']
  at: number
}

/**
 * The sockets that users of this process have in others, so that MAX_SOCKETS_PER_USER counts over all. A
 * process tells those that share a user with it whenever a socket opens.
 */
export class SocketsElsewhere {
  readonly #bus: Bus
  readonly #sockets: Sockets
  readonly #limit: number
  readonly #close: (connection: Connection) => void
  readonly #process = randomUUID()
  readonly #byUser = new Map<string, Map<string, Said>>()

  /**
   * @param limit MAX_SOCKETS_PER_USER; 0 for any number
   * @param close closes a socket that is too many
   */
  constructor (bus: Bus, sockets: Sockets, limit: number, close: (connection: Connection) => void) {
    this.#bus = bus
    this.#sockets = sockets
    this.#limit = limit
    this.#close = close
    if (this.#isOn) bus.onMessage('sockets', (message, topic) => this.#hear(userOf(topic), message))
  }

  get #isOn (): boolean { return this.#limit > 0 && this.#bus.registry !== undefined }

  /** A socket of the user was opened here. */
  opened (user: string): void {
    if (this.#isOn) this.#tell(user, true)
  }

  /** A socket of the user was closed here. */
  closed (user: string): void {
    if (!this.#isOn) return
    if (this.#byUser.has(user)) this.#tell(user, false)
    if (this.#sockets.of(user) === undefined) this.#byUser.delete(user)
  }

  #tell (user: string, asks: boolean): void {
    const sockets = this.#own(user).map(({ id, openedAt }): [string, number] => [id, openedAt])
    this.#bus.publish(userTopic(user), { type: 'sockets', process: this.#process, sockets, asks })
  }

  #hear (user: string, { process, sockets, asks }: SocketsMessage): void {
    const own = this.#own(user)
    if (process === this.#process || own.length === 0) return
    const others = this.#byUser.get(user) ?? new Map<string, Said>()
    this.#byUser.set(user, others.set(process, { sockets, at: performance.now() }))
    if (asks) this.#tell(user, false)
    this.#closeSurplus(own, others)
  }

  /** Each process closes those of its sockets that are among the oldest ones of all. */
  #closeSurplus (own: Connection[], others: Map<string, Said>): void {
    for (const [process, { at }] of others) {
      if (performance.now() - at > TTL_MS) others.delete(process)
    }
    const all = [...others.values()].flatMap(({ sockets }) => sockets)
    all.push(...own.map(({ id, openedAt }): [string, number] => [id, openedAt]))
    all.sort(([idA, a], [idB, b]) => a - b || (idA < idB ? -1 : 1))
    const surplus = new Set(all.slice(0, Math.max(0, all.length - this.#limit)).map(([id]) => id))
    for (const connection of own) if (surplus.has(connection.id)) this.#close(connection)
  }

  #own (user: string): Connection[] { return [...this.#sockets.of(user) ?? []] }
}
