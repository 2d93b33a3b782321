import fastifyMongodb, { mongodb } from '@fastify/mongodb'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { once } from 'node:events'
import { startEmbeddedMongo } from 'embedded-mongo'

/** Where a URL names no database. */
const DEFAULT_DATABASE = 'chat'

/** How long a request waits for a server to be found, before it is answered 503. */
const SERVER_SELECTION_MS = 5_000
/**
 * How long a command waits for its answer, and for a connection: a database that stopped answering must not
 * hold connections and requests for ever. No command of this application takes as long, and a write waits 5 s
 * for a majority (src/database/documents.ts). The driver's own `timeoutMS` has no effect (mongodb 7.9).
 */
const ANSWER_MS = 10_000

/** How long a close waits for commands under way. */
const IDLE_MS = 3_000

/** Plain unique and compound indexes, which every MongoDB-compatible server has. */
const INDEXES: Record<string, mongodb.IndexDescription[]> = {
  users: [
    { key: { usernameKey: 1 }, unique: true },
    { key: { emailKey: 1 }, unique: true },
    { key: { skeleton: 1 } }
  ],
  sessions: [{ key: { user: 1, createdAt: -1 } }, { key: { expiresAt: 1 } }],
  conversations: [{ key: { members: 1, lastAt: -1, _id: -1 } }],
  messages: [
    { key: { conversation: 1, seq: 1 }, unique: true },
    { key: { conversation: 1, sender: 1, clientId: 1 }, unique: true }
  ]
}

/**
 * `fastify.mongo`: the official driver on MONGODB_URL, or on the embedded server that this plugin starts on
 * DATA_DIR.
 */
export default fp(async function mongodbPlugin (fastify) {
  const { MONGODB_URL, DATA_DIR } = fastify.config
  let url = MONGODB_URL
  if (url === '') {
    const embedded = await startEmbeddedMongo({ dir: DATA_DIR })
    // Registered before the client's own onClose: hooks run last-registered first, so the client closes
    // before its server.
    fastify.addHook('onClose', async () => { await embedded.stop() })
    url = embedded.url
  }
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  const database = named === undefined ? DEFAULT_DATABASE : decodeURIComponent(named)
  await ensureIndexes(url, database)
  await fastify.register(fastifyMongodb, {
    url,
    database,
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    // The monitor of a server that stopped answering notices after this time and the 10 s between its
    // questions.
    connectTimeoutMS: ANSWER_MS,
    socketTimeoutMS: ANSWER_MS,
    waitQueueTimeoutMS: ANSWER_MS,
    // The driver's default of 100 connections is for many processes' worth of work; one process saturates far
    // fewer.
    maxPoolSize: 20
  })
  closeWhenIdle(fastify)
}, { name: 'mongodb' })

/**
 * Lets commands under way end before the client closes: the driver's close may hang for ever where a find is under way
 * (seen with mongodb 7.9). Registered after the client's own hook, so it runs before it.
 */
function closeWhenIdle (fastify: FastifyInstance): void {
  const { client } = fastify.mongo
  const commands = { underWay: 0 }
  client.on('connectionCheckedOut', () => { commands.underWay++ })
  client.on('connectionCheckedIn', () => { commands.underWay-- })
  fastify.addHook('onClose', async () => {
    const signal = AbortSignal.timeout(IDLE_MS)
    while (commands.underWay > 0 && !signal.aborted) {
      await once(client, 'connectionCheckedIn', { signal }).catch(() => {})
    }
  })
}

/**
 * Makes the indexes that are not there, on a connection of its own: on a large collection it takes longer
 * than a command may. One command each: some compatible servers fail at a command that names two existing
 * indexes (seen on FerretDB 1.24).
 */
async function ensureIndexes (url: string, database: string): Promise<void> {
  const client = await mongodb.MongoClient.connect(url, {
    serverSelectionTimeoutMS: SERVER_SELECTION_MS, writeConcern: { w: 'majority' }, maxPoolSize: 1
  })
  try {
    for (const [name, indexes] of Object.entries(INDEXES)) {
      for (const index of indexes) await client.db(database).collection(name).createIndexes([index])
    }
  } finally {
    await client.close()
  }
}
