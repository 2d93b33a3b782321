import type { PresenceFrame } from 'chat-protocol'
import type { BaseLogger } from 'pino'
import type { UserRepository } from '../accounts/user-repository.js'
import { presenceTopic, type Bus } from './bus/bus.js'
import type { Connection } from './connection.js'
import { Typists, type TellTyping } from './typists.js'

export interface PresenceOptions {
  bus: Bus
  users: Pick<UserRepository, 'lastSeen' | 'setLastSeen' | 'setLastSeenOfAll'>
  /** whether a user has an open socket */
  isConnected: (user: string) => boolean
  tellTyping: TellTyping
  /** those of some users whose presence a user may not see, because one of the two blocked the other */
  hiddenFrom: (user: string, others: string[]) => Promise<Set<string>>
  /** PRESENCE_GRACE_MS: a user counts as online for this time after the last socket was closed */
  graceMs: number
  /** TYPING_MS: a typing notice ends by itself after this time */
  typingMs: number
  log: Pick<BaseLogger, 'warn'>
}

/** What is held in memory. */
export interface PresenceGauges {
  watched: number
  leaving: number
  typing: number
}

/** What a socket watches. */
interface Watched {
  readonly users: string[]
  /** Those whose presence it does not see; all of them until that is known. */
  readonly hidden: Set<string>
}

/** Knows who is online, across the devices of a user, and who types. */
export class Presence {
  readonly #options: PresenceOptions
  readonly #watchers = new Map<string, Set<Connection>>()
  readonly #watchedBy = new Map<Connection, Watched>()
  /** Users whose last socket was closed less than the grace time ago: they still count as online. */
  readonly #leaving = new Map<string, NodeJS.Timeout>()
  readonly #typists: Typists

  constructor (options: PresenceOptions) {
    this.#options = options
    this.#typists = new Typists(options.typingMs, options.tellTyping)
    options.bus.onMessage('presence', ({ frame }) => {
      for (const connection of this.#watchers.get(frame.user) ?? []) {
        if (this.#watchedBy.get(connection)?.hidden.has(frame.user) !== true) connection.send(frame)
      }
    })
    options.bus.onMessage('block', ({ blocker, blocked }) => {
      const pairs = [[blocker, blocked], [blocked, blocker]] as const
      for (const [watcher, watched] of pairs) this.#showAgain(watcher, watched)
    })
  }

  /** Replaces the users that a socket watches, and sends it their presence now; changes follow. */
  async watch (connection: Connection, users: string[]): Promise<void> {
    // A socket that is closed would never be removed again.
    if (connection.closed) return
    this.#unwatch(connection)
    const watched = [...new Set(users)]
    const state: Watched = { users: watched, hidden: new Set(watched) }
    this.#watchedBy.set(connection, state)
    await Promise.all(watched.map(user => this.#addWatcher(user, connection)))
    await this.#show(connection, state, watched)
  }

  /** Sends the present presence of some watched users, of whom those who are hidden seem to be offline. */
  async #show (connection: Connection, state: Watched, users: string[]): Promise<void> {
    const { users: repository, hiddenFrom } = this.#options
    const [hidden, lastSeen] =
      await Promise.all([hiddenFrom(connection.user, users), repository.lastSeen(users)])
    // Another list replaced this one meanwhile.
    if (this.#watchedBy.get(connection) !== state) return
    for (const user of users) {
      if (hidden.has(user)) state.hidden.add(user)
      else state.hidden.delete(user)
      connection.send(hidden.has(user)
        ? { type: 'presence', user, online: false }
        : this.#frame(user, lastSeen.get(user)))
    }
  }

  /** A block between two users began or ended. */
  #showAgain (watcher: string, watched: string): void {
    for (const connection of this.#watchers.get(watched) ?? []) {
      const state = this.#watchedBy.get(connection)
      if (connection.user !== watcher || state === undefined) continue
      this.#show(connection, state, [watched]).catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'presence could not be shown again')
      })
    }
  }

  /**
   * Tells the others in a conversation that the socket's user types, or stopped. The notice ends by itself
   * after the typing time, unless it is repeated: a lost `on: false` shows no longer than that.
   */
  typing (connection: Connection, conversation: string, on: boolean): void {
    if (on) this.#typists.start(connection, conversation)
    else this.#typists.stop(connection, conversation)
  }

  /** The first socket of a user was opened. */
  arrived (user: string): void {
    clearTimeout(this.#leaving.get(user))
    // Back within the grace time: nothing was published.
    if (!this.#leaving.delete(user)) this.#tell({ type: 'presence', user, online: true })
  }

  /** The last socket of a user was closed. */
  left (user: string): void {
    const timer = setTimeout(() => this.#announceGone(user), this.#options.graceMs)
    this.#leaving.set(user, timer)
  }

  /** A socket was closed. */
  forget (connection: Connection): void {
    this.#unwatch(connection)
    this.#typists.stopAll(connection)
  }

  /** Ends all typing notices. */
  clearTyping (): void { this.#typists.clear() }

  /** Stores the last times of the users who are within the grace time. */
  async close (): Promise<void> {
    for (const timer of this.#leaving.values()) clearTimeout(timer)
    const users = [...this.#leaving.keys()]
    this.#leaving.clear()
    if (users.length > 0) await this.#options.users.setLastSeenOfAll(users, new Date())
  }

  /** What is held in memory, for /metrics and for tests that nothing stays behind. */
  gauges (): PresenceGauges {
    return { watched: this.#watchers.size, leaving: this.#leaving.size, typing: this.#typists.size }
  }

  /**
   * The grace time is over. The time is stored before it is told, so that later questions get the same
   * answer. The user may come back meanwhile.
   */
  async #announceGone (user: string): Promise<void> {
    const { users, log } = this.#options
    const timer = this.#leaving.get(user)
    const lastSeen = new Date()
    const stored = await users.setLastSeen(user, lastSeen)
      .catch(error => { log.warn({ err: error }, 'lastSeen was not stored') })
    if (this.#leaving.get(user) !== timer) return
    this.#leaving.delete(user)
    const deleted = stored === false
    this.#tell({
      type: 'presence',
      user,
      online: false,
      ...(deleted ? {} : { lastSeen: lastSeen.toISOString() })
    })
  }

  #frame (user: string, lastSeen: Date | undefined): PresenceFrame {
    const online = this.#options.isConnected(user) || this.#leaving.has(user)
    if (online || lastSeen === undefined) return { type: 'presence', user, online }
    return { type: 'presence', user, online, lastSeen: lastSeen.toISOString() }
  }

  #tell (frame: PresenceFrame): void {
    this.#options.bus.publish(presenceTopic(frame.user), { type: 'presence', frame })
  }

  #addWatcher (user: string, connection: Connection): Promise<void> | undefined {
    const watchers = this.#watchers.get(user) ?? new Set()
    this.#watchers.set(user, watchers.add(connection))
    return this.#options.bus.subscribe(presenceTopic(user))
  }

  #unwatch (connection: Connection): void {
    for (const user of this.#watchedBy.get(connection)?.users ?? []) {
      const watchers = this.#watchers.get(user)
      watchers?.delete(connection)
      if (watchers?.size === 0) {
        this.#watchers.delete(user)
        this.#options.bus.unsubscribe(presenceTopic(user))
      }
    }
    this.#watchedBy.delete(connection)
  }
}
