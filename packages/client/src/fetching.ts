import type { Job } from './catch-up.js'
import { ChatError } from './errors.js'
import type { Http } from './http.js'
import type { Protocol } from './protocol.js'
import { Timer, type Clock } from './timer.js'

interface FetchingEffects {
  /** Milliseconds to wait after so many failures in a row. */
  retryMs (failures: number): number
  /** A page was taken. */
  fetched (): void
  /**
   * A request failed.
   * @returns what the server said about the next attempt; undefined if none is to follow
   */
  failed (error: unknown): { retryAfterMs?: number } | undefined
}

/** Makes the requests over HTTP that catching up needs, one after another. */
export class Fetching {
  readonly #http: Http
  readonly #protocol: Protocol
  readonly #retrying: Timer
  readonly #effects: FetchingEffects
  #working = false

  constructor (http: Http, protocol: Protocol, clock: Clock, effects: FetchingEffects) {
    this.#http = http
    this.#protocol = protocol
    this.#retrying = new Timer(clock)
    this.#effects = effects
  }

  stop (): void { this.#retrying.clear() }

  /** Works until no request is missing; does nothing while it works. */
  async work (): Promise<void> {
    if (this.#working) return
    this.#working = true
    const { catchUp } = this.#protocol
    let failures = 0
    for (let job = catchUp.job(); job !== undefined; job = catchUp.job()) {
      try {
        await this.#fetch(job)
        failures = 0
        this.#effects.fetched()
        this.#protocol.pump()
      } catch (error) {
        if (this.#isLost(job, error)) continue
        const next = this.#effects.failed(error)
        if (next === undefined) break
        await this.#retrying.sleep((next.retryAfterMs ?? 0) + this.#effects.retryMs(failures))
        failures++
      }
    }
    this.#working = false
  }

  async #fetch (job: Job): Promise<void> {
    const { catchUp } = this.#protocol
    if (job.kind === 'changes') {
      const entries = await this.#http.changes(job.conversation, job.after)
      catchUp.paged(job.conversation, entries)
      return
    }
    const page = await this.#http.conversations(job.after)
    this.#protocol.stored(page.data)
    catchUp.listed(job, page)
  }

  /** Whether a page failed because the user left the group meanwhile. */
  #isLost (job: Job, error: unknown): boolean {
    if (job.kind !== 'changes' || !(error instanceof ChatError) || error.code !== 'not_found') return false
    this.#protocol.catchUp.lost(job.conversation)
    return true
  }
}
