import { MongoError } from './errors.js'
import { T, type Val, docVal, fields, show, values } from './bson.js'
import { build } from './build.js'
import { describe, existing } from './admin.js'
import { type Collection, type Index, type IndexSpec, prefix } from './catalog.js'
import { type Handler, collectionName } from './context.js'
import { sameKey } from './planner.js'
import { type Store, docKey, recordOf } from './store.js'

/** Options of MongoDB's indexes that this server has not; `false` says the same as leaving them out. */
const REFUSED = ['sparse', 'partialFilterExpression', 'expireAfterSeconds', 'hidden', 'collation', 'weights', 'default_language', 'language_override', 'textIndexVersion', '2dsphereIndexVersion',
  'bits', 'min', 'max', 'wildcardProjection', 'storageEngine', 'clustered', 'prepareUnique']
const IGNORED = ['v', 'background', 'ns', 'dropDups']

/** Reads an index specification. Throws CannotCreateIndex (67) for what is refused, and MongoDB's parse errors. */
function parseSpec (spec: Val): IndexSpec {
  const out: Partial<IndexSpec> = {}
  for (const [option, value] of fields(spec)) {
    if (option === 'name' && value.type === T.string && value.string !== '') out.name = value.string
    else if (option === 'key' && value.isObject) out.key = fields(value).map(([path, direction]) => [checkPath(path, direction), direction.number])
    else if (option === 'unique' && (value.type === T.bool || value.isNumber)) out.unique = value.truthy
    else if (['name', 'key', 'unique'].includes(option)) throw new MongoError(14, `The field '${option}' has value ${show(value)}, which is of the wrong type`)
    else if (REFUSED.includes(option) && (value.type !== T.bool || value.truthy)) throw new MongoError(67, `index option '${option}' is not supported by the embedded server`)
    else if (!REFUSED.includes(option) && !IGNORED.includes(option)) throw new MongoError(197, `The field '${option}' is not valid for an index specification. Specification: ${show(spec)}`)
  }
  const { name, key, unique = false } = out
  if (name === undefined || key === undefined) throw new MongoError(9, `The '${key === undefined ? 'key' : 'name'}' field is a required property of an index specification`)
  if (key.length === 0 || key.length > 32 || new Set(key.map(([path]) => path)).size !== key.length) throw new MongoError(67, `Index keys must be 1 to 32 different fields: ${name}`)
  return { name, key, unique }
}

function checkPath (path: string, direction: Val): string {
  if (direction.type === T.string) throw new MongoError(67, `index type '${direction.string}' is not supported by the embedded server`)
  if (path.includes('$**')) throw new MongoError(67, 'wildcard indexes are not supported by the embedded server')
  if (path.split('.').some(part => part === '' || part.startsWith('$'))) throw new MongoError(67, `Index key contains an illegal field name: '${path}'`)
  if (!direction.isNumber || !(Math.abs(direction.number) > 0)) throw new MongoError(67, `Values in v:2 index key pattern cannot be of type ${direction.typeName}. Only numbers > 0, numbers < 0, and strings are allowed.`)
  return path
}

/**
 * Whether the index is there already. Throws IndexOptionsConflict (85) or IndexKeySpecsConflict (86) by MongoDB's rules (IndexCatalogImpl): key and `unique`
 * together are an index's identity (manual, "Basic and Unique Indexes With Duplicate Key Patterns").
 */
function isThere (existing: IndexSpec[], spec: IndexSpec): boolean {
  const alike = existing.find(({ name, key, unique }) => sameKey(key, spec.key) && (unique === spec.unique || name === '_id_'))
  if (alike?.name === '_id_' || alike?.name === spec.name) return true
  const namesake = existing.find(({ name }) => name === spec.name)
  if (namesake !== undefined) throw new MongoError(86, `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: ${show(docVal(build(describe(spec))))}, existing index: ${show(docVal(build(describe(namesake))))}`)
  if (alike !== undefined) throw new MongoError(85, `Index already exists with a different name: ${alike.name}`)
  return false
}

/** Other writes wait while an index is made; reads go on. What conflicts is found before anything is made, and a failure leaves nothing. */
export const createIndexes: Handler = async (context, options) => {
  const { store, db } = context
  const name = collectionName(context)
  const specs = options.required('indexes', options.list('indexes')).map(parseSpec)
  if (specs.length === 0) throw new MongoError(2, 'Must specify at least one index to create')
  return await store.hold(async write => {
    const before = store.catalog.get(db, name)
    const numIndexesBefore = before?.indexes.length ?? 1
    const wanted: IndexSpec[] = []
    for (const spec of specs) if (!isThere([...before?.indexes ?? [], ...wanted], spec)) wanted.push(spec)
    const made = await write(() => {
      store.catalog.getOrCreate(db, name)
      return wanted.map(spec => store.catalog.newIndex(spec))
    })
    const collection = existing(context)
    try {
      for (const index of made) await fill(store, write, collection, index)
      await write(() => { for (const index of made) store.catalog.addIndex(collection, index) })
    } finally {
      store.purge()
    }
    return { numIndexesBefore, numIndexesAfter: collection.indexes.length, createdCollectionAutomatically: before === undefined, note: made.length === 0 ? 'all indexes already exist' : undefined, ok: 1 }
  })
}

/** Documents that go into a new index in one transaction. */
const FILL_CHUNK = 200

async function fill (store: Store, write: Store['write'], collection: Collection, index: Index): Promise<void> {
  for (let record = 0; ;) {
    const chunk = store.range(docKey(collection, record + 1), prefix(1, collection.id + 1), false, FILL_CHUNK, 1024 * 1024)
    if (chunk.length === 0) return
    await write(() => { for (const [key, doc] of chunk) store.addToIndex(collection, index, record = recordOf(key), doc) })
  }
}

export const dropIndexes: Handler = async (context, options) => {
  const { store } = context
  const wanted = options.required('index', options.val('index'))
  const nIndexesWas = await store.write(() => {
    const collection = existing(context)
    const before = collection.indexes.length
    for (const index of chosen(collection, wanted)) store.catalog.dropIndex(collection, index)
    return before
  })
  store.purge()
  return { nIndexesWas, ok: 1 }
}

function chosen ({ indexes }: Collection, wanted: Val): Index[] {
  if (wanted.type === T.string && wanted.string === '*') return indexes.slice(1)
  return (wanted.type === T.array ? values(wanted) : [wanted]).map(item => {
    const index = indexes.find(({ name, key }) => item.isObject ? sameKey(fields(item).map(([path, { number }]) => [path, number]), key) : item.type === T.string && name === item.string)
    if (index === undefined) throw new MongoError(27, item.isObject ? `can't find index with key: ${show(item)}` : `index not found with name [${item.type === T.string ? item.string : show(item)}]`)
    if (index.name === '_id_') throw new MongoError(72, 'cannot drop _id index')
    return index
  })
}
