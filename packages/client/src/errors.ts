import type { ErrorFrame, HelloFrame } from 'chat-protocol'

/** Codes after which repeating the same frame cannot help. */
export type FinalCode = 'invalid' | 'unauthorized' | 'forbidden' | 'not_found' | 'conflict'

/**
 * The codes of the server, `queue_full` and `closed` of the client itself, and `http` if a page of history
 * could not be fetched (the client tries again).
 */
export type ErrorCode =
  FinalCode | 'rate_limited' | 'unavailable' | 'internal' | 'queue_full' | 'closed' | 'http'

/** Details of an error, as far as they are known. */
interface About {
  path?: string
  clientId?: string
  retryAfterMs?: number
}

/** Every error of this package except mistakes in a call, which are TypeError and RangeError. */
export class ChatError extends Error {
  /** the field that the server refused */
  readonly path: string | undefined
  /** the message that the error is about */
  readonly clientId: string | undefined
  /** how long the server asks to wait */
  readonly retryAfterMs: number | undefined

  /** @param code one of ErrorCode, or what a newer server says */
  constructor (readonly code: ErrorCode | (string & {}), message: string, about: About = {}) {
    super(message)
    this.name = 'ChatError'
    this.path = about.path
    this.clientId = about.clientId
    this.retryAfterMs = about.retryAfterMs
  }
}

const RETRYABLE = new Set(['rate_limited', 'unavailable', 'internal'])

/** Whether the same frame may succeed later. */
export function isRetryable (code: string): boolean {
  return RETRYABLE.has(code)
}

/**
 * The frame that an error is about. Servers that announce `resumeConversations` name the field `have` for a
 * resume. Older servers do not, so it is unknown.
 */
export function refusedFrame (
  { path, clientId }: ErrorFrame, limits: HelloFrame['limits'] | undefined
): 'send' | 'resume' | 'other' | 'unknown' {
  if (clientId !== undefined) return 'send'
  if (path?.startsWith('have') === true) return 'resume'
  return limits?.resumeConversations === undefined ? 'unknown' : 'other'
}

/** The path of an error about a group that the user is not a member of. */
const LOST = /^have\.(.+)$/

/** The group that a `resume` named although the user is not a member, or undefined. */
export function lostGroup (frame: { code: string, path?: string, clientId?: string }): string | undefined {
  if (frame.code !== 'not_found' || frame.clientId !== undefined) return undefined
  return frame.path?.match(LOST)?.[1]
}
