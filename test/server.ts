/** The built server as a process of its own, for tests that start, kill and restart it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

export const ROOT = process.cwd()
/** What `npm run build` makes of src/server.ts. */
export const SERVER = join(ROOT, 'dist/src/server.js')
/** What db:setup, db:check and db:move run. */
export const DB = join(ROOT, 'dist/src/db.js')

/** What a server or a directory ends with: a test of tap, or a program that has no test around it. */
export interface Lifetime {
  teardown(end: () => unknown): void
}

export interface ServerProcess {
  child: ChildProcess
  origin: string
  /** all lines of the log until now */
  log: string[]
  /** Waits until a line with this text is logged, once or so many times. */
  logged: (text: string, times?: number) => Promise<void>
  /** Sends a signal and waits for the end: [exit code, signal]. */
  end: (signal: NodeJS.Signals) => Promise<[number | null, NodeJS.Signals | null]>
}

/** A directory for DATA_DIR that goes with the test. */
export async function dataDir (t: Lifetime): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'chat-data-'))
  t.teardown(async () => {
    await rm(dir, { recursive: true, force: true })
  })
  return join(dir, 'data')
}

/** Runs dist/src/server.js, or another program that `npm test` built before, until it ends. */
export async function run (
  env: Record<string, string>,
  args: string[] = [],
  script = SERVER
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH!, ...env } })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

export interface StartOptions {
  /** another build's dist/src/server.js */
  script?: string
  /** keep the lines that are logged after the start; hours of them take memory */
  keepLog?: boolean
}

function eachLine (stream: Readable, take: (line: string) => void): void {
  let rest = ''
  stream.on('data', chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    lines.forEach(take)
  })
}

async function logged (log: string[], lines: EventEmitter, text: string, times: number): Promise<void> {
  while (log.filter(line => line.includes(text)).length < times) await once(lines, 'line')
}

/** Starts dist/src/server.js on a free port and waits until it listens; it is killed with the test. */
export async function start (
  t: Lifetime,
  env: Record<string, string>,
  { script = SERVER, keepLog = true }: StartOptions = {}
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [script], {
    // Tests that keep the machine busy are no overload.
    env: { PATH: process.env.PATH!, PORT: '0', HOST: '127.0.0.1', MAX_LOOP_DELAY_MS: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  t.teardown(async () => {
    child.kill('SIGKILL')
    await closed
  })
  const [log, lines] = [[] as string[], new EventEmitter()]
  let listening = false
  const origin = await new Promise<string>((resolve, reject) => {
    eachLine(child.stdout!, line => {
      if (keepLog || !listening) log.push(line)
      lines.emit('line')
      const url = /chat server: (http:\/\/[^/]+)/.exec(line)
      if (url !== null) resolve(url[1]!)
    })
    closed.then(([code]) => {
      reject(new Error(`the server ended with ${code}`))
    }, reject)
  })
  listening = true
  return {
    child,
    origin,
    log,
    logged: async (text, times = 1) => await logged(log, lines, text, times),
    end: async signal => {
      child.kill(signal)
      return await closed
    }
  }
}

/** A request with JSON in both directions; the tests know what they asked for, hence `any`. */
export async function request (
  origin: string,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: object } = {}
): Promise<{ status: number; headers: Headers; body: any }> {
  const response = await fetch(origin + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** Milliseconds until a request that got no answer is sent again. */
const RETRY_MS = 50

/**
 * Asks a server that is killed and restarted meanwhile until it answers, and not with 503.
 * @param origin where the server is now
 */
export async function insist (
  origin: () => string,
  method: string,
  path: string,
  { token, body }: { token?: string | undefined; body?: object | undefined }
) {
  for (;;) {
    try {
      const answer = await request(origin(), method, path, {
        ...(token === undefined ? {} : { token }),
        ...(body === undefined ? {} : { body })
      })
      if (answer.status !== 503) return answer
    } catch (error) {
      // fetch throws the one where the connection fails, and JSON.parse the other where it ends early.
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error
    }
    await delay(RETRY_MS)
  }
}
