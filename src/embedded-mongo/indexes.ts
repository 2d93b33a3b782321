import { MongoError } from './errors.js'
import { type Val, T, fields } from './bson.js'
import { type Context, type Handler, collectionName } from './context.js'
import { describe, existing } from './admin.js'
import { build } from './build.js'
import { docVal } from './bson.js'
import type { Collection, Index } from './catalog.js'
import { show } from './show.js'
import { docKey, prefix, recordOf } from './store.js'

type IndexSpec = Pick<Index, 'name' | 'key' | 'unique'>

/** Options of MongoDB's indexes that this server has not; `false` says the same as leaving them out. */
const REFUSED = new Set(['sparse', 'partialFilterExpression', 'expireAfterSeconds', 'hidden', 'collation', 'weights', 'default_language', 'language_override', 'textIndexVersion',
  '2dsphereIndexVersion', 'bits', 'min', 'max', 'wildcardProjection', 'storageEngine', 'clustered', 'prepareUnique'])

function parseSpec (spec: Val): IndexSpec {
  let name: string | undefined
  let key: Index['key'] | undefined
  let unique = false
  for (const [option, value] of fields(spec)) {
    if (option === 'name' && value.type === T.string && value.string !== '') name = value.string
    else if (option === 'key' && value.isObject) key = fields(value).map(([path, direction]) => [checkPath(path, direction), direction.number])
    else if (option === 'unique' && (value.type === T.bool || value.isNumber)) unique = value.truthy
    else if (option === 'name' || option === 'key' || option === 'unique') throw new MongoError(14, `The field '${option}' has value ${show(value)}, which is of the wrong type`)
    else if (REFUSED.has(option)) {
      if (value.type !== T.bool || value.truthy) throw new MongoError(67, `index option '${option}' is not supported by the embedded server`)
    } else if (!['v', 'background', 'ns', 'dropDups'].includes(option)) {
      throw new MongoError(197, `The field '${option}' is not valid for an index specification. Specification: ${show(spec)}`)
    }
  }
  if (key === undefined) throw new MongoError(9, "The 'key' field is a required property of an index specification")
  if (name === undefined) throw new MongoError(9, "The 'name' field is a required property of an index specification")
  if (key.length === 0 || key.length > 32) throw new MongoError(67, key.length === 0 ? 'Index keys cannot be an empty object.' : 'Index keys can have at most 32 fields')
  if (new Set(key.map(([path]) => path)).size !== key.length) throw new MongoError(67, `Index key pattern names a field twice: ${name}`)
  return { name, key, unique }
}

function checkPath (path: string, direction: Val): string {
  if (direction.type === T.string) throw new MongoError(67, `index type '${direction.string}' is not supported by the embedded server`)
  if (path.includes('$**')) throw new MongoError(67, 'wildcard indexes are not supported by the embedded server')
  if (path.split('.').some(part => part === '')) throw new MongoError(67, 'Index keys cannot contain an empty field.')
  if (path.split('.').some(part => part.startsWith('$'))) throw new MongoError(67, `Index key contains an illegal field name: field name starts with '$': ${path}`)
  if (!direction.isNumber || !(Math.abs(direction.number) > 0)) throw new MongoError(67, `Values in v:2 index key pattern cannot be of type ${direction.typeName} or 0 or NaN. Only numbers > 0, numbers < 0, and strings are allowed.`)
  return path
}

const sameKey = (a: Index['key'], b: Index['key']): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Whether the index is there already. Throws IndexOptionsConflict (85) or IndexKeySpecsConflict (86) by MongoDB's rules (IndexCatalogImpl). */
function isThere (collection: Collection, spec: IndexSpec): boolean {
  const shown = (index: IndexSpec): string => show(docVal(build(describe({ ...index } as Index) as Record<string, never>)))
  const sameName = collection.indexes.find(({ name }) => name === spec.name)
  if (sameName !== undefined) {
    if (!sameKey(sameName.key, spec.key)) {
      throw new MongoError(86, `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: ${shown(spec)}, existing index: ${shown(sameName)}`)
    }
    if (sameName.unique !== spec.unique && spec.name !== '_id_') {
      throw new MongoError(85, `An equivalent index already exists with the same name but different options. Requested index: ${shown(spec)}, existing index: ${shown(sameName)}`)
    }
    return true
  }
  const other = collection.indexes.find(({ key }) => sameKey(key, spec.key))
  if (other === undefined) return false
  if (other.name === '_id_') return true
  throw new MongoError(85, other.unique === spec.unique ? `Index already exists with a different name: ${other.name}` : `An equivalent index already exists with a different name and options. Requested index: ${shown(spec)}, existing index: ${shown(other)}`)
}

export const createIndexes: Handler = async (context, options) => {
  const { store, db } = context
  const name = collectionName(context)
  options.required('indexes', 'createIndexes')
  const specs = (options.list('indexes') ?? []).map(parseSpec)
  if (specs.length === 0) throw new MongoError(2, 'Must specify at least one index to create')
  const { created, before, added } = await store.write(() => {
    const created = store.catalog.get(db, name) === undefined
    // What conflicts is found before anything is made.
    const collection = store.catalog.get(db, name)
    const missing = specs.filter((spec, i) => (collection === undefined || !isThere(collection, spec)) && specs.findIndex(other => other.name === spec.name && sameKey(other.key, spec.key)) === i)
    const target = store.catalog.getOrCreate(db, name)
    const before = target.indexes.length
    return { created, before, added: missing.filter(spec => !isThere(target, spec)).map(spec => store.catalog.addIndex(target, spec)) }
  })
  for (const index of added) if (index.building) await fill(context, index)
  const after = store.catalog.get(db, name)?.indexes.length ?? 0
  return { numIndexesBefore: before, numIndexesAfter: after, createdCollectionAutomatically: created, note: added.length === 0 ? 'all indexes already exist' : undefined, ok: 1 }
}

/** Documents that go into a new index in one transaction. */
const FILL_CHUNK = 200

/** Fills a new index while reads and writes go on; if it can't be made, it is taken away again. */
async function fill (context: Context, { id }: Index): Promise<void> {
  const { store } = context
  const current = (): [Collection, Index] => {
    const collection = existing(context)
    const index = collection.indexes.find(other => other.id === id)
    if (index === undefined) throw new MongoError(27, 'the index was dropped while it was built')
    return [collection, index]
  }
  try {
    for (let record = 0, done = false; !done;) {
      await store.write(() => {
        const [collection, index] = current()
        const chunk = store.range(docKey(collection, record + 1), prefix(1, collection.id + 1), false, FILL_CHUNK, 1024 * 1024)
        for (const [key, doc] of chunk) store.addToIndex(collection, index, record = recordOf(key), doc)
        done = chunk.length === 0
        if (done) store.catalog.finishIndex(collection, index)
      })
      await new Promise(resolve => setImmediate(resolve))
    }
  } catch (error) {
    await store.write(() => { store.catalog.dropIndex(...current()) }).catch(() => {})
    void store.purge()
    throw error
  }
}

export const dropIndexes: Handler = async (context, options) => {
  const { store } = context
  const wanted = options.required('index', 'dropIndexes')
  const was = await store.write(() => {
    const collection = existing(context)
    const before = collection.indexes.length
    for (const index of chosen(collection, wanted)) store.catalog.dropIndex(collection, index)
    return before
  })
  void store.purge()
  return { nIndexesWas: was, ok: 1 }
}

function chosen (collection: Collection, wanted: Val): Index[] {
  if (wanted.type === T.string && wanted.string === '*') return collection.indexes.slice(1)
  const names = wanted.type === T.array ? fields(wanted).map(([, name]) => name) : [wanted]
  return names.map(item => {
    const index = collection.indexes.find(({ name, key }) => item.isObject ? sameKey(fields(item).map(([path, { number }]) => [path, number]), key) : item.type === T.string && name === item.string)
    if (index === undefined) throw new MongoError(27, item.isObject ? `can't find index with key: ${show(item)}` : `index not found with name [${item.type === T.string ? item.string : show(item)}]`)
    if (index.name === '_id_') throw new MongoError(72, 'cannot drop _id index')
    return index
  })
}
