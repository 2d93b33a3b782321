/** Databases for the tests: on the embedded server, or on the server of MONGODB_URL. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mongodb } from '@fastify/mongodb'
import { startEmbeddedMongo, type EmbeddedMongo } from 'embedded-mongo'
import tap from 'tap'

let embedded: Promise<EmbeddedMongo> | undefined

/**
 * One embedded server for a test file; it is not flushed to disk, for no test of a running process
 * can tell.
 */
async function serverUrl (): Promise<string> {
  if (process.env.MONGODB_URL) return process.env.MONGODB_URL
  if (embedded === undefined) {
    const dir = await mkdtemp(join(tmpdir(), 'chat-test-'))
    embedded = startEmbeddedMongo({ dir, noSync: true })
    tap.teardown(async () => {
      await (await embedded)?.stop()
      await rm(dir, { recursive: true })
    })
  }
  return (await embedded).url
}

/** The URL of a new database on the server that the tests use. */
export async function databaseUrl (): Promise<string> {
  return await urlOf(`test-${randomBytes(6).toString('hex')}`)
}

async function urlOf (database: string): Promise<string> {
  const url = await serverUrl()
  const [, server, query] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*(\?.*)?$/.exec(url)!
  return `${server}/${database}${query ?? ''}`
}

/**
 * Drops the database of a URL; the server may be reached by another way than by this URL. The embedded
 * server writes its list of collections with each transaction, so databases that stay slow it down.
 */
export async function dropDatabase (url: string): Promise<void> {
  const database = /\/(test-[0-9a-f]+)(\?|$)/.exec(url)?.[1]
  if (database === undefined) return
  const client = await mongodb.MongoClient.connect(await urlOf(database))
  await client.db().dropDatabase()
  await client.close()
}
