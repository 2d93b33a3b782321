/** An honest user: messages and logins at a fixed rate, whether the ones before were answered or not. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from '../../test/long/accounts.js'
import { Caller } from '../../test/long/caller.js'
import { Series } from '../../test/long/figures.js'

const MESSAGE_MS = 100
const LOGIN_MS = 500
/** A person has given up by then. It counts as the time that it took. */
const LOST_MS = 10_000

/** What became of the operations of one kind. */
export class Fate {
  readonly times = new Series()
  refused = 0
  lost = 0

  get all (): number { return this.times.count + this.refused }
}

export interface Fates { addmsg: Fate, login: Fate }

export class Victim {
  readonly #caller: Caller

  constructor (origin: string, readonly account: Account, readonly other: string) {
    this.#caller = new Caller(origin, account.address, LOST_MS)
  }

  /** Goes on for so long, or until the signal; waits for what is under way then. */
  async suffer (ms: number, signal: AbortSignal): Promise<Fates> {
    const fates = { addmsg: new Fate(), login: new Fate() }
    const { id, token, username, password } = this.account
    const message = { sender: id, reciver: this.other, message: 'Does this arrive?' }
    await Promise.all([
      this.#every(MESSAGE_MS, ms, signal, async () => {
        await this.#measure(fates.addmsg, '/api/v1/addmsg', { token, body: message })
      }),
      this.#every(LOGIN_MS, ms, signal, async () => {
        await this.#measure(fates.login, '/api/v1/user/login', { body: { username, password } })
      })
    ])
    return fates
  }

  close (): void { this.#caller.close() }

  async #every (everyMs: number, ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const under: Promise<void>[] = []
    const begin = performance.now()
    for (let n = 0; n * everyMs < ms && !signal.aborted; n++) {
      under.push(work())
      const pause = begin + (n + 1) * everyMs - performance.now()
      await delay(Math.max(0, pause), undefined, { signal }).catch(() => {})
    }
    await Promise.all(under)
  }

  async #measure (fate: Fate, path: string, options: { token?: string, body: object }): Promise<void> {
    const since = performance.now()
    try {
      const { status } = await this.#caller.call('POST', path, options)
      if (status < 300) fate.times.add(performance.now() - since)
      else fate.refused++
    } catch {
      fate.lost++
      fate.times.add(LOST_MS)
    }
  }
}
