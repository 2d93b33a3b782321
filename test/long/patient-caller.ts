/** HTTP requests of a client that comes back when it is asked to. */
import { setTimeout as delay } from 'node:timers/promises'
import { Caller, type Answer, type CallOptions } from './caller.js'

/** Where an answer does not say when to come back, or there is none. */
const RETRY_MS = 200

export class PatientCaller {
  /** answers that asked for patience, and answers that did not come: by status, reason and path */
  readonly refusals = new Map<string, number>()

  constructor (readonly caller: Caller) {}

  /** Asks until the server does it, as often as it has to. @throws what trying again does not mend */
  async insist (method: string, path: string, options: CallOptions): Promise<Answer> {
    for (;;) {
      const answer = await this.caller.call(method, path, options)
        .catch(({ code, message }: NodeJS.ErrnoException) => {
          return { status: 0, retryAfterMs: 0, text: code ?? message }
        })
      const { status, text, retryAfterMs } = answer
      if (status >= 200 && status < 300) return answer
      if (status !== 0 && status !== 429 && status !== 503) throw new Error(`${path}: ${status} ${text}`)
      const reason = /"message":"([^"]+)"/.exec(text)?.[1] ?? text
      const key = `${status} ${reason} ${path.split('?')[0]}`
      this.refusals.set(key, (this.refusals.get(key) ?? 0) + 1)
      await delay(retryAfterMs || RETRY_MS)
    }
  }
}
