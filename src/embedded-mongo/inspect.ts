import { MongoError } from './errors.js'
import { type Val, docVal, fields, validate as checkBson } from './bson.js'
import type { Plain } from './build.js'
import { existing } from './admin.js'
import { type Collection, type Index, prefix } from './catalog.js'
import { type Context, type Handler, collectionName } from './context.js'
import { keysOf } from './index-keys.js'
import { Options } from './options.js'
import { plan } from './planner.js'
import { CHUNK_BYTES, type Query } from './query.js'
import { pipelineQuery, queryOf } from './reads.js'
import { type Store, entryKey, next, recordOf } from './store.js'
import { DELETE, UPDATE } from './writes.js'

/** The field that holds the filter, of the commands that can be explained. */
const FILTERS: Record<string, string> = { find: 'filter', count: 'query', distinct: 'query', findAndModify: 'query', aggregate: '', update: 'q', delete: 'q' }

/** Tells how a command would find its documents: by which index, or by a scan. Nothing is run. @param parse reads the explained command's options */
export function explain (parse: (name: string, command: Val) => Options): Handler {
  return context => {
    const [command, target] = (context.target.isObject ? fields(context.target)[0] : undefined) ?? ['', context.target]
    if (!Object.hasOwn(FILTERS, command)) throw new MongoError(59, `Explain failed due to unknown command: ${command}`)
    const inner: Context = { ...context, command, target }
    let options = parse(command, context.target)
    const [statement] = options.list('updates') ?? options.list('deletes') ?? []
    if (statement !== undefined) options = new Options(command, fields(statement), command === 'update' ? UPDATE : DELETE)
    const query = command === 'aggregate' ? pipelineQuery(inner, options).query : queryOf(inner, options, FILTERS[command] as string)
    const winningPlan = query === undefined ? { stage: 'EOF' } : stages(query)
    return { explainVersion: '1', queryPlanner: { namespace: `${context.db}.${collectionName(inner)}`, winningPlan, rejectedPlans: [] }, command: context.target, ok: 1 }
  }
}

function stages (query: Query): Plain {
  const { index, reverse, sorted } = plan(query.collection, query.filter, query.sort, query.hint)
  const direction = reverse ? 'backward' : 'forward'
  const source: Plain = index === undefined
    ? { stage: 'COLLSCAN', direction }
    : { stage: 'FETCH', inputStage: { stage: 'IXSCAN', keyPattern: new Map(index.key), indexName: index.name, isMultiKey: index.multikey.some(Boolean), isUnique: index.unique, direction } }
  return sorted ? source : { stage: 'SORT', inputStage: source }
}

/** Entries looked at between two pauses. */
const CHUNK = 500
/** Errors that are named in the answer. */
const MAX_ERRORS = 100

/** Compares documents and indexes: every entry that a document should have is there, and there are no others. Writes wait meanwhile. */
export const validate: Handler = async context => await context.store.hold(async () => {
  const { store } = context
  const collection = existing(context)
  const errors: string[] = []
  const expected = new Map(collection.indexes.map(index => [index, 0]))
  let nrecords = 0
  await each(store, 1, collection.id, (key, doc) => {
    nrecords++
    checkDocument(store, collection, recordOf(key), doc, expected, errors)
  })
  const keysPerIndex: Record<string, number> = {}
  for (const [index, keys] of expected) {
    let found = 0
    await each(store, 2, index.id, () => { found++ })
    keysPerIndex[index.name] = found
    if (found !== keys) errors.push(`index ${index.name} has ${found} entries, the documents have ${keys}`)
  }
  if (nrecords !== collection.count) errors.push(`${nrecords} documents, but ${collection.count} counted`)
  return { ns: collection.ns, nrecords, nIndexes: expected.size, keysPerIndex, valid: errors.length === 0, errors: errors.slice(0, MAX_ERRORS), warnings: [], ok: 1 }
})

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

async function each (store: Store, kind: 1 | 2, id: number, take: (key: Buffer, value: Buffer) => void): Promise<void> {
  for (let start = prefix(kind, id); ;) {
    const entries = store.range(start, prefix(kind, id + 1), false, CHUNK, CHUNK_BYTES)
    for (const [key, value] of entries) take(key, value)
    const last = entries.at(-1)
    if (last === undefined) return
    start = next(last[0])
    await new Promise(resolve => setImmediate(resolve))
  }
}
