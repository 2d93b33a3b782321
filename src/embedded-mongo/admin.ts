import { MongoError } from './errors.js'
import { docVal } from './bson.js'
import { type Plain, build } from './build.js'
import { type Context, type Handler, collectionName, findCollection } from './context.js'
import type { Collection, IndexSpec } from './catalog.js'
import { compileFilter } from './match.js'
import type { Options } from './options.js'
import type { Documents } from './query.js'
import { MAX_DOCUMENT } from './update.js'
import { MAX_MESSAGE } from './wire.js'
import { MAX_BATCH } from './writes.js'

/** The version of MongoDB whose answers these are, and its wire protocol. */
const VERSION = [7, 0, 0, 0]
const WIRE_VERSION = 21

export const ok: Handler = () => ({ ok: 1 })

const LIMITS = { maxBsonObjectSize: MAX_DOCUMENT, maxMessageSizeBytes: MAX_MESSAGE, maxWriteBatchSize: MAX_BATCH }

/** A standalone server, so that drivers send neither transactions nor retryable writes; the session timeout lets them send their implicit sessions. */
export function hello ({ command, connection }: Context): Plain {
  const primary = command === 'hello' ? 'isWritablePrimary' : 'ismaster'
  return { helloOk: true, [primary]: true, ...LIMITS, localTime: new Date(), logicalSessionTimeoutMinutes: 30, connectionId: connection, minWireVersion: 0, maxWireVersion: WIRE_VERSION, readOnly: false, ok: 1 }
}

export const buildInfo: Handler = () => ({ version: VERSION.slice(0, 3).join('.'), versionArray: VERSION, gitVersion: 'embedded', bits: 64, debug: false, maxBsonObjectSize: MAX_DOCUMENT, storageEngines: ['lmdb'], ok: 1 })

type Item = { [name: string]: Plain }

/** Those that match the `filter` option. */
function filtered (docs: Item[], options: Options): Buffer[] {
  const { test } = compileFilter(options.doc('filter'))
  return docs.map(build).filter(doc => test(docVal(doc)))
}

function * listed (docs: Buffer[]): Documents { for (const doc of docs) yield { record: 0, doc } }

async function list ({ cursors, turn }: Context, options: Options, ns: string, docs: Item[]): Promise<Plain> {
  return await cursors.first(ns, listed(filtered(docs, options)), doc => doc, options.inner('cursor', 'batchSize')?.number ?? Infinity, 0, false, turn)
}

const collectionsOf = ({ store, db }: Context): Collection[] => [...store.catalog.collections.values()].filter(collection => collection.db === db)

export const listCollections: Handler = async (context, options) => await list(context, options, `${context.db}.$cmd.listCollections`, collectionsOf(context).map(({ name, indexes: [id] }) => ({
  name, type: 'collection', ...options.bool('nameOnly') ? {} : { options: {}, info: { readOnly: false }, idIndex: describe(id as IndexSpec) }
})))

export const listDatabases: Handler = ({ store }, options) => {
  const sizes = new Map<string, number>()
  for (const { db, size } of store.catalog.collections.values()) sizes.set(db, (sizes.get(db) ?? 0) + size)
  const nameOnly = options.bool('nameOnly')
  const databases = filtered([...sizes].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sizeOnDisk]) => nameOnly ? { name } : { name, sizeOnDisk, empty: false }), options)
  return nameOnly ? { databases, ok: 1 } : { databases, totalSize: store.fileSize, totalSizeMb: Math.floor(store.fileSize / 2 ** 20), ok: 1 }
}

/** What is there already is no error (MongoDB since 7.0), collections having no options here that could differ. */
export const create: Handler = async context => {
  const name = collectionName(context)
  await context.store.write(() => context.store.catalog.getOrCreate(context.db, name))
  return { ok: 1 }
}

/** Drops what `which` finds at that moment. @returns how many */
async function dropAll ({ store }: Context, which: () => Array<Collection | undefined>): Promise<number> {
  const dropped = await store.write(() => which().map(collection => collection === undefined ? 0 : store.catalog.drop(collection)).length)
  store.purge()
  return dropped
}

/** What is not there is no error (MongoDB since 7.0). */
export const drop: Handler = async context => {
  const collection = findCollection(context)
  if (collection === undefined) return { ok: 1 }
  await dropAll(context, () => [findCollection(context)])
  return { nIndexesWas: collection.indexes.length, ns: collection.ns, ok: 1 }
}

export const dropDatabase: Handler = async context => await dropAll(context, () => collectionsOf(context)) === 0 ? { ok: 1 } : { dropped: context.db, ok: 1 }

export const describe = ({ name, key, unique }: IndexSpec): Item => ({ v: 2, key: new Map(key), name, unique: unique && name !== '_id_' ? true : undefined })

/** Throws NamespaceNotFound (26). */
export function existing (context: Context): Collection {
  const collection = findCollection(context)
  if (collection === undefined) throw new MongoError(26, `ns does not exist: ${context.db}.${collectionName(context)}`)
  return collection
}

export const listIndexes: Handler = async (context, options) => await list(context, options, existing(context).ns, existing(context).indexes.map(describe))
