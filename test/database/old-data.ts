import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { mongodb } from '@fastify/mongodb'
import type { Document } from 'bson'
import { startEmbeddedMongo } from 'embedded-mongo'
import { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { dataDir } from '../server.js'

const FIXTURE = 'test/fixtures/before-groups'

const PASSWORD = 'correct horse battery'

export const MIGRATED = ['conversations', 'log', 'memberships', 'messages']
export const DATABASE = 'chat'

export interface AnyId {
  _id: any
}

export interface OldAnswers {
  id: string
  inbox: any[]
  histories: Record<string, any[]>
}

/** What the version before answered, by username. */
export const ANSWERS: Record<string, OldAnswers> = JSON.parse(
  await readFile(join(FIXTURE, 'answers.json'), 'utf8')
)

/** A DATA_DIR with a copy of the old data. */
export async function oldData (t: Test): Promise<string> {
  const dir = await dataDir(t)
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'data.mdb'), gunzipSync(await readFile(join(FIXTURE, 'data.mdb.gz'))))
  return dir
}

/** Opens a DATA_DIR that no server uses. */
export async function withData<T> (dir: string, use: (db: mongodb.Db) => Promise<T>): Promise<T> {
  const embedded = await startEmbeddedMongo({ dir })
  const client = await mongodb.MongoClient.connect(embedded.url)
  try {
    return await use(client.db(DATABASE))
  } finally {
    await client.close()
    await embedded.stop()
  }
}

/** The documents of each of these collections. */
export async function dump (db: mongodb.Db): Promise<Record<string, Document[]>> {
  const contents: Record<string, Document[]> = {}
  for (const name of MIGRATED) {
    contents[name] = await db.collection<AnyId>(name).find().sort({ _id: 1 }).toArray()
  }
  return contents
}

export async function logIn (app: App, username: string) {
  const payload = { username, password: PASSWORD }
  const response = await app.inject({ method: 'POST', url: '/api/v1/user/login', payload })
  return { headers: { authorization: `Bearer ${response.json().token}` } }
}

export const withRev = (message: any) => ({ ...message, rev: message.seq })

/** An entry of the inbox of the version before, as this version shows it. */
export function asDirect (entry: any): object {
  const members = new Set(entry.id.split(':')).size
  const { lastSeq, lastMessage } = entry
  return { ...entry, kind: 'direct', members, lastRev: lastSeq, lastMessage: withRev(lastMessage) }
}
