// What the tests of the embedded server share. They talk to it through the official driver only.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb'
import type { Test } from 'tap'
import { startEmbeddedMongo } from '../../src/embedded-mongo/index.js'

/** A new directory that goes with the test. */
export async function scratch (t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'embedded-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export interface Running {
  db: Db
  client: MongoClient
  url: string
  socketPath: string
  dir: string
  /** A further client of the same server, closed with the test. */
  connect (options?: MongoClientOptions): Promise<MongoClient>
}

/** An embedded server on its own directory, a client of it and an empty database; all go with the test. */
export async function start (t: Test, options: MongoClientOptions = {}): Promise<Running> {
  const dir = await scratch(t)
  // Nothing here loses power: only the durability test pays for the disk.
  const server = await startEmbeddedMongo({ dir, noSync: true })
  const clients: MongoClient[] = []
  const connect = async (more: MongoClientOptions = {}) => {
    const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 5_000, ...more })
    clients.push(client)
    return client.connect()
  }
  t.teardown(async () => {
    for (const client of clients) await client.close()
    await server.stop()
  })
  const client = await connect(options)
  return { client, db: client.db('test'), url: server.url, socketPath: server.socketPath, dir, connect }
}

export interface ServerProcess {
  child: ChildProcess
  url: string
  socketPath: string
  /** Resident memory of the server's process, in bytes. */
  rss (): Promise<number>
  /** Ends it with this signal, or without one by asking it to stop; resolves when it is gone. */
  end (signal?: NodeJS.Signals): Promise<void>
}

/**
 * A server in its own process; rejects with what it said when it could not start.
 * @param largestFile bytes beyond which the system lets none of its files grow (ulimit -f)
 */
export async function startProcess (t: Test, dir: string, mode: 'sync' | 'noSync', largestFile?: number): Promise<ServerProcess> {
  const script = fileURLToPath(new URL('server-process.ts', import.meta.url))
  const command = [process.execPath, ...process.execArgv, script, dir, mode]
  // bash counts in blocks of 1 KiB.
  if (largestFile) command.unshift('bash', '-c', `ulimit -f ${largestFile / 1024} && exec "$0" "$@"`)
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const gone = once(child, 'exit')
  const end = async (signal?: NodeJS.Signals) => {
    if (signal) child.kill(signal)
    else if (child.connected) child.send('stop')
    await gone
  }
  t.teardown(() => end('SIGKILL'))
  const [{ url, socketPath, error }] = await Promise.race([once(child, 'message'), gone.then(([code]) => [{ error: `it ended with ${code}` }])])
  if (error) throw new Error(error)
  const rss = async () => {
    child.send('memory')
    return (await once(child, 'message'))[0].rss
  }
  return { child, url, socketPath, rss, end }
}

/** A seed from the environment, so that a failed run can be repeated, else a new one; it is in the test's name. */
export function pickSeed (): number {
  return Number(process.env.TEST_SEED ?? Math.trunc(Math.random() * 2 ** 31))
}

/** Mulberry32: a small seeded generator, enough to choose test data with. */
export function random (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
