import { type Plain, docVal } from './bson-value.js'
import { build } from './bson-writer.js'
import type { Collection, IndexSpec } from './collection.js'
import { type Context, type Handler, namespaceOf } from './context.js'
import { MAX_DOCUMENT } from './limits.js'
import { compileFilter } from './match.js'
import type { Options } from './options.js'

type Item = { [name: string]: Plain }

const BYTES_PER_MB = 2 ** 20

/** Answers with the version of MongoDB that this server follows. */
export const buildInfo: Handler = () => (
  { version: '7.0.0', versionArray: [7, 0, 0, 0], bits: 64, maxBsonObjectSize: MAX_DOCUMENT, ok: 1 }
)

/** Answers the items that match the `filter` option, in one batch. */
export function listReply (options: Options, ns: string, items: Item[]): Plain {
  const { test } = compileFilter(options.doc('filter'))
  const firstBatch = items.map(build).filter(doc => test(docVal(doc)))
  return { cursor: { firstBatch, id: 0n, ns }, ok: 1 }
}

/** Describes an index as listIndexes does. */
export function describeIndex ({ name, key, unique }: IndexSpec): Item {
  const isUnique = unique && name !== '_id_'
  return { v: 2, key: new Map(key), name, unique: isUnique ? true : undefined }
}

function collectionsOf ({ store }: Context, db: string): Collection[] {
  return [...store.catalog.collections.values()].filter(({ ns }) => ns.startsWith(`${db}.`))
}

export const listCollections: Handler = (context, options) => {
  const { db } = context
  const nameOnly = options.bool('nameOnly')
  const items = collectionsOf(context, db).map(({ ns, indexes: [idIndex] }): Item => {
    const item = { name: ns.slice(db.length + 1), type: 'collection' }
    if (nameOnly) return item
    return { ...item, options: {}, info: { readOnly: false }, idIndex: describeIndex(idIndex as IndexSpec) }
  })
  return listReply(options, `${db}.$cmd.listCollections`, items)
}

export const listDatabases: Handler = (context, options) => {
  const { fileSize: totalSize, catalog } = context.store
  const namespaces = [...catalog.collections.keys()]
  const names = [...new Set(namespaces.map(ns => ns.slice(0, ns.indexOf('.'))))].sort()
  if (options.bool('nameOnly')) return { databases: names.map(name => ({ name })), ok: 1 }
  const databases = names.map(name => {
    const sizes = collectionsOf(context, name).map(({ size }) => size)
    return { name, sizeOnDisk: sizes.reduce((sum, size) => sum + size, 0), empty: false }
  })
  return { databases, totalSize, totalSizeMb: Math.floor(totalSize / BYTES_PER_MB), ok: 1 }
}

/**
 * Creates a collection. Creating an existing one succeeds, as on MongoDB since 7.0: collections have no
 * options here that could differ.
 */
export const create: Handler = async context => {
  const ns = namespaceOf(context)
  await context.store.write(() => context.store.catalog.getOrCreate(ns))
  return { ok: 1 }
}

/** Drops a collection. Dropping a missing one succeeds, as on MongoDB since 7.0. */
export const drop: Handler = async context => {
  const ns = namespaceOf(context)
  const dropped = await context.store.write(() => context.store.catalog.drop(ns))
  return dropped === undefined ? { ok: 1 } : { nIndexesWas: dropped.indexes.length, ns, ok: 1 }
}

export const dropDatabase: Handler = async context => {
  const { store, db } = context
  const dropped = await store.write(() => collectionsOf(context, db).map(({ ns }) => store.catalog.drop(ns)))
  return dropped.length === 0 ? { ok: 1 } : { dropped: db, ok: 1 }
}
