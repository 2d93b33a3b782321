/**
 * Every environment variable: its type, default, limits and meaning, in ONE schema. `npm start -- --help` prints it.
 */
import { Type, type Static, type TSchema } from '@sinclair/typebox'
import envSchema from 'env-schema'
import { LIST_BYTES } from './lists.js'

const count = (value: number, description: string, options: object = {}) => Type.Integer({ default: value, minimum: 0, ...options, description })
const text = (description: string, value = '') => Type.String({ default: value, description })
/** At least two of the largest answers (LIST_BYTES): one is read while the next is made. */
const answerBytes = (mebibytes: number, description: string) =>
  Type.Integer({ default: mebibytes * 1024 * 1024, minimum: 2 * LIST_BYTES, description })

export const Config = Type.Object({
  PORT: Type.Integer({ default: 5009, minimum: 0, maximum: 65535, description: 'port to listen on; 0 takes a free one' }),
  HOST: text('address to listen on; 0.0.0.0 or :: for all', 'localhost'),
  NODE_ENV: text('"production" keeps stacks out of answers', 'production'),
  MONGODB_URL: text('a MongoDB server, mongodb://… or mongodb+srv://…; without a database name "chat" is used; empty: the embedded database'),
  DATA_DIR: text('where the embedded database keeps its data', './data'),
  ALLOWED_ORIGINS: text('comma-separated origins, such as https://chat.example.org, that may use the API from a browser, beyond this host itself'),
  TRUST_PROXY: text("true, or comma-separated addresses and networks of the proxies in front (as Fastify's trustProxy); empty: off"),
  LOG_LEVEL: Type.Union(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map(level => Type.Literal(level)), { default: 'info', description: 'the least level that is logged' }),
  SESSION_DAYS: Type.Number({ default: 30, exclusiveMinimum: 0, maximum: 3650, description: 'days a session lives at most; unused it ends after half of that' }),
  REGISTER_LIMIT: count(60, 'registrations an hour from one address'),
  LOGIN_LIMIT: count(20, 'failed logins in 15 minutes of one account from one address; five times that from one address, and of successful ones of one account'),
  REFUSE_COMMON_PASSWORDS: Type.Boolean({ default: false, description: 'refuse the most common passwords (recommended)' }),
  HTTP_RATE: count(50, 'requests a second of one user, or one address without a session; large ones count as several; bursts of 3 seconds\' worth'),
  FRAME_RATE: count(20,
    'frames a second of one socket; bursts of 3 seconds\' worth; 0 switches USER_FRAME_RATE off too'),
  USER_FRAME_RATE: count(100,
    'cost a second of the frames of one user, over all sockets; bursts of 40 seconds\' worth'),
  MAX_SOCKETS: count(20_000, 'open sockets in all'),
  MAX_SOCKETS_PER_USER: count(20, 'open sockets of one user; the oldest is closed'),
  FRAME_BYTES: Type.Integer({ default: 128 * 1024, minimum: 1024, maximum: 16 * 1024 * 1024, description: 'bytes of one WebSocket frame' }),
  QUEUE_BYTES: Type.Integer({ default: 1024 * 1024, minimum: 64 * 1024, description: 'bytes queued to a socket that does not read, before it is closed' }),
  BAD_FRAMES: Type.Integer({ default: 10, minimum: 1, description: 'malformed frames in a row, before the socket is closed' }),
  HEARTBEAT_MS: Type.Integer({ default: 25_000, minimum: 50, description: 'milliseconds between two pings on a socket; proxies close idle ones after 30 to 60 s' }),
  PONG_MS: Type.Integer({ default: 10_000, minimum: 50, description: 'milliseconds a pong may take, before the socket is terminated' }),
  RESUME_LIMIT: Type.Integer({ default: 10_000, minimum: 1, description: 'missing messages of a conversation that a resume sends; above it a reset' }),
  RESUME_CONVERSATIONS: Type.Integer({
    default: 2_500,
    minimum: 1,
    description: 'conversations that one resume may name; four times that may be under way on a socket'
  }),
  MAX_CURSORS: count(10_000, 'conversations that one socket may follow, if it resumes more'),
  PRESENCE_GRACE_MS: count(5_000, 'milliseconds after the last device left, before a user counts as offline'),
  TYPING_MS: Type.Integer({ default: 5_000, minimum: 50, description: 'milliseconds after which `typing` ends unless it is repeated' }),
  SEND_MS: Type.Integer({
    default: 10_000,
    minimum: 50,
    description: 'milliseconds a message may wait to be stored, before its sender gets an error'
  }),
  WAITING_BYTES: Type.Integer({
    default: 64 * 1024 * 1024,
    minimum: 1024 * 1024,
    description: 'bytes of messages that wait to be stored, in all; more are refused'
  }),
  BODY_BYTES: Type.Integer({ default: 128 * 1024, minimum: 64 * 1024, maximum: 16 * 1024 * 1024, description: 'bytes of one request body' }),
  MAX_CONNECTIONS: count(10_000, 'open connections that speak HTTP, in all; WebSockets have MAX_SOCKETS'),
  MAX_CONNECTIONS_PER_ADDRESS: count(1_000, 'the same of one address; off with TRUST_PROXY'),
  ANSWER_BYTES: answerBytes(128, 'bytes of requests and unread answers in memory, in all'),
  ANSWER_BYTES_PER_ADDRESS: answerBytes(64, 'the same of one address'),
  ANSWER_BYTES_PER_USER: answerBytes(20, 'the same of one user'),
  ANSWER_BYTES_PER_CONNECTION: answerBytes(12, 'the same of one connection'),
  ANSWER_TIMEOUT_MS: Type.Integer({
    default: 30_000,
    minimum: 100,
    description: 'milliseconds in which an unread answer makes no progress, before its connection is cut'
  }),
  METRICS_TOKEN: text('Bearer token that opens /metrics to other hosts; empty: loopback only'),
  MAX_LOOP_DELAY_MS: count(1_000, 'event loop delay above which requests get 503'),
  MAX_MEMORY_SHARE: Type.Number({
    default: 0.8,
    minimum: 0,
    maximum: 1,
    description: 'share of the memory of the machine or container above which requests get 503'
  })
}, { $id: 'Config' })
export type Config = Static<typeof Config>

/** A configuration that cannot be used; the message names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the configuration, with defaults for what is unset. Empty variables count as unset.
 * @throws ConfigError naming the variable and what is wrong with it
 */
export function loadConfig (env: NodeJS.ProcessEnv): Config {
  const given: Record<string, string> = {}
  for (const name of Object.keys(Config.properties)) {
    const value = env[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  if (given.REFUSE_COMMON_PASSWORDS !== undefined) given.REFUSE_COMMON_PASSWORDS = onOff('REFUSE_COMMON_PASSWORDS', given.REFUSE_COMMON_PASSWORDS)
  let config: Config
  try {
    config = envSchema<Config>({ schema: structuredClone(Config), env: false, data: given })
  } catch (error) {
    throw new ConfigError((error as Error).message.replaceAll(/\benv\/([A-Z_]+)/g, '$1'))
  }
  if (config.MONGODB_URL !== '' && !/^mongodb(\+srv)?:\/\//.test(config.MONGODB_URL)) throw new ConfigError('MONGODB_URL must begin with mongodb:// or mongodb+srv://')
  if (/^\d+$/.test(config.TRUST_PROXY)) throw new ConfigError('TRUST_PROXY must be true or addresses of proxies, not a number of hops')
  allowedOrigins(config)
  return config
}

function onOff (name: string, value: string): string {
  if (['on', 'true', '1'].includes(value)) return 'true'
  if (['off', 'false', '0'].includes(value)) return 'false'
  throw new ConfigError(`${name} must be on or off`)
}

/**
 * The origins of ALLOWED_ORIGINS, each in the form that browsers send (RFC 6454, 6.2).
 * @throws ConfigError where an entry is no origin
 */
export function allowedOrigins (config: Config): Set<string> {
  const entries = config.ALLOWED_ORIGINS.split(',').map(entry => entry.trim()).filter(entry => entry !== '')
  return new Set(entries.map(entry => {
    const origin = URL.canParse(entry) ? new URL(entry).origin : 'null'
    if (origin === 'null') throw new ConfigError(`ALLOWED_ORIGINS must hold origins such as https://chat.example.org; "${entry}" is none`)
    return origin
  }))
}

/** TRUST_PROXY in Fastify's terms. A number of hops is not among them: it cannot tell a proxy from a client that connects directly. */
export function trustProxy (config: Config): boolean | string {
  return config.TRUST_PROXY === 'true' || (config.TRUST_PROXY !== '' && config.TRUST_PROXY !== 'false' && config.TRUST_PROXY)
}

/** What is risky about this configuration, a sentence each, for the log at start-up. */
export function configWarnings (config: Config): string[] {
  const warnings: string[] = []
  if (config.NODE_ENV !== 'production') warnings.push(`NODE_ENV=${config.NODE_ENV}: error answers contain stacks`)
  if (!config.REFUSE_COMMON_PASSWORDS) warnings.push('REFUSE_COMMON_PASSWORDS is off: passwords such as 12345678 are accepted; set it to on unless you need the documented sample')
  if (config.TRUST_PROXY === 'true') warnings.push('TRUST_PROXY=true believes every X-Forwarded-For: limits by address can be evaded unless a proxy overwrites it')
  const limits = ['REGISTER_LIMIT', 'LOGIN_LIMIT', 'HTTP_RATE', 'FRAME_RATE', 'USER_FRAME_RATE'] as const
  for (const name of limits) {
    if (config[name] === 0) warnings.push(`${name}=0: this limit is switched off`)
  }
  return warnings
}

/** The text of --help: a line for each variable. */
export function configHelp (): string {
  const lines = Object.entries(Config.properties as Record<string, TSchema>).map(([name, schema]) => {
    const value = schema.default === '' ? '' : ` (${schema.default})`
    return `  ${(name + value).padEnd(32)} ${schema.description}`
  })
  return `Environment variables (defaults in brackets; a limit of 0 is switched off):\n${lines.join('\n')}\n`
}
