// Shared by the tests of the embedded server, which use it through the official driver only.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb'
import { t as tap, type Test } from 'tap'
import { startEmbeddedMongo, type EmbeddedMongo } from '../src/index.js'

/** Makes a directory that is removed after the test. */
export async function scratch (t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'embedded-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export interface Running {
  client: MongoClient
  db: Db
  url: string
  socketPath: string
}

let shared: Promise<EmbeddedMongo> | undefined
let databases = 0

/** Connects a client with an empty database of its own to the server that all tests of a file share. */
export async function start (t: Test, options: MongoClientOptions = {}): Promise<Running> {
  // No flushes: only the durability tests need them.
  shared ??= scratch(tap).then(dir => startEmbeddedMongo({ dir, noSync: true }))
  const { url, socketPath, stop } = await shared
  if (databases++ === 0) tap.teardown(stop)
  const client = new MongoClient(url, options)
  t.teardown(() => client.close())
  return { client, db: client.db(`test${databases}`), url, socketPath }
}

export interface ServerProcess {
  child: ChildProcess
  url: string
  socketPath: string
  /** Resident memory of the server's process, in bytes. */
  rss(): Promise<number>
  /** Kills the server with this signal, or asks it to stop; resolves when the process has ended. */
  end(signal?: NodeJS.Signals): Promise<void>
}

/** It is compiled, as this file is: a process starts in 0.1 s and has no compiler in its memory. */
const SERVER_PROCESS = join(import.meta.dirname, 'server-process.js')

/**
 * Starts a server in a process of its own. Rejects with the server's error if it cannot start.
 *
 * @param largestFile the largest size of its files, in bytes (ulimit -f)
 * @param env variables besides those of this process
 */
export async function startProcess (
  t: Test,
  dir: string,
  mode: 'sync' | 'noSync',
  largestFile?: number,
  env: NodeJS.ProcessEnv = {}
): Promise<ServerProcess> {
  const command = [process.execPath, SERVER_PROCESS, dir, mode]
  // bash counts in blocks of 1 KiB.
  if (largestFile) command.unshift('bash', '-c', `ulimit -f ${largestFile / 1024} && exec "$0" "$@"`)
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '', ...env }
  })
  const gone = once(child, 'exit')
  const end = async (signal?: NodeJS.Signals) => {
    if (signal) child.kill(signal)
    else if (child.connected) child.send('stop', () => {})
    await gone
  }
  t.teardown(() => end('SIGKILL'))
  const [{ url, socketPath, error }] = await Promise.race([
    once(child, 'message'),
    gone.then(([code]) => [{ error: `it ended with ${code}` }])
  ])
  if (error) throw new Error(error)
  const rss = async () => {
    child.send('memory')
    return (await once(child, 'message'))[0].rss
  }
  return { child, url, socketPath, rss, end }
}

/** Connects while `work` runs, with up to 16 connections. The server may die meanwhile. */
export async function using<T> (
  server: ServerProcess, work: (client: MongoClient) => Promise<T>
): Promise<T> {
  const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 2_000, maxPoolSize: 16 })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** Mounts a file system. Where that is not permitted, the output says that this was not tested. */
export function mount (t: Test, at: string, ...options: string[]): boolean {
  try {
    execFileSync('mount', [...options, at], { stdio: 'pipe' })
  } catch (err) {
    t.comment(`!!! NOT TESTED HERE: mounting is not permitted (${String(err).split('\n')[1] ?? 'no mount'})`)
    return false
  }
  t.teardown(() => execFileSync('umount', ['-l', at]))
  return true
}
