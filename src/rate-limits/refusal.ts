import { apiError, type ApiError } from '../errors.js'

/** Makes the error of an exceeded limit, with the seconds until a repeat makes sense. */
export function tooMany (what: string, seconds: number): ApiError {
  return apiError('tooManyRequests', `${what}; try again later`, '', { retryAfter: Math.max(1, seconds) })
}
