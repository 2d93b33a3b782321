import type { ApiError } from '../errors.js'
import type { ErrorReply } from './schemas.js'

/**
 * The body of an error answer.
 * @param withStack for development only: a stack never leaves a production process
 */
export function errorBody (error: ApiError, withStack: boolean): ErrorReply {
  const { message, errorMessages, stack } = error
  const body = { success: false as const, message, errorMessages }
  return withStack && stack !== undefined ? { ...body, stack } : body
}
