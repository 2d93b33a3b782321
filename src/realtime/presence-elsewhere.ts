import { setTimeout as delay } from 'node:timers/promises'
import { REFRESH_MS, REGISTRY_TTL_MS, type Registry } from './bus/registry.js'

/** Watched users are compared with the registry so often: notices may have been lost. */
const POLL_MS = 5_000
/** So many polls in a row have to miss a user who was shown online. */
const MISSED_POLLS = 2
/** The pause after a question that the registry did not answer. */
const RETRY_MS = 1_000

export interface PresenceElsewhereOptions {
  registry: Registry
  /** Users who count as online because of this process. */
  localUsers: () => string[]
  /** Users whom a socket of this process watches. */
  watchedUsers: () => string[]
  /** Tells the watchers in this process. */
  tell: (user: string, online: boolean) => void
}

/** Who is online because of other processes. */
export class PresenceElsewhere {
  readonly #options: PresenceElsewhereOptions
  /** What was told last of the watched users. */
  readonly #shown = new Map<string, boolean>()
  readonly #missed = new Map<string, number>()
  readonly #timers: NodeJS.Timeout[]

  constructor (options: PresenceElsewhereOptions) {
    this.#options = options
    this.#timers = [
      setInterval(() => this.refresh(), REFRESH_MS),
      setInterval(() => this.#attempt(async () => await this.#poll()), POLL_MS)
    ]
  }

  /** Enters all users of this process: an entry ends by itself, and the registry may have lost them. */
  refresh (): void {
    const users = this.#options.localUsers()
    if (users.length > 0) this.#attempt(() => this.#options.registry.enter(users))
  }

  /** @returns whether the user was online in another process; false where that is not known */
  async arrived (user: string): Promise<boolean> {
    const others = await this.#options.registry.enter([user]).catch(() => new Set())
    return others.has(user)
  }

  /**
   * Whether the user is online in another process, after the last socket here is gone. An absent registry is
   * asked again until entries in it would have ended.
   * @param isGone whether the user is still gone here
   */
  async isElsewhere (user: string, isGone: () => boolean): Promise<boolean> {
    const until = performance.now() + REGISTRY_TTL_MS
    while (isGone() && performance.now() < until) {
      try {
        return await this.#options.registry.leave(user)
      } catch {
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
    return false
  }

  /**
   * Those of some users who are online. Where the registry does not answer, those who were shown online last
   * are; the rest waits for it, because nobody must seem offline by mistake.
   * @param isWanted whether somebody still waits for the answer
   */
  async online (users: string[], isWanted: () => boolean): Promise<Set<string>> {
    const until = performance.now() + REGISTRY_TTL_MS
    while (true) {
      try {
        return await this.#options.registry.online(users)
      } catch {
        const shown = new Set(users.filter(user => this.#shown.get(user) === true))
        if (shown.size === users.length || !isWanted() || performance.now() > until) return shown
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  shown (user: string, online: boolean): void {
    this.#shown.set(user, online)
    this.#missed.delete(user)
  }

  /** Nobody watches the user any more. */
  forget (user: string): void {
    this.#shown.delete(user)
    this.#missed.delete(user)
  }

  close (): void { for (const timer of this.#timers) clearInterval(timer) }

  async #poll (): Promise<void> {
    const { registry, watchedUsers, tell } = this.#options
    const users = watchedUsers()
    if (users.length === 0) return
    const online = await registry.online(users)
    for (const user of users) {
      const shown = this.#shown.get(user)
      if (online.has(user)) {
        this.#missed.delete(user)
        if (shown === false) tell(user, true)
      } else if (shown === true) {
        const missed = (this.#missed.get(user) ?? 0) + 1
        this.#missed.set(user, missed)
        if (missed >= MISSED_POLLS) tell(user, false)
      }
    }
  }

  #attempt (work: () => Promise<unknown>): void {
    // Nothing is concluded from a registry that does not answer; the bus says that it is away.
    work().catch(() => this.#missed.clear())
  }
}
