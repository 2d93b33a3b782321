/** Real redis-server processes for tests: Debian's package redis-server has them. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lifetime } from './server.js'

export interface RedisProcess {
  port: number
  url: string
  signal (signal: NodeJS.Signals): void
  /** Kills it and waits for its end. */
  kill (): Promise<void>
  /** Starts it again on the same port, empty. */
  restart (): Promise<void>
}

/** Why the tests with Redis cannot run; undefined where they can. Only CI_OFFLINE=1 allows to skip them. */
export function redisMissing (): string | undefined {
  const missing = spawnSync('redis-server', ['--version']).error !== undefined
  if (!missing) return undefined
  if (process.env.CI_OFFLINE === '1') return '!!! SKIPPED: redis-server is not installed (CI_OFFLINE=1)'
  throw new Error('redis-server is missing: apt-get install redis-server, or set CI_OFFLINE=1')
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a redis-server that keeps nothing on disk; it is killed with the test. */
export async function startRedis (t: Lifetime, args: string[] = []): Promise<RedisProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'chat-redis-'))
  const port = await freePort()
  const launch = async () => {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir]
    const child = spawn('redis-server', [...options, ...args])
    const closed = once(child, 'close')
    let out = ''
    for await (const chunk of child.stdout) {
      out += chunk
      if (/Ready to accept connections/.test(out)) break
    }
    if (!/Ready to accept/.test(out)) throw new Error(`redis-server did not start:\n${out}`)
    return { child, closed }
  }
  let running = await launch()
  const kill = async () => {
    running.child.kill('SIGKILL')
    await running.closed
  }
  t.teardown(async () => {
    await kill()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: signal => { running.child.kill(signal) },
    kill,
    restart: async () => { running = await launch() }
  }
}
