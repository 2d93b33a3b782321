import type { LRUCache } from 'lru-cache'
import { kindOf, partnerIn } from 'chat-protocol'
import { cacheOf } from '../cache.js'
import { mapKnown, type Known } from '../concurrency/known.js'
import { Serial } from '../concurrency/serial.js'
import { apiError } from '../errors.js'
import type { BlocksRepository } from './blocks-repository.js'

/** Users whom one user may block: their list is one answer, and is kept in memory while it is in use. */
const MAX_BLOCKS = 1_000
/** Users whose list is remembered; a list of one block takes about 100 bytes. */
const REMEMBERED = 20_000

/** A block that another process stored counts here after this time, in milliseconds. */
const OTHERS_MS = 5_000

type Listener = (blocker: string, blocked: string) => void

/** Who blocked whom. A blocked user cannot write to the blocker, and neither sees the other's presence. */
export class Blocks {
  readonly #repository: BlocksRepository
  readonly #lists: LRUCache<string, ReadonlySet<string>>
  readonly #loads = new Map<string, Promise<ReadonlySet<string>>>()
  readonly #listeners: Listener[] = []
  readonly #serial = new Serial()

  /** @param alone whether only this process writes: then lists need not be read again */
  constructor (repository: BlocksRepository, alone: boolean) {
    this.#repository = repository
    this.#lists = cacheOf(REMEMBERED, alone ? 0 : OTHERS_MS)
  }

  /** Registers a listener that is called after a user was blocked or unblocked. */
  onChange (listener: Listener): void { this.#listeners.push(listener) }

  /** Whether the other user of a direct conversation blocked this one. */
  isBlockedIn (conversation: string, user: string): Known<boolean> {
    if (kindOf(conversation) !== 'direct') return false
    const blocker = partnerIn(conversation, user)
    return blocker !== undefined && this.isBlocked(blocker, user)
  }

  isBlocked (blocker: string, user: string): Known<boolean> {
    const list = this.#lists.get(blocker) ?? this.#loads.get(blocker) ?? this.#load(blocker)
    return mapKnown(list, blocked => blocked.has(user))
  }

  /** Those of some users who blocked a user, or whom the user blocked. */
  async between (user: string, others: string[]): Promise<Set<string>> {
    return others.length === 0 ? new Set() : await this.#repository.between(user, others)
  }

  /** Those whom a user blocked. */
  async of (blocker: string): Promise<string[]> { return await this.#repository.of(blocker) }

  /**
   * Blocks a user; does nothing where that was done.
   * @throws ApiError `conflict` above MAX_BLOCKS
   */
  async add (blocker: string, blocked: string): Promise<void> {
    // One after the other, so that each counts what the ones before stored.
    await this.#serial.run(blocker, async () => {
      if (await this.isBlocked(blocker, blocked)) return
      if (await this.#repository.count(blocker) >= MAX_BLOCKS) {
        throw apiError('conflict', `you can block ${MAX_BLOCKS} users`, 'user')
      }
      await this.#repository.add(blocker, blocked)
      this.#changed(blocker, blocked)
    })
  }

  /** Unblocks a user; does nothing where the user was not blocked. */
  async remove (blocker: string, blocked: string): Promise<void> {
    await this.#repository.remove(blocker, blocked)
    this.#changed(blocker, blocked)
  }

  /** The list of a user changed, in whichever process: it is read again. */
  forget (blocker: string): void {
    this.#lists.delete(blocker)
    this.#loads.delete(blocker)
  }

  #changed (blocker: string, blocked: string): void {
    this.forget(blocker)
    for (const listener of this.#listeners) listener(blocker, blocked)
  }

  async #load (blocker: string): Promise<ReadonlySet<string>> {
    const load = this.#repository.of(blocker).then(blocked => new Set(blocked))
    this.#loads.set(blocker, load)
    try {
      const list = await load
      // It is not remembered where it changed meanwhile.
      if (this.#loads.get(blocker) === load) this.#lists.set(blocker, list)
      return list
    } finally {
      if (this.#loads.get(blocker) === load) this.#loads.delete(blocker)
    }
  }
}

/** The error of a user whom the other one blocked. */
export function blockedError (): Error {
  return apiError('forbidden', 'this user does not accept messages from you')
}
