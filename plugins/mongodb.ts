import fastifyMongodb from '@fastify/mongodb'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { once } from 'node:events'
import { createIndexes } from '../src/database/indexes.js'
import { migrate } from '../src/database/migrations.js'
import { databaseNameOf, openDatabase, SERVER_SELECTION_MS } from '../src/database/open.js'

/**
 * How long a command waits for its answer, and for a connection: a database that stopped answering must not
 * hold connections and requests for ever. The commands of this application take less, and writes wait 5 s for
 * a majority (src/database/documents.ts). The driver's `timeoutMS` has no effect (mongodb 7.9).
 */
const ANSWER_MS = 10_000

/** Connections to the database. The driver's default is 100, but one process saturates far fewer. */
const MAX_POOL = 20

/** How long a close waits for running commands. */
const IDLE_MS = 3_000

/**
 * `fastify.mongo`: the official driver on MONGODB_URL, or on the embedded server on DATA_DIR.
 */
export default fp(async function mongodbPlugin (fastify) {
  const embedded = await fastify.embeddedMongo
  // Hooks of onClose run in reverse order. This one is registered before the client's own, so the client
  // closes before its server.
  if (embedded !== undefined) fastify.addHook('onClose', () => embedded.stop())
  const url = embedded?.url ?? fastify.config.MONGODB_URL
  const database = databaseNameOf(url)
  await prepare(url, fastify.log)
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
 * takes longer than ANSWER_MS.
 */
async function prepare (url: string, log: FastifyBaseLogger): Promise<void> {
  const { db, close } = await openDatabase(url)
  try {
    await migrate(db, log)
    await createIndexes(db)
  } finally {
    await close()
  }
}
