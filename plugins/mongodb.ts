import fastifyMongodb, { type mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { startEmbeddedMongo } from '../src/embedded-mongo/index.js'
import { collection } from '../src/documents.js'

/** Where a URL names no database. */
const DEFAULT_DATABASE = 'chat'

/** How long a request waits for a server to be found, before it is answered 503. */
const SERVER_SELECTION_MS = 5_000

/**
 * `fastify.mongo`: the official driver on MONGODB_URL, or on the embedded server that this plugin starts on DATA_DIR.
 * Indexes are plain unique and compound ones, which every MongoDB-compatible server has.
 */
export default fp(async function mongodbPlugin (fastify) {
  const { MONGODB_URL, DATA_DIR } = fastify.config
  let url = MONGODB_URL
  if (url === '') {
    const embedded = await startEmbeddedMongo({ dir: DATA_DIR })
    // Registered before the client's own onClose: hooks run last-registered first, so the client closes before its server.
    fastify.addHook('onClose', async () => { await embedded.stop() })
    url = embedded.url
  }
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  await fastify.register(fastifyMongodb, {
    url,
    database: named === undefined ? DEFAULT_DATABASE : decodeURIComponent(named),
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    // The driver's default of 100 connections is for many processes' worth of work; one process saturates far fewer.
    maxPoolSize: 20
  })

  await ensureIndexes(collection(fastify, 'users'), [{ key: { usernameKey: 1 }, unique: true }, { key: { emailKey: 1 }, unique: true }, { key: { skeleton: 1 } }])
  await ensureIndexes(collection(fastify, 'sessions'), [{ key: { user: 1, createdAt: -1 } }, { key: { expiresAt: 1 } }])
  await ensureIndexes(collection(fastify, 'conversations'), [{ key: { members: 1, lastAt: -1, _id: -1 } }])
  await ensureIndexes(collection(fastify, 'messages'), [
    { key: { conversation: 1, seq: 1 }, unique: true },
    { key: { conversation: 1, sender: 1, clientId: 1 }, unique: true }
  ])
}, { name: 'mongodb' })

/** One command each: some compatible servers fail at a command that names two existing indexes (seen on FerretDB 1.24). */
async function ensureIndexes<T extends object> (documents: mongodb.Collection<T>, indexes: mongodb.IndexDescription[]): Promise<void> {
  for (const index of indexes) await documents.createIndexes([index])
}
