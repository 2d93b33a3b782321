/** The codes after which sending the same again cannot help. */
export type FinalCode = 'invalid' | 'unauthorized' | 'forbidden' | 'not_found' | 'conflict'

/** What went wrong: the server's codes; `queue_full` and `closed` of the client itself; `http` where a page of history could not be had (it is tried again). */
export type ErrorCode = FinalCode | 'rate_limited' | 'unavailable' | 'internal' | 'queue_full' | 'closed' | 'http'

/** Every error of this package that is not a mistake in the call itself (those are TypeError and RangeError). */
export class ChatError extends Error {
  /** the field that the server refused */
  readonly path: string | undefined
  /** of the message that it is about */
  readonly clientId: string | undefined
  /** how long the server asks to wait */
  readonly retryAfterMs: number | undefined

  /** @param code one of ErrorCode, or what a newer server says */
  constructor (readonly code: ErrorCode | (string & {}), message: string, about: { path?: string, clientId?: string, retryAfterMs?: number } = {}) {
    super(message)
    this.name = 'ChatError'
    this.path = about.path
    this.clientId = about.clientId
    this.retryAfterMs = about.retryAfterMs
  }
}

const RETRYABLE = new Set(['rate_limited', 'unavailable', 'internal'])

/** Whether the same frame may succeed later. */
export function isRetryable (code: string): boolean { return RETRYABLE.has(code) }
