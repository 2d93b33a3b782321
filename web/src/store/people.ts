import type { PresenceFrame } from 'chat-app-client'
import { api, type User } from '../api.js'

/** Users that a socket may watch (docs/realtime.md). */
const MAX_WATCHED = 200

/** The other users, as far as the page has met them. */
export class People {
  readonly all = new Map<string, User>()
  readonly presence = new Map<string, { online: boolean, lastSeen?: string }>()
  readonly blocked = new Set<string>()
  readonly #me: string
  readonly #changed: () => void
  readonly #watch: (users: string[]) => void

  constructor (me: string, changed: () => void, watch: (users: string[]) => void) {
    this.#me = me
    this.#changed = changed
    this.#watch = watch
  }

  name (id: string): string | undefined { return this.all.get(id)?.username }

  add (user: User): void {
    const known = this.all.get(user._id)
    this.all.set(user._id, { ...known, ...user })
  }

  watch (): void {
    const people = [...this.all.values()].filter(user => user.deleted !== true && user._id !== this.#me)
    this.#watch(people.map(user => user._id).slice(0, MAX_WATCHED))
  }

  setPresence ({ user, online, lastSeen }: PresenceFrame): void {
    this.presence.set(user, { online, ...(lastSeen === undefined ? {} : { lastSeen }) })
    this.#changed()
  }

  /** Fetches the first people, and those whom the user blocks. */
  async load (): Promise<void> {
    const [users, blocked] = await Promise.all([
      api.users(this.#me).catch(() => []),
      api.blocks().catch(() => undefined)
    ])
    for (const user of users) this.add(user)
    if (blocked !== undefined) {
      this.blocked.clear()
      for (const { _id } of blocked) this.blocked.add(_id)
    }
    this.#changed()
  }

  /** Finds people by the beginning of their names. */
  async search (text: string): Promise<void> {
    for (const user of await api.users(this.#me, text).catch(() => [])) this.add(user)
    this.watch()
    this.#changed()
  }

  async block (id: string, on: boolean): Promise<void> {
    await api.block(id, on)
    if (on) this.blocked.add(id)
    else this.blocked.delete(id)
    this.#changed()
  }
}
