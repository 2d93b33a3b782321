/**
 * Every environment variable: its type, default, limits and meaning, in ONE schema. `npm start -- --help`
 * prints it.
 */
import { Type, type Static } from '@sinclair/typebox'
import { LIST_BYTES } from './lists.js'
import { readSettings } from './validation.js'

const KIB = 1024
const MIB = 1024 * KIB

type NumberOptions = { default: number, minimum?: number, maximum?: number, exclusiveMinimum?: number }

const integer = (description: string, options: NumberOptions) => Type.Integer({ ...options, description })
const number = (description: string, options: NumberOptions) => Type.Number({ ...options, description })
/** A number of things, where 0 has a meaning. */
const count = (value: number, description: string) => integer(description, { default: value, minimum: 0 })
const text = (description: string, value = '') => Type.String({ default: value, description })
const oneOf = <T extends string>(values: T[], value: T, description: string) =>
  Type.Union(values.map(allowed => Type.Literal(allowed)), { default: value, description })
/** At least two of the largest answers (LIST_BYTES): one is read while the next is made. */
const answerBytes = (mebibytes: number, description: string) =>
  integer(description, { default: mebibytes * MIB, minimum: 2 * LIST_BYTES })

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const Config = Type.Object({
  PORT: integer('port to listen on; 0 takes a free one', { default: 5009, minimum: 0, maximum: 65535 }),
  HOST: text('address to listen on; 0.0.0.0 or :: for all', 'localhost'),
  NODE_ENV: text('"production" keeps stacks out of answers', 'production'),
  MONGODB_URL: text('a MongoDB server, mongodb://… or mongodb+srv://…; without a database name "chat" is used; ' +
    'empty: the embedded database'),
  REDIS_URL: text('a Redis or Valkey server between several processes on one MONGODB_URL: redis://HOST:PORT/DB, ' +
    'redis+sentinel://HOST:PORT,…/NAME/DB or redis+cluster://HOST:PORT,…; rediss for TLS; empty: one process'),
  REDIS_PREFIX: text('begins every key and channel in Redis', 'chat:'),
  WORKERS: integer('processes on this machine that share the work and the port; 0: one for each core', {
    default: 1,
    minimum: 0,
    maximum: 256
  }),
  DATA_DIR: text('where the embedded database keeps its data', './data'),
  ALLOWED_ORIGINS: text('comma-separated origins, such as https://chat.example.org, whose pages may use the ' +
    'API besides those of this host'),
  TRUST_PROXY: text('true, or comma-separated addresses and networks of the proxies in front ' +
    "(as Fastify's trustProxy); empty: off"),
  LOG_LEVEL: oneOf(LOG_LEVELS, 'info', 'the lowest level that is logged'),
  LOG_REQUESTS: oneOf(['on', 'off'], 'off',
    '"on" logs a line for each request; "off" only for those that take longer than a second'),
  SESSION_DAYS: number('days until a session expires; an unused one expires after half of that', {
    default: 30,
    exclusiveMinimum: 0,
    maximum: 3650
  }),
  REGISTER_LIMIT: count(60, 'registrations an hour from one address'),
  LOGIN_LIMIT: count(20, 'failed logins in 15 minutes for one account from one address; five times that ' +
    'from one address, and five times that of successful logins for one account'),
  REFUSE_COMMON_PASSWORDS: Type.Boolean({
    default: false,
    description: 'refuse the most common passwords (recommended)'
  }),
  HTTP_RATE: count(50, 'requests a second of one user, or of one address without a session; large ones ' +
    "count as several; bursts of 3 seconds' worth"),
  FRAME_RATE: count(20,
    "frames a second of one socket; bursts of 3 seconds' worth; 0 switches USER_FRAME_RATE off too"),
  USER_FRAME_RATE: count(100,
    "cost a second of the frames of one user, over all sockets; bursts of 40 seconds' worth"),
  MAX_SOCKETS: count(20_000, 'open sockets in all'),
  MAX_SOCKETS_PER_USER: count(20, 'open sockets of one user; above it the oldest is closed'),
  FRAME_BYTES: integer('bytes of one WebSocket frame', {
    default: 128 * KIB,
    minimum: KIB,
    maximum: 16 * MIB
  }),
  QUEUE_BYTES: integer('bytes queued to a slow socket before it is closed', {
    default: MIB,
    minimum: 64 * KIB
  }),
  BAD_FRAMES: integer('malformed frames in a row before the socket is closed', { default: 10, minimum: 1 }),
  HEARTBEAT_MS: integer('milliseconds between two pings on a socket; proxies close idle ones in 30 to 60 s', {
    default: 25_000,
    minimum: 50
  }),
  PONG_MS: integer('milliseconds that a pong may take before the socket is terminated', {
    default: 10_000,
    minimum: 50
  }),
  RESUME_LIMIT: integer('missing entries of a conversation that a resume sends; above it a reset is sent', {
    default: 10_000,
    minimum: 1
  }),
  RESUME_CONVERSATIONS: integer('conversations that one resume may name; a socket may have four times as ' +
    'many under way', { default: 2_500, minimum: 1 }),
  MAX_CURSORS: count(10_000, 'conversations that one socket may follow, if it resumes more'),
  PRESENCE_GRACE_MS: count(5_000, "milliseconds after a user's last device left until the user is offline"),
  TYPING_MS: integer('milliseconds after which `typing` ends unless it is repeated', {
    default: 5_000,
    minimum: 50
  }),
  WEB: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description: '"off" serves the API without the browser client'
  }),
  GROUP_MEMBERS: integer('members of a group at most', { default: 500, minimum: 2, maximum: 1_000 }),
  DIRECTORY: Type.Union([Type.Literal('all'), Type.Literal('search')], {
    default: 'all',
    description: '"search": allusers answers only a search of at least 3 characters'
  }),
  SEND_MS: integer('milliseconds that a message may wait to be stored, before its sender gets an error', {
    default: 10_000,
    minimum: 50
  }),
  WAITING_BYTES: integer('bytes of messages that wait to be stored, in all; more are refused', {
    default: 64 * MIB,
    minimum: MIB
  }),
  TAIL_BYTES: count(16 * MIB, 'bytes of memory for the newest messages of the conversations in use'),
  BODY_BYTES: integer('bytes of one request body', {
    default: 128 * KIB,
    minimum: 64 * KIB,
    maximum: 16 * MIB
  }),
  MAX_CONNECTIONS: count(10_000, 'open connections that speak HTTP, in all; WebSockets have MAX_SOCKETS'),
  MAX_CONNECTIONS_PER_ADDRESS: count(1_000, 'the same of one address; off with TRUST_PROXY'),
  ANSWER_BYTES: answerBytes(128, 'bytes of requests and unread answers in memory, in all'),
  ANSWER_BYTES_PER_ADDRESS: answerBytes(64, 'the same of one address'),
  ANSWER_BYTES_PER_USER: answerBytes(20, 'the same of one user'),
  ANSWER_BYTES_PER_CONNECTION: answerBytes(12, 'the same of one connection'),
  ANSWER_TIMEOUT_MS: integer('milliseconds that an unread answer may stall before its connection is closed', {
    default: 30_000,
    minimum: 100
  }),
  METRICS_TOKEN: text('Bearer token that opens /metrics to other hosts; empty: loopback only'),
  MAX_LOOP_DELAY_MS: count(1_000, 'event loop delay above which requests get 503'),
  MAX_MEMORY_SHARE: number('share of the memory of the machine or container above which requests get 503', {
    default: 0.8,
    minimum: 0,
    maximum: 1
  })
}, { $id: 'Config' })
export type Config = Static<typeof Config>

/** The configuration cannot be used; the message names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the configuration, with defaults for unset variables. Empty variables count as unset.
 * @throws ConfigError that names the variable and its problem
 */
export function loadConfig (env: NodeJS.ProcessEnv): Config {
  const given: Record<string, string> = {}
  for (const name of Object.keys(Config.properties)) {
    const value = env[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  const { REFUSE_COMMON_PASSWORDS: refuse } = given
  if (refuse !== undefined) given.REFUSE_COMMON_PASSWORDS = onOff('REFUSE_COMMON_PASSWORDS', refuse)
  const config = validated(given)
  const { MONGODB_URL, TRUST_PROXY } = config
  if (MONGODB_URL !== '' && !/^mongodb(\+srv)?:\/\//.test(MONGODB_URL)) {
    throw new ConfigError('MONGODB_URL must begin with mongodb:// or mongodb+srv://')
  }
  checkRedisUrl(config)
  if (/^\d+$/.test(TRUST_PROXY)) {
    throw new ConfigError('TRUST_PROXY must be true or addresses of proxies, not a number of hops')
  }
  allowedOrigins(config)
  return config
}

function checkRedisUrl ({ MONGODB_URL, REDIS_URL }: Config): void {
  if (REDIS_URL === '') return
  if (!/^rediss?(\+sentinel|\+cluster)?:\/\/./.test(REDIS_URL)) {
    throw new ConfigError('REDIS_URL must begin with redis://, redis+sentinel:// or redis+cluster://, ' +
      'or the same with rediss for TLS')
  }
  if (MONGODB_URL === '') {
    throw new ConfigError('REDIS_URL needs MONGODB_URL: the embedded database belongs to one process')
  }
}

function validated (given: Record<string, string>): Config {
  try {
    return readSettings(Config, given)
  } catch (error) {
    // Fields of JSON begin with a slash.
    throw new ConfigError((error as Error).message.replaceAll(/\/([A-Z_]+)/g, '$1'))
  }
}

function onOff (name: string, value: string): string {
  if (['on', 'true', '1'].includes(value)) return 'true'
  if (['off', 'false', '0'].includes(value)) return 'false'
  throw new ConfigError(`${name} must be on or off`)
}

/**
 * Reads the origins of ALLOWED_ORIGINS into the form that browsers send (RFC 6454, 6.2).
 * @throws ConfigError if an entry is not an origin
 */
export function allowedOrigins (config: Config): Set<string> {
  const entries = config.ALLOWED_ORIGINS.split(',').map(entry => entry.trim()).filter(entry => entry !== '')
  return new Set(entries.map(entry => {
    const origin = URL.canParse(entry) ? new URL(entry).origin : 'null'
    if (origin === 'null') {
      throw new ConfigError('ALLOWED_ORIGINS must hold origins such as https://chat.example.org, ' +
        `not "${entry}"`)
    }
    return origin
  }))
}

/**
 * TRUST_PROXY as Fastify takes it. A number of hops is not possible: it cannot tell a proxy from a client
 * that connects directly.
 */
export function trustProxy ({ TRUST_PROXY }: Config): boolean | string {
  if (TRUST_PROXY === 'true') return true
  if (TRUST_PROXY === '' || TRUST_PROXY === 'false') return false
  return TRUST_PROXY
}
