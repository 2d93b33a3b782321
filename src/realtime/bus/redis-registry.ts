import { inTime } from '../../concurrency/questions.js'
import type { RedisClient } from './redis-client.js'
import { REGISTRY_TTL_MS, type Registry } from './registry.js'

/** After an absence Redis may be empty: by then every process has entered its users again. */
const REFILL_MS = 3_000
/** Users of one pipeline. */
const BATCH = 1_000

/** The time of Redis counts, because the clocks of processes differ. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
`
const ENTER = `${NOW}
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1]) - 1`
const LEAVE = `${NOW}
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])`
const ONLINE = `${NOW}
return redis.call('ZCARD', KEYS[1])`

/** By user, a sorted set of the processes that have a socket of the user, with the time until which. */
export class RedisRegistry implements Registry {
  readonly #client: RedisClient
  readonly #prefix: string
  readonly #process: string
  #trustedFrom = 0

  constructor (client: RedisClient, prefix: string, process: string) {
    this.#client = client
    this.#prefix = prefix
    this.#process = process
  }

  /** Redis may have lost its data: until all processes entered their users again, absence says nothing. */
  distrust (): void { this.#trustedFrom = performance.now() + REFILL_MS }

  async enter (users: string[]): Promise<Set<string>> {
    const others = await this.#ask(users, ENTER, [this.#process, REGISTRY_TTL_MS])
    return new Set(users.filter((_, n) => others[n]! > 0))
  }

  async leave (user: string): Promise<boolean> {
    this.#requireTrust()
    const [others] = await this.#ask([user], LEAVE, [this.#process])
    return others! > 0
  }

  async online (users: string[]): Promise<Set<string>> {
    this.#requireTrust()
    const processes = await this.#ask(users, ONLINE, [])
    this.#requireTrust()
    return new Set(users.filter((_, n) => processes[n]! > 0))
  }

  #requireTrust (): void {
    if (performance.now() < this.#trustedFrom) throw new Error('Redis may not know all users yet')
  }

  async #ask (users: string[], script: string, args: (string | number)[]): Promise<number[]> {
    const answers: number[] = []
    for (let at = 0; at < users.length; at += BATCH) {
      const keys = users.slice(at, at + BATCH).map(user => `${this.#prefix}online:${user}`)
      const ask = async (key: string) => Number(await this.#client.eval(script, 1, key, ...args))
      const asked = Promise.all(keys.map(ask))
      answers.push(...await inTime(asked, 'Redis does not answer'))
    }
    return answers
  }
}
