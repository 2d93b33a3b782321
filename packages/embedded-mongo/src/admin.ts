import { MongoError } from './errors.js'
import { type Plain, build, docVal } from './bson.js'
import type { Collection, IndexSpec } from './catalog.js'
import { type Context, EMPTY, type Handler, type Options, findCollection, namespaceOf } from './context.js'
import { keysOf } from './index-keys.js'
import { compileFilter } from './match.js'
import { CHUNK_BYTES, drain, run } from './query.js'
import { entryKey, recordOf } from './store.js'
import { MAX_DOCUMENT } from './update.js'
import { MAX_MESSAGE } from './wire.js'
import { MAX_BATCH } from './writes.js'

type Item = { [name: string]: Plain }
/** A standalone server, so that drivers send neither transactions nor retryable writes; the session timeout lets them send their implicit sessions. */
export function hello (command: string, connectionId: number): Plain {
  const primary = { helloOk: true, [command === 'hello' ? 'isWritablePrimary' : 'ismaster']: true, readOnly: false, maxBsonObjectSize: MAX_DOCUMENT }
  const limits = { maxMessageSizeBytes: MAX_MESSAGE, maxWriteBatchSize: MAX_BATCH }
  return { ...primary, ...limits, localTime: new Date(), logicalSessionTimeoutMinutes: 30, connectionId, minWireVersion: 0, maxWireVersion: 21, ok: 1 }
}

/** The version of MongoDB whose answers these are. */
export const buildInfo: Handler = () => ({ version: '7.0.0', versionArray: [7, 0, 0, 0], bits: 64, maxBsonObjectSize: MAX_DOCUMENT, ok: 1 })
/** Answers those that match the `filter` option, in one batch. */
function list (options: Options, ns: string, items: Item[]): Plain {
  const { test } = compileFilter(options.doc('filter'))
  return { cursor: { firstBatch: items.map(build).filter(doc => test(docVal(doc))), id: 0n, ns }, ok: 1 }
}

const collectionsOf = ({ store, db }: Context): Collection[] => [...store.catalog.collections.values()].filter(({ ns }) => ns.startsWith(`${db}.`))
export const listCollections: Handler = (context, options) => {
  const more = (idIndex: IndexSpec): Item => options.bool('nameOnly') ? {} : { options: {}, info: { readOnly: false }, idIndex: describe(idIndex) }
  const items = collectionsOf(context).map(({ ns, indexes: [id] }) => ({ name: ns.slice(context.db.length + 1), type: 'collection', ...more(id as IndexSpec) }))
  return list(options, `${context.db}.$cmd.listCollections`, items)
}

export const listDatabases: Handler = (context, options) => {
  const { fileSize: totalSize, catalog } = context.store
  const names = [...new Set([...catalog.collections.keys()].map(ns => ns.slice(0, ns.indexOf('.'))))].sort()
  if (options.bool('nameOnly')) return { databases: names.map(name => ({ name })), ok: 1 }
  const sizeOnDisk = (db: string): number => collectionsOf({ ...context, db }).reduce((sum, { size }) => sum + size, 0)
  const databases = names.map(name => ({ name, sizeOnDisk: sizeOnDisk(name), empty: false }))
  return { databases, totalSize, totalSizeMb: Math.floor(totalSize / 2 ** 20), ok: 1 }
}

/** What is there already is no error (MongoDB since 7.0), collections having no options here that could differ. */
export const create: Handler = async context => {
  const ns = namespaceOf(context)
  await context.store.write(() => context.store.catalog.getOrCreate(ns))
  return { ok: 1 }
}

/** What is not there is no error (MongoDB since 7.0). */
export const drop: Handler = async context => {
  const ns = namespaceOf(context)
  const dropped = await context.store.write(() => context.store.catalog.drop(ns))
  return dropped === undefined ? { ok: 1 } : { nIndexesWas: dropped.indexes.length, ns, ok: 1 }
}

export const dropDatabase: Handler = async context => {
  const { length } = await context.store.write(() => collectionsOf(context).map(({ ns }) => context.store.catalog.drop(ns)))
  return length === 0 ? { ok: 1 } : { dropped: context.db, ok: 1 }
}

/** An index as listIndexes shows it. */
const describe = ({ name, key, unique }: IndexSpec): Item => ({ v: 2, key: new Map(key), name, unique: unique && name !== '_id_' ? true : undefined })
/** Throws NamespaceNotFound (26). */
export function existing (context: Context): Collection {
  const collection = findCollection(context)
  if (collection === undefined) throw new MongoError(26, `ns does not exist: ${namespaceOf(context)}`)
  return collection
}
export const listIndexes: Handler = (context, options) => list(options, existing(context).ns, existing(context).indexes.map(describe))
/** Compares documents and indexes: every entry that a document should have is there, and there are no others. Writes wait meanwhile. */
export const validate: Handler = async context => await context.store.hold(async () => {
  const { store, turn } = context
  const collection = existing(context)
  const errors: string[] = []
  const report = (error: string): void => { if (errors.length < 100) errors.push(error) }
  const expected = new Map(collection.indexes.map(index => [index, 0]))
  let nrecords = 0
  await drain(run(store, { collection, filter: compileFilter(EMPTY), sort: [] }), turn, ({ record, doc }) => {
    nrecords++
    for (const [index, before] of expected) {
      const keys = keysOf(index.parts, docVal(doc))
      expected.set(index, before + keys.length)
      for (const held of keys.map(key => store.entry(entryKey(index, key, record)))) {
        if (held === undefined || (index.unique && recordOf(held) !== record)) report(`document ${record} is missing from index ${index.name}`)
      }
    }
    return true
  })
  for (const [index, keys] of expected) {
    let found = 0
    for (const entries of store.chunks(index.prefix, 500, CHUNK_BYTES)) {
      found += entries.length
      if (turn.isDue) await turn.pause()
    }
    if (found !== keys) report(`index ${index.name} has ${found} entries, the documents have ${keys}`)
  }
  if (nrecords !== collection.count) report(`${nrecords} documents, but ${collection.count} counted`)
  return { ns: collection.ns, nrecords, nIndexes: expected.size, valid: errors.length === 0, errors, ok: 1 }
})
