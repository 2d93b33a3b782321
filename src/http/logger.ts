import type { FastifyLoggerOptions } from 'fastify'
import { stdSerializers, type LoggerOptions } from 'pino'
import type { Config } from '../config.js'

/** Never logged: credentials, and what people write (OWASP Logging Cheat Sheet, "Data to exclude"). */
const HEADERS = ['authorization', 'cookie', '["set-cookie"]', '["sec-websocket-protocol"]']
const FIELDS = ['password', 'oldPassword', 'newPassword', 'token']
/** Places of headers, and of bodies and frames; pino's paths. */
const HEADER_PLACES = ['headers', '*.headers']
const BODY_PLACES = ['body', '*.body', 'frame']

const pathOf = (place: string, name: string): string =>
  name.startsWith('[') ? `${place}${name}` : `${place}.${name}`

const REDACTED = [
  ...HEADER_PLACES.flatMap(place => HEADERS.map(name => pathOf(place, name))),
  ...FIELDS,
  ...FIELDS.map(name => `*.${name}`),
  // Bodies are not logged. If one is by mistake, its secrets and its text are missing. `message` is redacted
  // only there, because errors have a field of this name too.
  ...BODY_PLACES.flatMap(place => [...FIELDS, 'message'].map(name => pathOf(place, name)))
]

/**
 * Fields of an error that are logged, besides its class, its message, and its stack with those of its causes.
 * Other fields are not logged: errors of the database driver contain the written documents
 * (`writeErrors[].op`, `result`, `errInfo`).
 */
const ERROR_FIELDS = ['code', 'codeName', 'kind', 'statusCode', 'errno', 'syscall']

interface LoggedError {
  type: string
  message: string
  stack: string
  [field: string]: unknown
}

/** Makes what is logged of an error. */
function serializeError (error: Error): LoggedError {
  const { type, message, stack } = stdSerializers.err(error)
  const known = error as unknown as Record<string, unknown>
  const plain = ERROR_FIELDS.filter(name => ['string', 'number'].includes(typeof known[name]))
  return { type, message, stack, ...Object.fromEntries(plain.map(name => [name, known[name]])) }
}

/**
 * Makes pino's options: level, redaction, and readable lines on a terminal. They are formatted in this
 * thread; a transport would need a second one.
 */
export async function loggerOptions (config: Config): Promise<FastifyLoggerOptions & LoggerOptions> {
  const options = {
    level: config.LOG_LEVEL,
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: serializeError, error: serializeError }
  }
  if (!process.stdout.isTTY) return options
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({ translateTime: 'HH:MM:ss', ignore: 'pid,hostname,reqId', sync: true })
  return { ...options, stream }
}
