import { MongoError } from './errors.js'
import { type Val, docVal, fields, validate as checkBson } from './bson.js'
import type { Plain } from './build.js'
import { type Context, type Handler, collectionName, compileSort, findCollection } from './context.js'
import { existing } from './admin.js'
import type { Collection, Index } from './catalog.js'
import { keysOf } from './index-keys.js'
import { compileFilter } from './match.js'
import { Options } from './options.js'
import { plan } from './planner.js'
import type { Query } from './query.js'
import { explainedQuery } from './reads.js'
import { type Store, entryKey, prefix, recordOf } from './store.js'

const STATEMENT = { q: 'object', u: 'any', multi: 'bool', upsert: 'bool', limit: 'integer', hint: 'hint', sort: 'object' } as const

/** Tells how a command would find its documents: by which index, or by a scan. Nothing is run. @param parse checks the explained command's options */
export function explain (parse: (name: string, command: Val) => Options): Handler {
  return context => {
    const [command, target] = (context.target.isObject ? fields(context.target)[0] : undefined) ?? []
    if (command === undefined || target === undefined || !['find', 'count', 'distinct', 'aggregate', 'update', 'delete', 'findAndModify'].includes(command)) {
      throw new MongoError(59, `Explain failed due to unknown command: ${command ?? ''}`)
    }
    const inner = { ...context, command, target }
    const options = parse(command, context.target)
    const statements = options.list('updates') ?? options.list('deletes')
    const query = statements === undefined
      ? explainedQuery(inner, options)
      : statementQuery(inner, new Options(command, statements[0] as Val, STATEMENT, false))
    const namespace = `${context.db}.${collectionName(inner)}`
    return { explainVersion: '1', queryPlanner: { namespace, winningPlan: query === undefined ? { stage: 'EOF' } : winningPlan(query), rejectedPlans: [] }, command: context.target, ok: 1 }
  }
}

function statementQuery (context: Context, options: Options): Query | undefined {
  const collection = findCollection(context)
  const query = { filter: compileFilter(options.doc('q')), sort: compileSort(options.doc('sort')), hint: options.val('hint') }
  return collection === undefined ? undefined : { ...query, collection }
}

function winningPlan (query: Query): Plain {
  const { index, reverse, sorted, ranges } = plan(query.collection, query.filter, query.sort, query.hint)
  const direction = reverse ? 'backward' : 'forward'
  const source: Plain = index === undefined
    ? { stage: 'COLLSCAN', direction }
    : { stage: 'FETCH', inputStage: { stage: 'IXSCAN', keyPattern: new Map(index.key), indexName: index.name, isMultiKey: index.multikey.some(Boolean), isUnique: index.unique, direction, ranges: ranges.length } }
  return sorted ? source : { stage: 'SORT', inputStage: source }
}

/** Entries looked at between two pauses. */
const CHUNK = 500
/** Errors that are named; the rest is only counted by `valid`. */
const MAX_ERRORS = 100

/** Compares documents and indexes in both directions, writes waiting meanwhile. */
export const validate: Handler = async context => {
  const { store } = context
  return await store.hold(async () => {
    const collection = existing(context)
    const errors: string[] = []
    const expected = new Map(collection.indexes.map(index => [index, 0]))
    let records = 0
    await each(store, prefix(1, collection.id), prefix(1, collection.id + 1), (key, doc) => {
      records++
      checkDocument(store, collection, recordOf(key), doc, expected, errors)
    })
    const keysPerIndex: Record<string, number> = {}
    for (const [index, keys] of expected) {
      let found = 0
      await each(store, prefix(2, index.id), prefix(2, index.id + 1), () => { found++ })
      keysPerIndex[index.name] = found
      if (found !== keys) errors.push(`index ${index.name} has ${found} entries, the documents have ${keys}`)
    }
    if (records !== collection.count) errors.push(`${records} documents, but ${collection.count} counted`)
    return { ns: collection.ns, nrecords: records, nIndexes: collection.indexes.length, keysPerIndex, valid: errors.length === 0, errors: errors.slice(0, MAX_ERRORS), warnings: [], ok: 1 }
  })
}

/** Every entry that a document should have must be there and point to it; together with equal counts that leaves no entry without its document. */
function checkDocument (store: Store, { indexes }: Collection, record: number, doc: Buffer, expected: Map<Index, number>, errors: string[]): void {
  try {
    if (checkBson(doc, 0, doc.length) !== doc.length) throw new MongoError(22, 'wrong length')
  } catch (error) {
    errors.push(`document ${record}: ${(error as Error).message}`)
    return
  }
  for (const index of indexes) {
    const { keys } = keysOf(index.parts, docVal(doc))
    expected.set(index, expected.get(index) as number + keys.length)
    for (const key of keys) {
      const held = store.entry(entryKey(index, key, record))
      if (held === undefined || (index.unique && recordOf(held) !== record)) errors.push(`document ${record} is missing from index ${index.name}`)
    }
  }
}

async function each (store: Store, from: Buffer, end: Buffer, take: (key: Buffer, value: Buffer) => void): Promise<void> {
  for (let start = from; ;) {
    const entries = store.range(start, end, false, CHUNK, 1024 * 1024)
    for (const [key, value] of entries) take(key, value)
    const last = entries.at(-1)
    if (last === undefined) return
    start = Buffer.concat([last[0], Buffer.alloc(1)])
    await new Promise(resolve => setImmediate(resolve))
  }
}
