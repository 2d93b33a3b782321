import { cacheOf } from '../cache.js'
import { mapKnown, type Known } from '../concurrency/known.js'
import { apiError } from '../errors.js'
import type { UserRepository } from './user-repository.js'

/** Ids that are remembered: about as many as there are sockets. The cache takes the memory of all at once. */
const CACHE_SIZE = 20_000
/**
 * Milliseconds for which an account is believed to exist. So long an account whose deletion was not heard of
 * may still be written to; the messages stay with the sender.
 */
const CACHE_MS = 60_000

/**
 * Refuses a user who has no account.
 * @param path the field of the request that names the user
 * @throws ApiError `notFound`
 */
export function requireUser (
  accounts: Pick<KnownAccounts, 'exists'>, id: string, path: string
): Known<void> {
  return mapKnown(accounts.exists(id), exists => {
    if (!exists) throw apiError('notFound', 'there is no user with this id', path)
  })
}

/**
 * Which accounts exist. Sending a message asks each time, so the answer "yes" is remembered; "no" is not,
 * because a new account must be found at once.
 */
export class KnownAccounts {
  readonly #users: Pick<UserRepository, 'exists'>
  readonly #known = cacheOf<true>(CACHE_SIZE, CACHE_MS)
  /** Questions under way: while the database is slow, many sends ask for the same account. */
  readonly #asked = new Map<string, Promise<boolean>>()

  constructor (users: Pick<UserRepository, 'exists'>) { this.#users = users }

  /** Whether there is an account with this id (24 hex digits) that was not deleted. */
  exists (id: string): Known<boolean> {
    if (this.#known.has(id)) return true
    return this.#asked.get(id) ?? this.#ask(id)
  }

  /** The account was deleted: the next question asks the database. */
  forget (id: string): void {
    this.#known.delete(id)
    this.#asked.delete(id)
  }

  #ask (id: string): Promise<boolean> {
    const question = this.#users.exists(id)
    this.#asked.set(id, question)
    const end = (exists: boolean) => {
      // It was forgotten meanwhile.
      if (this.#asked.get(id) !== question) return
      this.#asked.delete(id)
      if (exists) this.#known.set(id, true)
    }
    question.then(end, () => end(false))
    return question
  }
}
