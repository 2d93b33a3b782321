/** The servers that are measured, each with its database as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../../test/server.js'
import { processStats } from '../../test/long/process-stats.js'
import { HEAP_FLAGS } from './settings.js'

export type ServerName = 'server' | 'classic' | 'floor'
export const SERVERS: readonly ServerName[] = ['server', 'classic', 'floor']

/** The limits by rate are off; the machine is busy on purpose. */
const UNLIMITED = {
  REGISTER_LIMIT: '0',
  LOGIN_LIMIT: '0',
  HTTP_RATE: '0',
  FRAME_RATE: '0',
  USER_FRAME_RATE: '0',
  MAX_LOOP_DELAY_MS: '0',
  MAX_SOCKETS_PER_USER: '0',
  MAX_CONNECTIONS_PER_ADDRESS: '0',
  MAX_SOCKETS: '0'
}

export interface Usage {
  /** seconds of processor time of all processes */
  cpu: number
  /** MiB of RssAnon, and of the highest RSS so far */
  anonymous: number
  peak: number
}

interface Child { child: ChildProcess, line: string }

/** Starts a program and waits for the line that `wanted` finds. */
async function launch (args: string[], env: Record<string, string>, wanted: RegExp): Promise<Child> {
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH!, ...env }, stdio })
  const lines = createInterface({ input: child.stdout! })
  const line = await new Promise<string>((resolve, reject) => {
    lines.on('line', text => {
      const found = wanted.exec(text)
      if (found !== null) resolve(found[1]!)
    })
    child.once('exit', code => reject(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  // The rest of the log is read without looking at it.
  lines.close()
  child.stdout!.resume()
  return { child, line }
}

/** A running server: where it listens, what it uses, how it ends. */
export class Running {
  readonly name: ServerName
  readonly origin: string
  readonly dir: string
  /** milliseconds from the start of the process until it listens */
  readonly startMs: number
  readonly #children: ChildProcess[]
  readonly #temporary: boolean

  constructor (name: ServerName, dir: string, temporary: boolean, startMs: number, children: Child[]) {
    this.name = name
    this.dir = dir
    this.startMs = startMs
    this.origin = children.at(-1)!.line
    this.#children = children.map(({ child }) => child)
    this.#temporary = temporary
  }

  usage (): Usage {
    const all = this.#children.map(({ pid }) => processStats(pid!)!)
    const sum = (of: (stats: typeof all[number]) => number) => all.reduce((total, one) => total + of(one), 0)
    return { cpu: sum(s => s.cpu), anonymous: sum(s => s.anonymous), peak: sum(s => s.peakRss) }
  }

  /** Ends the server, then its database, and deletes its data unless it is kept. */
  async stop (): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    if (this.#temporary) await rm(this.dir, { recursive: true, force: true })
  }
}

export interface StartOptions {
  /** the server under test: its dist/src/server.js */
  script: string
  /** a directory of data to keep; without one, the data goes with the server */
  dir?: string | undefined
}

/** Starts one of the servers on a free port. */
export async function start (name: ServerName, { script, dir }: StartOptions): Promise<Running> {
  if (dir !== undefined) await mkdir(dir, { recursive: true })
  const data = dir ?? await mkdtemp(join(tmpdir(), 'chat-bench-'))
  const since = performance.now()
  const children = await launchAll(name, script, data)
  return new Running(name, data, dir === undefined, performance.now() - since, children)
}

async function launchAll (name: ServerName, script: string, data: string): Promise<Child[]> {
  const peer = join(ROOT, `dist/bench/peers/${name}.js`)
  if (name === 'floor') return [await launch([peer], {}, /^(http:.*)$/)]
  if (name === 'classic') {
    const cli = join(ROOT, 'packages/embedded-mongo/dist/cli.js')
    const database = await launch([cli, data], {}, /^(mongodb:.*)$/)
    const env = { NODE_ENV: 'production' }
    return [database, await launch([peer, database.line], env, /^(http:.*)$/)]
  }
  const env = { ...UNLIMITED, PORT: '0', HOST: '127.0.0.1', DATA_DIR: data }
  return [await launch([...HEAP_FLAGS, script], env, /chat server: (http:\/\/[^/]+)/)]
}
