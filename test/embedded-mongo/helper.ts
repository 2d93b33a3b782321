// What the tests of the embedded server share. They talk to it through the official driver only.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
