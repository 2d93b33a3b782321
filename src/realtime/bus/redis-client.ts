/** Connections to Redis, by the URL of REDIS_URL: one server, Sentinels or a cluster. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'

export type RedisClient = Redis | Cluster

/** Milliseconds until a connection is given up, and the longest pause between two attempts. */
const CONNECT_MS = 5_000
const MAX_PAUSE_MS = 1_000
const SENTINEL_PORT = 26_379
const REDIS_PORT = 6_379

const URL_FORM =
  /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^@/]*)@)?([^@/?]+)(?:\/([^/?]*))?(?:\/(\d+))?$/

/** The forms of REDIS_URL, for messages. */
const REDIS_URL_FORMS = 'redis://HOST:PORT/DB, redis+sentinel://HOST:PORT,…/NAME/DB or ' +
  'redis+cluster://HOST:PORT,…; rediss for TLS'

/**
 * Connects to Redis. A command fails at once while the connection is away, and is not repeated: who sent it
 * knows whether a repeat makes sense.
 */
export function connectRedis (url: string): RedisClient {
  const match = URL_FORM.exec(url)
  if (match === null) throw new Error(`REDIS_URL must have the form ${REDIS_URL_FORMS}`)
  const [, scheme, kind, login = '', hosts, path = '', db = ''] = match
  const [username, password] = loginOf(login)
  const options: RedisOptions = {
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(scheme === 'rediss' ? { tls: {} } : {}),
    connectTimeout: CONNECT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: pause
  }
  if (kind === '+cluster') return cluster(nodesOf(hosts!, REDIS_PORT), options)
  if (kind === '+sentinel') {
    const sentinels = nodesOf(hosts!, SENTINEL_PORT)
    return new Redis({ ...options, sentinels, name: path, db: Number(db), sentinelRetryStrategy: pause })
  }
  const [node] = nodesOf(hosts!, REDIS_PORT)
  return new Redis({ ...options, ...node!, db: Number(path) })
}

function cluster (nodes: { host: string, port: number }[], redisOptions: RedisOptions): Cluster {
  return new Cluster(nodes, {
    redisOptions,
    enableOfflineQueue: false,
    shardedSubscribers: true,
    clusterRetryStrategy: pause
  })
}

/** Milliseconds until the next attempt: up to a second, and not of all processes at the same time. */
function pause (attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), MAX_PAUSE_MS) * (0.5 + Math.random() / 2)
}

function loginOf (login: string): [username: string, password: string] {
  const at = login.indexOf(':')
  if (at === -1) return ['', decodeURIComponent(login)]
  return [decodeURIComponent(login.slice(0, at)), decodeURIComponent(login.slice(at + 1))]
}

function nodesOf (hosts: string, defaultPort: number): { host: string, port: number }[] {
  return hosts.split(',').map(node => {
    const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(node) ?? []
    return { host: (host ?? '').replaceAll(/[[\]]/g, ''), port: Number(port ?? defaultPort) }
  })
}
