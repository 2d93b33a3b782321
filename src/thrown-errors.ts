/** Maps whatever was thrown to an error that clients may see. */
import { mongodb } from './database/driver.js'
import { ApiError, apiError, kindOfStatus } from './errors.js'
import { validationError, type SchemaError } from './validation.js'

/** MongoDB elects a new primary within about 12 s, mostly in far less: a repeat after 2 s often succeeds. */
const DATABASE_RETRY_SECONDS = 2

/** MaxTimeMSExpired and WriteConcernTimeout: the server may have executed the command all the same. */
const TIMED_OUT = [50, 64]

const CONNECTION_ERRORS = [
  mongodb.MongoNetworkError,
  mongodb.MongoServerSelectionError,
  mongodb.MongoNotConnectedError,
  mongodb.MongoTopologyClosedError,
  mongodb.MongoClientClosedError,
  mongodb.MongoWriteConcernError
]

function isDatabaseAway (error: unknown): boolean {
  if (!(error instanceof mongodb.MongoError)) return false
  if (CONNECTION_ERRORS.some(type => error instanceof type)) return true
  if (error instanceof mongodb.MongoBulkWriteError && error.code === undefined) return true
  if (error instanceof mongodb.MongoServerError && TIMED_OUT.includes(Number(error.code))) return true
  return error.name === 'MongoWaitQueueTimeoutError' ||
    error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('RetryableError')
}

/** An error of Fastify, of a plugin or of Node. */
type HttpError = Error & { validation?: SchemaError[], statusCode?: number }

function httpError (error: HttpError): ApiError | undefined {
  const { validation, statusCode = 500 } = error
  if (Array.isArray(validation)) return validationError(validation)
  if (statusCode >= 400 && statusCode < 500) {
    // Fastify's own messages (FST_ERR_…, malformed JSON) are written for clients.
    return apiError(kindOfStatus(statusCode) ?? 'validation', error.message, '', { cause: error })
  }
  if (statusCode !== 503) return undefined
  return apiError('unavailable', 'the server is overloaded', '', {
    retryAfter: DATABASE_RETRY_SECONDS,
    cause: error
  })
}

/**
 * Maps whatever was thrown to an error that clients may see. Unknown errors become `internal`, whose message
 * tells nothing; the caller logs their cause.
 */
export function toApiError (error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (isDatabaseAway(error)) {
    return apiError('unavailable', 'the database does not answer; a write may have happened: ' +
      'repeat it with the same clientId', '', { retryAfter: DATABASE_RETRY_SECONDS, cause: error })
  }
  const isHttpError = error instanceof Error && !(error instanceof mongodb.MongoError)
  const known = isHttpError ? httpError(error) : undefined
  return known ?? apiError('internal', 'the server failed; the log has the details', '', { cause: error })
}
