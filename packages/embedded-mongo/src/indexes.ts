import { describeIndex, listReply } from './admin.js'
import { fields, show, values } from './bson.js'
import { type Plain, T, type Val } from './bson-value.js'
import type { Collection, Index, IndexSpec } from './collection.js'
import { INDEX } from './command-options.js'
import { type Handler, existing, namespaceOf } from './context.js'
import { CHUNK, CHUNK_BYTES } from './documents.js'
import { MongoError } from './errors.js'
import { findIndex, patternOf, sameKey } from './index-lookup.js'
import { Options } from './options.js'
import { isPlainPath } from './path.js'
import { recordOf } from './record-keys.js'
import type { Store } from './store.js'
import type { Write } from './write-queue.js'

/**
 * MongoDB's limits of a collection's indexes and of an index's fields (MongoDB manual, MongoDB Limits and
 * Thresholds).
 */
const MAX_INDEXES = 64
const MAX_FIELDS = 32

export const listIndexes: Handler = (context, options) => {
  const { ns, indexes } = existing(context)
  return listReply(options, ns, indexes.map(describeIndex))
}

/**
 * Makes indexes. Other writes wait meanwhile, reads go on. Conflicts are found before anything is made, and a
 * failure leaves nothing behind.
 */
export const createIndexes: Handler = async (context, options) => {
  const { store } = context
  const ns = namespaceOf(context)
  const specs = options.docs('indexes').map(parseSpec)
  if (specs.length === 0) throw new MongoError(2, 'Must specify at least one index to create')
  return await store.hold(async (write): Promise<Plain> => {
    const before = store.catalog.collections.get(ns)
    const numIndexesBefore = before?.indexes.length ?? 1
    const missing = missingIndexes(before?.indexes ?? [], specs)
    const numIndexesAfter = numIndexesBefore + missing.length
    if (numIndexesAfter > MAX_INDEXES) {
      throw new MongoError(67, `add index fails, more than ${MAX_INDEXES} indexes for ${ns}`)
    }
    await makeIndexes(store, write, ns, missing)
    const createdCollectionAutomatically = before === undefined
    const note = missing.length === 0 ? 'all indexes already exist' : undefined
    return { numIndexesBefore, numIndexesAfter, createdCollectionAutomatically, note, ok: 1 }
  })
}

/**
 * Reads an index specification.
 *
 * @throws MongoError CannotCreateIndex (67) for other kinds of keys, InvalidIndexSpecificationOption (197),
 *   FailedToParse (9), and the errors of `Options`
 */
function parseSpec (spec: Val): IndexSpec {
  const options = new Options('createIndexes.indexes', fields(spec), INDEX, undefined, 197)
  const name = options.val('name')?.string ?? ''
  const key = options.val('key')
  if (name === '' || key === undefined) {
    const rule = "The 'key' and 'name' fields are required properties of an index specification"
    throw new MongoError(9, `${rule}: ${show(spec)}`)
  }
  const pattern = patternOf(key)
  if (!isSupported(pattern)) {
    const rule = `an index has 1 to ${MAX_FIELDS} different fields with numbers`
    throw new MongoError(67, `${rule}, other kinds are not supported: ${show(key)}`)
  }
  return { name, key: pattern, unique: options.bool('unique') }
}

function isSupported (pattern: Index['key']): boolean {
  const paths = new Set(pattern.map(([path]) => path))
  const areDifferent = paths.size === pattern.length
  const fits = pattern.length > 0 && pattern.length <= MAX_FIELDS
  return areDifferent && fits && pattern.every(([path, direction]) =>
    isPlainPath(path) && Number.isFinite(direction) && direction !== 0)
}

function missingIndexes (existing: IndexSpec[], specs: IndexSpec[]): IndexSpec[] {
  const missing: IndexSpec[] = []
  for (const spec of specs) {
    if (!isThere([...existing, ...missing], spec)) missing.push(spec)
  }
  return missing
}

/**
 * Whether an index exists. Its key and `unique` identify it (MongoDB source, IndexCatalogImpl).
 *
 * @throws MongoError IndexOptionsConflict (85), IndexKeySpecsConflict (86)
 */
function isThere (existing: IndexSpec[], spec: IndexSpec): boolean {
  const same = existing.find(({ name, key, unique }) =>
    sameKey(key, spec.key) && (unique === spec.unique || name === '_id_'))
  if (same?.name === '_id_' || same?.name === spec.name) return true
  if (existing.some(({ name }) => name === spec.name)) {
    throw new MongoError(86, `An existing index has the same name as the requested index: ${spec.name}`)
  }
  if (same !== undefined) throw new MongoError(85, `Index already exists with a different name: ${same.name}`)
  return false
}

async function makeIndexes (store: Store, write: Write, ns: string, specs: IndexSpec[]): Promise<void> {
  const { catalog } = store
  // Until they are in use they count as dropped, so that a failure leaves nothing behind.
  const [collection, made] = await write((): [Collection, Index[]] => {
    const indexes = specs.map(spec => catalog.newIndex(spec))
    catalog.dropped.push(...indexes.map(({ id }) => id))
    return [catalog.getOrCreate(ns), indexes]
  })
  for (const index of made) {
    for (const chunk of store.chunks(collection.prefix, CHUNK, CHUNK_BYTES)) {
      await write(() => {
        for (const [key, doc] of chunk) store.index(collection, [index], recordOf(key), undefined, doc)
      })
    }
  }
  await write(() => {
    catalog.purged(made.map(({ id }) => id))
    collection.indexes.push(...made)
  })
}

export const dropIndexes: Handler = async (context, options) => {
  const { store } = context
  const wanted = options.required('index')
  return await store.write(() => {
    const collection = existing(context)
    const before = collection.indexes
    const gone = droppedBy(wanted, before)
    collection.indexes = before.filter(index => !gone.includes(index))
    store.catalog.dropped.push(...gone.map(({ id }) => id))
    return { nIndexesWas: before.length, ok: 1 }
  })
}

/**
 * The indexes that dropIndexes names: all besides _id_, one, or a list.
 *
 * @throws MongoError IndexNotFound (27), InvalidOptions (72) for the index of _id
 */
function droppedBy (wanted: Val, indexes: Index[]): Index[] {
  if (wanted.type === T.string && wanted.string === '*') return indexes.slice(1)
  const items = wanted.isArray ? values(wanted) : [wanted]
  return items.map(item => {
    const index = findIndex(indexes, item)
    if (index === undefined) throw new MongoError(27, `index not found: ${show(item)}`)
    if (index.name === '_id_') throw new MongoError(72, 'cannot drop _id index')
    return index
  })
}
