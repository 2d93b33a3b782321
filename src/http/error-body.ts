import type { ApiError } from '../errors.js'
import type { ErrorReply } from './schemas.js'

/**
 * The body of an error answer.
 * @param withStack for development only: a stack never leaves a production process
 */
export function errorBody (error: ApiError, withStack: boolean): ErrorReply {
  const { message, errorMessages } = error
  const body = { success: false as const, message, errorMessages }
  // V8 makes the text of a stack when it is read, which takes as long as the rest of a refusal.
  if (withStack && error.stack !== undefined) return { ...body, stack: error.stack }
  return body
}
