import type { PresenceFrame } from 'chat-protocol'
import type { BaseLogger } from 'pino'
import type { UserRepository } from '../accounts/user-repository.js'
import { presenceTopic, type Bus } from './bus/bus.js'
import type { Connection } from './connection.js'
import { PresenceElsewhere } from './presence-elsewhere.js'
import { Typists, type TellTyping } from './typists.js'

export interface PresenceOptions {
  bus: Bus
  users: Pick<UserRepository, 'lastSeen' | 'setLastSeen' | 'setLastSeenOfAll'>
  /** whether a user has an open socket */
  isConnected: (user: string) => boolean
  /** the users with an open socket in this process */
  connectedUsers: () => string[]
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
  /** Undefined where there are no other processes to ask. */
  readonly #elsewhere: PresenceElsewhere | undefined

  constructor (options: PresenceOptions) {
    this.#options = options
    this.#typists = new Typists(options.typingMs, options.tellTyping)
    this.#elsewhere = this.#findElsewhere()
    options.bus.onMessage('presence', ({ frame }) => this.#tellWatchers(frame))
    options.bus.onMessage('block', ({ blocker, blocked }) => {
      const pairs = [[blocker, blocked], [blocked, blocker]] as const
      for (const [watcher, watched] of pairs) this.#showAgain(watcher, watched)
    })
  }

  #findElsewhere (): PresenceElsewhere | undefined {
    const { bus, connectedUsers } = this.#options
    if (bus.registry === undefined) return undefined
    const elsewhere = new PresenceElsewhere({
      registry: bus.registry,
      localUsers: () => [...connectedUsers(), ...this.#leaving.keys()],
      watchedUsers: () => [...this.#watchers.keys()],
      tell: (user, online) => { this.#tellChange(user, online) }
    })
    bus.onDoubt(() => elsewhere.refresh())
    return elsewhere
  }

  /** Tells the watchers in this process what no notice told them. */
  async #tellChange (user: string, online: boolean): Promise<void> {
    if (!online && this.#isHere(user)) return
    this.#elsewhere?.shown(user, online)
    const times = await this.#options.users.lastSeen([user]).catch(() => new Map<string, Date>())
    this.#tellWatchers(presenceFrame(user, online, times.get(user)))
  }

  #tellWatchers (frame: PresenceFrame): void {
    const { user, online } = frame
    const watchers = this.#watchers.get(user)
    if (watchers === undefined) return
    this.#elsewhere?.shown(user, online)
    for (const connection of watchers) {
      if (this.#watchedBy.get(connection)?.hidden.has(user) !== true) connection.send(frame)
    }
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
    const isWanted = () => this.#watchedBy.get(connection) === state
    const elsewhere = await this.#elsewhere?.online(users.filter(user => !this.#isHere(user)), isWanted)
    // Another list replaced this one meanwhile.
    if (!isWanted()) return
    for (const user of users) {
      if (hidden.has(user)) state.hidden.add(user)
      else state.hidden.delete(user)
      connection.send(hidden.has(user)
        ? { type: 'presence', user, online: false }
        : this.#frame(user, lastSeen.get(user), elsewhere?.has(user) === true))
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
    const wasLeaving = this.#leaving.delete(user)
    const tell = () => {
      if (!wasLeaving) this.#tell({ type: 'presence', user, online: true })
    }
    if (this.#elsewhere === undefined) tell()
    else this.#elsewhere.arrived(user).then(isElsewhere => isElsewhere || tell(), tell)
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
    this.#elsewhere?.close()
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
    const isGone = () => timer !== undefined && this.#leaving.get(user) === timer
    if (await this.#elsewhere?.isElsewhere(user, isGone) === true) {
      if (isGone()) this.#leaving.delete(user)
      return
    }
    if (!isGone()) return
    const lastSeen = new Date()
    const stored = await users.setLastSeen(user, lastSeen)
      .catch(error => { log.warn({ err: error }, 'lastSeen was not stored') })
    if (!isGone()) return
    this.#leaving.delete(user)
    const deleted = stored === false
    this.#tell({
      type: 'presence',
      user,
      online: false,
      ...(deleted ? {} : { lastSeen: lastSeen.toISOString() })
    })
  }

  #frame (user: string, lastSeen: Date | undefined, isElsewhere: boolean): PresenceFrame {
    const online = isElsewhere || this.#isHere(user)
    this.#elsewhere?.shown(user, online)
    return presenceFrame(user, online, lastSeen)
  }

  /** Whether a user counts as online because of this process. */
  #isHere (user: string): boolean { return this.#options.isConnected(user) || this.#leaving.has(user) }

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
        this.#elsewhere?.forget(user)
        this.#options.bus.unsubscribe(presenceTopic(user))
      }
    }
    this.#watchedBy.delete(connection)
  }
}

function presenceFrame (user: string, online: boolean, lastSeen: Date | undefined): PresenceFrame {
  if (online || lastSeen === undefined) return { type: 'presence', user, online }
  return { type: 'presence', user, online, lastSeen: lastSeen.toISOString() }
}
