import { MongoError } from './errors.js'
import { type Val, docVal, fields } from './bson.js'
import { type Plain, build } from './build.js'
import { type Context, type Handler, collectionName, findCollection } from './context.js'
import type { Collection, Index } from './catalog.js'
import { compileFilter } from './match.js'
import type { Options } from './options.js'
import type { Documents } from './query.js'
import { MAX_DOCUMENT } from './update.js'
import { MAX_MESSAGE } from './wire.js'
import { MAX_BATCH } from './writes.js'

/** The version of MongoDB whose answers these are. */
const VERSION = [8, 0, 0, 0]
/** The wire protocol of that version. */
const WIRE_VERSION = 25

export const ping: Handler = () => ({ ok: 1 })

/** A standalone server: drivers then send neither transactions nor retryable writes. With a session timeout they send their implicit sessions. */
export const hello = ({ command, connection }: Pick<Context, 'command' | 'connection'>): Plain => ({
  helloOk: true,
  [command === 'hello' ? 'isWritablePrimary' : 'ismaster']: true,
  maxBsonObjectSize: MAX_DOCUMENT,
  maxMessageSizeBytes: MAX_MESSAGE,
  maxWriteBatchSize: MAX_BATCH,
  localTime: new Date(),
  logicalSessionTimeoutMinutes: 30,
  connectionId: connection,
  minWireVersion: 0,
  maxWireVersion: WIRE_VERSION,
  readOnly: false,
  ok: 1
})

export const buildInfo: Handler = () => ({
  version: VERSION.slice(0, 3).join('.'), versionArray: VERSION, gitVersion: 'embedded', modules: ['embedded'], bits: 64, debug: false, maxBsonObjectSize: MAX_DOCUMENT, storageEngines: ['lmdb'], ok: 1
})

function * listed (docs: Plain[], filter: Val): Documents {
  const { test } = compileFilter(filter)
  for (const item of docs) {
    const doc = build(item as { [name: string]: Plain })
    if (test(docVal(doc))) yield { record: 0, doc }
  }
}

async function list (context: Context, options: Options, ns: string, docs: Plain[]): Promise<Plain> {
  const size = fields(options.doc('cursor')).find(([name]) => name === 'batchSize')?.[1].number ?? Infinity
  return await context.cursors.first(ns, listed(docs, options.doc('filter')), doc => doc, size, 0, false, context.turn)
}

export const listCollections: Handler = async (context, options) => {
  const own = [...context.store.catalog.collections.values()].filter(({ db }) => db === context.db)
  const docs = own.map(({ name, indexes }): Plain => options.bool('nameOnly')
    ? { name, type: 'collection' }
    : { name, type: 'collection', options: {}, info: { readOnly: false }, idIndex: describe(indexes[0] as Index) })
  return await list(context, options, `${context.db}.$cmd.listCollections`, docs)
}

export const listDatabases: Handler = (context, options) => {
  const sizes = new Map<string, number>()
  for (const { db, size } of context.store.catalog.collections.values()) sizes.set(db, (sizes.get(db) ?? 0) + size)
  const { test } = compileFilter(options.doc('filter'))
  const databases = [...sizes].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sizeOnDisk]) => ({ name, sizeOnDisk, empty: false }))
    .filter(item => test(docVal(build(item)))).map(item => options.bool('nameOnly') ? { name: item.name } : item)
  if (options.bool('nameOnly')) return { databases, ok: 1 }
  const totalSize = context.store.fileSize
  return { databases, totalSize, totalSizeMb: Math.floor(totalSize / 2 ** 20), ok: 1 }
}

export const create: Handler = async context => {
  const name = collectionName(context)
  await context.store.write(() => {
    if (context.store.catalog.get(context.db, name) !== undefined) throw new MongoError(48, `Collection ${context.db}.${name} already exists.`)
    context.store.catalog.getOrCreate(context.db, name)
  })
  return { ok: 1 }
}

/** Dropping what is not there succeeds, as from MongoDB 7.0 on. */
export const drop: Handler = async context => {
  const { store } = context
  const ns = `${context.db}.${collectionName(context)}`
  const was = await store.write(() => {
    const collection = findCollection(context)
    if (collection === undefined) return undefined
    store.catalog.drop(collection)
    return collection.indexes.length
  })
  if (was === undefined) return { ok: 1 }
  void store.purge()
  return { nIndexesWas: was, ns, ok: 1 }
}

export const dropDatabase: Handler = async ({ store, db }) => {
  const dropped = await store.write(() => {
    const own = [...store.catalog.collections.values()].filter(collection => collection.db === db)
    for (const collection of own) store.catalog.drop(collection)
    return own.length
  })
  if (dropped === 0) return { ok: 1 }
  void store.purge()
  return { dropped: db, ok: 1 }
}

export function describe ({ name, key, unique }: Index): Plain {
  return { v: 2, key: new Map(key), name, unique: unique && name !== '_id_' ? true : undefined }
}

export function existing (context: Context): Collection {
  const collection = findCollection(context)
  if (collection === undefined) throw new MongoError(26, `ns does not exist: ${context.db}.${collectionName(context)}`)
  return collection
}

export const listIndexes: Handler = async (context, options) => {
  const { ns, indexes } = existing(context)
  return await list(context, options, ns, indexes.filter(({ building }) => !building).map(describe))
}

export const noOp: Handler = () => ({ ok: 1 })

