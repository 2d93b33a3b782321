import type { ErrorFrame } from 'chat-protocol'
import { toApiError } from '../thrown-errors.js'

/** What an error frame names besides the error, where that is known. */
export interface About {
  clientId?: string | undefined
  /** The field, where the error itself names none. */
  path?: string
}

/** The `error` frame of something that was thrown. */
export function errorFrame (error: unknown, about: About = {}): ErrorFrame {
  const { code, message, errorMessages: [first], retryAfter } = toApiError(error)
  const path = first?.path || about.path
  return {
    type: 'error',
    code,
    message,
    ...(path ? { path } : {}),
    ...(about.clientId === undefined ? {} : { clientId: about.clientId }),
    ...(retryAfter === undefined ? {} : { retryAfterMs: Math.ceil(retryAfter * 1000) })
  }
}
