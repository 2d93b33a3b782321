import { randomUuid, type Outgoing } from 'chat-app-client'
import { storage } from './storage.js'

/** A message or change that the server has not acknowledged. */
export interface Waiting {
  frame: Outgoing
  at: string
  /** why the server refused it for good */
  error?: string
}

/**
 * What waits for its answer, written to localStorage before it is sent, so a reload loses nothing. Each page
 * has a key of its own. A new page takes over the keys of all others: if their page lives, both send the same
 * clientId, and the server stores it once.
 */
export class Outbox {
  readonly #key: string
  #all: Waiting[]

  constructor (user: string) {
    const prefix = `outbox:${user}:`
    const keys = storage.keys(prefix)
    const found = keys.flatMap(key => storage.get<Waiting[]>(key) ?? [])
    this.#all = [...new Map(found.map(waiting => [waiting.frame.clientId, waiting])).values()]
    this.#key = prefix + randomUuid()
    this.#save()
    for (const key of keys) storage.set(key, undefined)
  }

  get all (): readonly Waiting[] { return this.#all }

  add (frame: Outgoing): void {
    this.#all = [...this.#all, { frame, at: new Date().toISOString() }]
    this.#save()
  }

  /** It is stored, or given up. */
  remove (clientId: string | undefined): void {
    const left = this.#all.filter(waiting => waiting.frame.clientId !== clientId)
    if (left.length === this.#all.length) return
    this.#all = left
    this.#save()
  }

  fail (clientId: string, error: string | undefined): void {
    this.#all = this.#all.map(waiting => waiting.frame.clientId !== clientId
      ? waiting
      : { frame: waiting.frame, at: waiting.at, ...(error === undefined ? {} : { error }) })
    this.#save()
  }

  #save (): void {
    storage.set(this.#key, this.#all.length === 0 ? undefined : this.#all)
  }
}
