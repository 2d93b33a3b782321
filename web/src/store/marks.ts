import { storage } from './storage.js'

/** How far somebody received and read a conversation, as `seq`. */
interface Mark { delivered: number, read: number }

/**
 * The marks of the other members. The inbox brings those of the partner of a direct conversation. Those of
 * the members of a group come as they rise, and never again, so they are kept in localStorage.
 */
export class Marks {
  readonly #me: string
  /** conversation -> user -> marks */
  readonly #all = new Map<string, ReadonlyMap<string, Mark>>()

  constructor (me: string) {
    this.#me = me
  }

  /** By user. */
  of (conversation: string): ReadonlyMap<string, Mark> {
    const known = this.#all.get(conversation)
    if (known !== undefined) return known
    const stored = isGroup(conversation) ? storage.get<[string, Mark][]>(this.#key(conversation)) : undefined
    const marks = new Map(stored)
    this.#all.set(conversation, marks)
    return marks
  }

  /** Marks never fall. */
  raise (conversation: string, user: string, { delivered, read }: Mark): void {
    const all = this.of(conversation)
    const known = all.get(user) ?? { delivered: 0, read: 0 }
    const raised = { delivered: Math.max(known.delivered, delivered), read: Math.max(known.read, read) }
    if (raised.delivered === known.delivered && raised.read === known.read) return
    const next = new Map(all).set(user, raised)
    this.#all.set(conversation, next)
    if (isGroup(conversation)) storage.set(this.#key(conversation), [...next])
  }

  #key (conversation: string): string { return `marks:${this.#me}:${conversation}` }
}

/** Direct conversations are named by their two members. */
export const isGroup = (conversation: string): boolean => !conversation.includes(':')
