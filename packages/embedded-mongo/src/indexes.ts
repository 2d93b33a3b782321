import { MongoError } from './errors.js'
import { T, type Val, fields, show, values } from './bson.js'
import { existing } from './admin.js'
import type { Index, IndexSpec } from './catalog.js'
import { type Handler, Options, namespaceOf, specOf } from './context.js'
import { findIndex, patternOf, sameKey } from './index-keys.js'
import { CHUNK, CHUNK_BYTES } from './query.js'
import { recordOf } from './store.js'

const SPEC = specOf('string name; object key; bool unique; ignored v background ns dropDups; ' +
  'refused sparse partialFilterExpression expireAfterSeconds hidden collation storageEngine clustered prepareUnique')
const MAX_INDEXES = 64 // MongoDB's limit
/** Reads an index specification. Throws CannotCreateIndex (67) for other kinds of keys, InvalidIndexSpecificationOption (197), and as {@link Options}. */
function parseSpec (spec: Val): IndexSpec {
  const options = new Options('createIndexes.indexes', fields(spec), SPEC, undefined, 197)
  const [name = '', key, unique] = [options.val('name')?.string, options.val('key'), options.bool('unique')]
  if (name === '' || key === undefined) throw new MongoError(9, `The 'key' and 'name' fields are required properties of an index specification: ${show(spec)}`)
  const pattern = patternOf(key)
  const plain = pattern.every(([path, direction]) => !/(^|\.)(\$|\.|$)/.test(path) && Number.isFinite(direction) && direction !== 0)
  const differ = pattern.length > 0 && pattern.length <= 32 && new Set(pattern.map(([path]) => path)).size === pattern.length
  if (!plain || !differ) throw new MongoError(67, `an index has 1 to 32 different fields with numbers, other kinds are not supported: ${show(key)}`)
  return { name, key: pattern, unique }
}

/** Whether it is there already: key and `unique` are its identity (MongoDB, IndexCatalogImpl). Throws IndexOptionsConflict (85), IndexKeySpecsConflict (86). */
function isThere (there: IndexSpec[], spec: IndexSpec): boolean {
  const alike = there.find(({ name, key, unique }) => sameKey(key, spec.key) && (unique === spec.unique || name === '_id_'))
  if (alike?.name === '_id_' || alike?.name === spec.name) return true
  if (there.some(({ name }) => name === spec.name)) throw new MongoError(86, `An existing index has the same name as the requested index: ${spec.name}`)
  if (alike !== undefined) throw new MongoError(85, `Index already exists with a different name: ${alike.name}`)
  return false
}

/** Other writes wait while an index is made; reads go on. What conflicts is found before anything is made, and a failure leaves nothing. */
export const createIndexes: Handler = async (context, options) => {
  const { store } = context
  const ns = namespaceOf(context)
  const specs = options.docs('indexes').map(parseSpec)
  if (specs.length === 0) throw new MongoError(2, 'Must specify at least one index to create')
  return await store.hold(async write => {
    const before = store.catalog.collections.get(ns)
    const numIndexesBefore = before?.indexes.length ?? 1
    const wanted: IndexSpec[] = []
    for (const spec of specs) if (!isThere([...before?.indexes ?? [], ...wanted], spec)) wanted.push(spec)
    if (numIndexesBefore + wanted.length > MAX_INDEXES) throw new MongoError(67, `add index fails, more than ${MAX_INDEXES} indexes for ${ns}`)
    // Until they are in use they count as dropped, so that a failure leaves nothing behind.
    const [collection, made] = await write(() => {
      const indexes = wanted.map(spec => store.catalog.newIndex(spec))
      store.catalog.dropped.push(...indexes.map(({ id }) => id))
      return [store.catalog.getOrCreate(ns), indexes]
    })
    for (const index of made) {
      for (const chunk of store.chunks(collection.prefix, CHUNK, CHUNK_BYTES)) {
        await write(() => { for (const [key, doc] of chunk) store.index(collection, [index], recordOf(key), undefined, doc) })
      }
    }
    await write(() => {
      store.catalog.purged(made.map(({ id }) => id))
      collection.indexes.push(...made)
    })
    const note = made.length === 0 ? 'all indexes already exist' : undefined
    return { numIndexesBefore, numIndexesAfter: numIndexesBefore + made.length, createdCollectionAutomatically: before === undefined, note, ok: 1 }
  })
}

export const dropIndexes: Handler = async (context, options) => {
  const { store } = context
  const wanted = options.required('index')
  return await store.write(() => {
    const collection = existing(context)
    const before = collection.indexes
    const all = wanted.type === T.string && wanted.string === '*'
    const found = (item: Val): Index => {
      const index = findIndex(before, item)
      if (index === undefined) throw new MongoError(27, `index not found: ${show(item)}`)
      if (index.name === '_id_') throw new MongoError(72, 'cannot drop _id index')
      return index
    }
    const gone = all ? before.slice(1) : (wanted.isArray ? values(wanted) : [wanted]).map(found)
    collection.indexes = before.filter(index => !gone.includes(index))
    store.catalog.dropped.push(...gone.map(({ id }) => id))
    return { nIndexesWas: before.length, ok: 1 }
  })
}
