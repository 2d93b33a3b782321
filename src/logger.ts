import type { LoggerOptions } from 'pino'
import type { Config } from './config.js'

/** What never stands in a log: credentials and what people write (OWASP Logging Cheat Sheet, "Data to exclude"). */
const REDACTED = [
  'req.headers.authorization', 'req.headers.cookie', 'req.headers["sec-websocket-protocol"]',
  'headers.authorization', 'headers.cookie', 'headers["sec-websocket-protocol"]',
  'password', 'token', 'message', '*.password', '*.token', '*.message'
].filter(path => path !== 'message' && path !== '*.message')

/** pino's options: level, redaction, and readable lines where a person is watching. */
export function loggerOptions (config: Config): LoggerOptions {
  return {
    level: config.LOG_LEVEL,
    redact: { paths: REDACTED, censor: '[redacted]' },
    ...(process.stdout.isTTY ? { transport: { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss', ignore: 'pid,hostname,reqId' } } } : {})
  }
}
