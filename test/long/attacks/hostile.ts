/** One account that attacks: its requests and sockets, and the count of what became of them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from '../accounts.js'
import { Caller, type Answer, type CallOptions } from '../caller.js'
import { HostileSocket } from './hostile-socket.js'
import type { Tally } from './tally.js'

/** What the attackers know of each other and of the others. */
export interface Target {
  origin: string
  /** honest users */
  victims: string[]
  /** existing users whose presence may be watched, at most 200 */
  watched: string[]
  /** the names before the first and before the last page of allusers */
  pages: { first: string; last: string }
  /** a message that was stored for the victim, by account: to be sent again */
  repeats: Record<string, { reciver: string; clientId: string; message: string }>
  /** conversations that are full of the longest messages, by account: the other member */
  full: Record<string, string[]>
}

/** After an answer that says nothing about when to come back. */
const RETRY_MS = 1_000

export class Hostile {
  readonly #caller: Caller
  #renewing: Promise<void> | undefined

  constructor (
    readonly target: Target,
    readonly account: Account,
    readonly tally: Tally,
    readonly signal: AbortSignal
  ) {
    this.#caller = new Caller(target.origin, account.address)
  }

  get over (): boolean {
    return this.signal.aborted
  }

  /** Waits; less if the attack ends before. */
  async pause (ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.signal }).catch(() => {})
  }

  /**
   * Makes a request, counts it, and waits as long as the server asks for: the attack stays within the limits.
   * @returns undefined where there was no answer
   */
  async call (method: string, path: string, options: CallOptions = {}): Promise<Answer | undefined> {
    if (this.over) return undefined
    this.tally.attempt()
    const since = performance.now()
    const token = this.account.token
    try {
      const answer = await this.#caller.call(method, path, { token, signal: this.signal, ...options })
      this.tally.outcome(String(answer.status))
      if (answer.status < 300) this.tally.took(performance.now() - since)
      if (answer.status === 401 && options.token === undefined) await this.#renew(token)
      if (answer.status === 429 || answer.status === 503) await this.pause(answer.retryAfterMs || RETRY_MS)
      return answer
    } catch (error) {
      if (this.over) return undefined
      this.tally.outcome((error as NodeJS.ErrnoException).code ?? (error as Error).name)
      await this.pause(RETRY_MS)
      return undefined
    }
  }

  /** Opens a socket and counts it; undefined where the server refuses it. */
  async open (): Promise<HostileSocket | undefined> {
    if (this.over) return undefined
    this.tally.attempt()
    const token = this.account.token
    const socket = new HostileSocket(this.target.origin, { ...this.account }, this.tally)
    const leave = () => {
      socket.terminate()
    }
    this.signal.addEventListener('abort', leave)
    const refused = await socket.opened()
    this.signal.removeEventListener('abort', leave)
    if (refused === undefined) return socket
    this.tally.outcome(refused)
    if (refused === 'upgrade 401') await this.#renew(token)
    await this.pause(RETRY_MS)
    return undefined
  }

  /** Calls `work` again and again, at most once in so many milliseconds. */
  async repeat (everyMs: number, work: () => Promise<unknown>): Promise<void> {
    while (!this.over) {
      const next = performance.now() + everyMs
      await work()
      await this.pause(Math.max(0, next - performance.now()))
    }
  }

  /** Begins `work` every so many milliseconds, while fewer than `most` of those before have not ended. */
  async stream (everyMs: number, most: number, work: () => Promise<unknown>): Promise<void> {
    let underWay = 0
    await this.repeat(everyMs, async () => {
      if (underWay >= most) return
      underWay++
      work().finally(() => {
        underWay--
      })
    })
  }

  /** The session has ended: too many logins, or a change of the password elsewhere. */
  async #renew (ended: string): Promise<void> {
    if (this.account.token !== ended) return
    this.#renewing ??= this.#logIn().finally(() => {
      this.#renewing = undefined
    })
    await this.#renewing
  }

  async #logIn (): Promise<void> {
    const { username, password } = this.account
    try {
      const body = { username, password }
      const { status, text } = await this.#caller.call('POST', '/api/v1/user/login', { body, whole: true })
      if (status === 200) this.account.token = JSON.parse(text).token
    } catch {
      // The server is too busy: the next answer 401 tries again.
    }
    await this.pause(RETRY_MS)
  }

  close (): void {
    this.#caller.close()
  }
}
