import fastifyMongodb, { mongodb } from '@fastify/mongodb'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { once } from 'node:events'
import { DURABLE } from '../src/database/documents.js'
import { migrate } from '../src/database/migrations.js'

/** The database if MONGODB_URL does not name one. */
const DEFAULT_DATABASE = 'chat'

/** How long the driver looks for a server before the request gets 503. */
const SERVER_SELECTION_MS = 5_000
/**
 * How long a command waits for its answer, and for a connection: a database that stopped answering must not
 * hold connections and requests for ever. The commands of this application take less, and writes wait 5 s for
 * a majority (src/database/documents.ts). The driver's `timeoutMS` has no effect (mongodb 7.9).
 */
const ANSWER_MS = 10_000

/** Connections to the database. The driver's default is 100, but one process saturates far fewer. */
const MAX_POOL = 20
/** Connections while the indexes are made: one for each collection that has some. */
const PREPARING_POOL = 4

/** How long a close waits for running commands. */
const IDLE_MS = 3_000

/** Plain unique and compound indexes, which every MongoDB-compatible server supports. */
const INDEXES: Record<string, mongodb.IndexDescription[]> = {
  users: [
    { key: { usernameKey: 1 }, unique: true },
    { key: { emailKey: 1 }, unique: true },
    { key: { skeleton: 1 } }
  ],
  sessions: [{ key: { user: 1, createdAt: -1 } }, { key: { expiresAt: 1 } }],
  conversations: [
    { key: { members: 1, lastAt: -1, _id: -1 } },
    { key: { members: 1, changedAt: -1 } },
    // The groups of an account that is deleted, among all its conversations.
    { key: { members: 1, kind: 1 } }
  ],
  log: [
    { key: { conversation: 1, rev: 1 }, unique: true },
    { key: { conversation: 1, seq: 1 }, unique: true },
    { key: { conversation: 1, actor: 1, clientId: 1 }, unique: true }
  ]
}

/**
 * `fastify.mongo`: the official driver on MONGODB_URL, or on the embedded server on DATA_DIR.
 */
export default fp(async function mongodbPlugin (fastify) {
  const embedded = await fastify.embeddedMongo
  // Hooks of onClose run in reverse order. This one is registered before the client's own, so the client
  // closes before its server.
  if (embedded !== undefined) fastify.addHook('onClose', () => embedded.stop())
  const url = embedded?.url ?? fastify.config.MONGODB_URL
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  const database = named === undefined ? DEFAULT_DATABASE : decodeURIComponent(named)
  await prepare(url, database, fastify.log)
  await fastify.register(fastifyMongodb, {
    url,
    database,
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    // The driver's monitor notices a server that stopped answering after this time and the 10 s between two
    // checks.
    connectTimeoutMS: ANSWER_MS,
    socketTimeoutMS: ANSWER_MS,
    waitQueueTimeoutMS: ANSWER_MS,
    maxPoolSize: MAX_POOL
  })
  closeWhenIdle(fastify)
}, { name: 'mongodb' })

/**
 * Lets running commands end before the client closes: the driver's close may hang for ever during a find
 * (seen with mongodb 7.9). It is registered after the client's own hook, so it runs before that.
 */
function closeWhenIdle (fastify: FastifyInstance): void {
  const { client } = fastify.mongo
  const commands = { running: 0 }
  client.on('connectionCheckedOut', () => commands.running++)
  client.on('connectionCheckedIn', () => commands.running--)
  fastify.addHook('onClose', async () => {
    const signal = AbortSignal.timeout(IDLE_MS)
    while (commands.running > 0 && !signal.aborted) {
      await once(client, 'connectionCheckedIn', { signal }).catch(() => {})
    }
  })
}

/**
 * Migrates the data and creates the missing indexes, on a connection of its own: for a large collection this
 * takes longer than ANSWER_MS. Each index has its own command, because some compatible servers fail if one
 * command names two existing indexes (seen with FerretDB 1.24).
 */
async function prepare (url: string, database: string, log: FastifyBaseLogger): Promise<void> {
  const client = await mongodb.MongoClient.connect(url, {
    serverSelectionTimeoutMS: SERVER_SELECTION_MS, ...DURABLE, maxPoolSize: PREPARING_POOL
  })
  try {
    const db = client.db(database)
    await migrate(db, log)
    await Promise.all(Object.entries(INDEXES).map(async ([name, indexes]) => {
      for (const index of indexes) await db.collection(name).createIndexes([index])
    }))
  } finally {
    await client.close()
  }
}
