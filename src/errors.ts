/**
 * The catalogue of errors that a client can see: the HTTP status of each, the words that its message begins
 * with, and its code on the WebSocket. Everything throws `apiError(...)`; src/thrown-errors.ts maps whatever
 * else is thrown.
 */
import type { ErrorFrameCode } from 'chat-protocol'

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

export interface FieldMessage {
  path: string
  message: string
}

/** An error that clients may see: it contains nothing secret. */
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

export interface ApiErrorOptions {
  /** Seconds until a repeat makes sense. */
  retryAfter?: number
  cause?: unknown
}

/**
 * Makes an error of the catalogue.
 * @param kind decides the status and the words that the message begins with
 * @param detail one sentence for people
 * @param path the field that the error is about; '' if it is about none
 */
export function apiError (
  kind: ErrorKind, detail: string, path = '', options: ApiErrorOptions = {}
): ApiError {
  const message = `${KINDS[kind].title}: ${detail}`
  const { retryAfter, cause } = options
  return new ApiError(kind, message, [{ path, message: detail }], retryAfter, { cause })
}

/** Makes one error of several fields. */
export function fieldsError (kind: ErrorKind, fields: FieldMessage[]): ApiError {
  const details = fields.map(({ message }) => message).join('; ')
  return new ApiError(kind, `${KINDS[kind].title}: ${details}`, fields)
}

/**
 * Makes the error of a value that a unique index refused, worded like MongoDB's own. It contains the caller's
 * value: the name of the database and the stored value, which may differ in letter case, stay secret.
 */
export function duplicateKey (collection: string, path: string, value: string): ApiError {
  const title = KINDS.duplicate.title
  const key = `{ ${path}: ${JSON.stringify(value)} }`
  const message = `${title} collection: ${collection} index: ${path}_1 dup key: ${key}`
  return new ApiError('duplicate', message, [{ path, message }])
}

/** Several kinds share a status; the first of them in the catalogue counts. */
const KIND_OF_STATUS = new Map<number, ErrorKind>(
  (Object.keys(KINDS) as ErrorKind[]).reverse().map(kind => [KINDS[kind].status, kind]))

/** Finds the kind of an HTTP status; undefined if no kind has it. */
export function kindOfStatus (status: number): ErrorKind | undefined {
  return KIND_OF_STATUS.get(status)
}
