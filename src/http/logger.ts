import type { FastifyLoggerOptions } from 'fastify'
import { stdSerializers, type LoggerOptions } from 'pino'
import type { Config } from '../config.js'

/**
 * What never stands in a log: credentials and what people write (OWASP Logging Cheat Sheet, "Data to
 * exclude").
 */
const HEADERS = ['authorization', 'cookie', '["set-cookie"]', '["sec-websocket-protocol"]']
const FIELDS = ['password', 'oldPassword', 'newPassword', 'token']
const REDACTED = [
  ...['headers', '*.headers'].flatMap(where => HEADERS.map(name => name.startsWith('[') ? where + name : `${where}.${name}`)),
  ...FIELDS, ...FIELDS.map(name => `*.${name}`),
  // What people write: bodies are never logged, and if one is, then without it. An error's own `message` is
  // none of that.
  ...['body', '*.body', 'frame'].flatMap(where => [...FIELDS, 'message'].map(name => `${where}.${name}`))
]

/**
 * What is logged of an error, beside its class, message and stack (its causes' included). Errors of the
 * database driver carry the documents that were written (`writeErrors[].op`, `result`, `errInfo`): nothing
 * but these fields is let through.
 */
const ERROR_FIELDS = ['code', 'codeName', 'kind', 'statusCode', 'errno', 'syscall']

interface LoggedError {
  type: string
  message: string
  stack: string
  [field: string]: unknown
}

/** An error as it is logged. */
export function serializeError (error: Error): LoggedError {
  const { type, message, stack } = stdSerializers.err(error)
  const known = error as unknown as Record<string, unknown>
  const plain = ERROR_FIELDS.filter(name => ['string', 'number'].includes(typeof known[name]))
  return { type, message, stack, ...Object.fromEntries(plain.map(name => [name, known[name]])) }
}

/**
 * pino's options: level, redaction, and readable lines where a person is watching (in this thread: a
 * transport would take a second one).
 */
export async function loggerOptions (config: Config): Promise<FastifyLoggerOptions & LoggerOptions> {
  const options = {
    level: config.LOG_LEVEL,
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: serializeError, error: serializeError }
  }
  if (!process.stdout.isTTY) return options
  const { default: pretty } = await import('pino-pretty')
  return { ...options, stream: pretty({ translateTime: 'HH:MM:ss', ignore: 'pid,hostname,reqId', sync: true }) }
}
