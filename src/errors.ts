/**
 * Every error that a client can see: its HTTP status, the words its message begins with, and its code on the WebSocket.
 * Hooks, handlers and frame handlers throw `apiError(...)`; `toApiError` turns anything else that was thrown into one.
 */
import { mongodb } from '@fastify/mongodb'
import type { FastifySchemaValidationError } from 'fastify'
import { OBJECT_ID_PATTERN, type ErrorFrameCode } from 'chat-protocol'

const KINDS = {
  validation: { status: 400, title: 'Validation Error', code: 'invalid' },
  cast: { status: 400, title: 'Cast Error', code: 'invalid' },
  unauthorized: { status: 401, title: 'Unauthorized', code: 'unauthorized' },
  forbidden: { status: 403, title: 'Forbidden', code: 'forbidden' },
  notFound: { status: 404, title: 'Not Found', code: 'not_found' },
  requestTimeout: { status: 408, title: 'Request Timeout', code: 'timeout' },
  duplicate: { status: 409, title: 'E11000 duplicate key error', code: 'conflict' },
  conflict: { status: 409, title: 'Conflict', code: 'conflict' },
  payloadTooLarge: { status: 413, title: 'Payload Too Large', code: 'too_large' },
  uriTooLong: { status: 414, title: 'URI Too Long', code: 'too_large' },
  unsupportedMediaType: { status: 415, title: 'Unsupported Media Type', code: 'invalid' },
  expectationFailed: { status: 417, title: 'Expectation Failed', code: 'invalid' },
  tooManyRequests: { status: 429, title: 'Too Many Requests', code: 'rate_limited' },
  headersTooLarge: { status: 431, title: 'Request Header Fields Too Large', code: 'too_large' },
  internal: { status: 500, title: 'Internal Server Error', code: 'internal' },
  unavailable: { status: 503, title: 'Service Unavailable', code: 'unavailable' }
} as const satisfies Record<string, { status: number, title: string, code: ErrorFrameCode }>

export type ErrorKind = keyof typeof KINDS

export interface FieldMessage { path: string, message: string }

/** An error that a client may see: nothing in it is secret. */
export class ApiError extends Error {
  override name = 'ApiError'
  constructor (
    readonly kind: ErrorKind,
    message: string,
    readonly errorMessages: FieldMessage[],
    /** Seconds until a repeat makes sense: the `Retry-After` header (RFC 9110, 10.2.3) and `retryAfterMs`. */
    readonly retryAfter?: number,
    options?: ErrorOptions
  ) {
    super(message, options)
  }

  get statusCode (): number { return KINDS[this.kind].status }
  get code (): string { return KINDS[this.kind].code }
}

/**
 * An error of the catalogue.
 * @param kind what went wrong; gives the status and the words the message begins with
 * @param detail one sentence for a person
 * @param path the field it is about, '' if none
 */
export function apiError (kind: ErrorKind, detail: string, path = '', options: { retryAfter?: number, cause?: unknown } = {}): ApiError {
  return new ApiError(kind, `${KINDS[kind].title}: ${detail}`, [{ path, message: detail }], options.retryAfter, { cause: options.cause })
}

/**
 * The error of a value that a unique index refused, worded as MongoDB words it, from the caller's own value:
 * neither the database's name nor the stored value (which may differ by letter case) is told.
 */
export function duplicateKey (collection: string, path: string, value: string): ApiError {
  const message = `E11000 duplicate key error collection: ${collection} index: ${path}_1 dup key: { ${path}: ${JSON.stringify(value)} }`
  return new ApiError('duplicate', message, [{ path, message }])
}

/** Errors of fields that a caller must see at most: more tell nothing new and let a hostile body grow its answer. */
const MAX_FIELD_MESSAGES = 20

function fieldMessage (error: FastifySchemaValidationError): FieldMessage {
  const steps = error.instancePath.split('/').slice(1)
  const { missingProperty, additionalProperty } = error.params
  const last = missingProperty ?? additionalProperty
  if (typeof last === 'string') steps.push(last)
  const path = steps.join('.')
  const message = typeof missingProperty === 'string' ? 'is required' : typeof additionalProperty === 'string' ? 'is not known' : error.message ?? 'is not valid'
  return { path, message: path === '' ? message : `${path} ${message}` }
}

/**
 * The error for what a schema refused; `path` of each entry names the field.
 * A string that is no ObjectId is a `Cast Error`, as the original's Mongoose had it; anything else is a `Validation Error`.
 */
export function validationError (errors: FastifySchemaValidationError[]): ApiError {
  const cast = errors.every(error => error.keyword === 'pattern' && error.params.pattern === OBJECT_ID_PATTERN)
  const kind = cast ? 'cast' : 'validation'
  const messages = errors.slice(0, MAX_FIELD_MESSAGES)
    .map(error => cast ? { ...fieldMessage(error), message: `${error.instancePath.slice(1)} is no ObjectId (24 lower-case hex digits)` } : fieldMessage(error))
  return new ApiError(kind, `${KINDS[kind].title}: ${messages.map(entry => entry.message).join('; ')}`, messages)
}

const KIND_OF_STATUS = new Map<number, ErrorKind>(
  (Object.keys(KINDS) as ErrorKind[]).reverse().map(kind => [KINDS[kind].status, kind]))

/** Seconds after which to repeat while the database is away: MongoDB elects a new primary within about 12 s, mostly in far less. */
const DATABASE_RETRY_SECONDS = 2

/** MaxTimeMSExpired and WriteConcernTimeout: the command may have been carried out all the same. */
const TIMED_OUT = [50, 64]

function isDatabaseAway (error: unknown): boolean {
  return error instanceof mongodb.MongoWriteConcernError ||
    (error instanceof mongodb.MongoServerError && TIMED_OUT.includes(Number(error.code))) ||
    (error instanceof mongodb.MongoBulkWriteError && error.code === undefined) ||
    error instanceof mongodb.MongoNetworkError || error instanceof mongodb.MongoServerSelectionError ||
    error instanceof mongodb.MongoNotConnectedError || error instanceof mongodb.MongoTopologyClosedError ||
    error instanceof mongodb.MongoClientClosedError || (error instanceof mongodb.MongoError && error.name === 'MongoWaitQueueTimeoutError') ||
    (error instanceof mongodb.MongoError && (error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('RetryableError')))
}

/**
 * The one mapper: whatever was thrown, as an error that a client may see. What is not known becomes `internal`,
 * whose message says nothing; the caller logs the cause.
 */
export function toApiError (error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (isDatabaseAway(error)) {
    return apiError('unavailable', 'the database does not answer; the outcome of a write is unknown, repeat it with the same clientId', '', { retryAfter: DATABASE_RETRY_SECONDS, cause: error })
  }
  if (error instanceof Error && !(error instanceof mongodb.MongoError)) {
    const { validation, statusCode } = error as Error & { validation?: FastifySchemaValidationError[], statusCode?: number }
    if (Array.isArray(validation)) return validationError(validation)
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
      // Fastify's own messages (FST_ERR_…, malformed JSON) are written for clients.
      return apiError(KIND_OF_STATUS.get(statusCode) ?? 'validation', error.message, '', { cause: error })
    }
    if (statusCode === 503) return apiError('unavailable', 'the server is overloaded', '', { retryAfter: DATABASE_RETRY_SECONDS, cause: error })
  }
  return apiError('internal', 'the server failed; the log has the details', '', { cause: error })
}

/** The body of an error answer; `stack` is for development only and never leaves a production process. */
export function errorBody (error: ApiError, withStack: boolean): { success: false, message: string, errorMessages: FieldMessage[], stack?: string } {
  return { success: false, message: error.message, errorMessages: error.errorMessages, ...(withStack && error.stack !== undefined ? { stack: error.stack } : {}) }
}
