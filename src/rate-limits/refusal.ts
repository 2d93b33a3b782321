import { apiError, type ApiError } from '../errors.js'

/**
 * Makes the error of an exceeded limit, with the seconds until a repeat makes sense. It has no stack: a flood
 * must be cheap to refuse.
 */
export function tooMany (what: string, seconds: number): ApiError {
  const retryAfter = Math.max(1, seconds)
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = apiError('tooManyRequests', `${what}; try again later`, '', { retryAfter })
  Error.stackTraceLimit = stackTraceLimit
  return error
}
