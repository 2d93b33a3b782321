import { MongoError } from './errors.js'
import { type Plain, type Val, docVal, fields } from './bson.js'
import type { Collection } from './catalog.js'
import { type Context, type Handler, Options, type Spec, compileSort, findCollection, namespaceOf } from './context.js'
import { compileFilter, compileProjection } from './match.js'
import { CHUNK_BYTES, type Found, type Query, drain, run } from './query.js'
import type { Store } from './store.js'
import { compileUpdate, idOf, prepareInsert } from './update.js'

/** MongoDB's maxWriteBatchSize. */
export const MAX_BATCH = 100_000
const CHUNKS_INSIDE = 5 // chunks of entries that a statement may read inside its transaction: about 1,000 entries, some milliseconds
/** Documents or statements that go into one transaction, and the longest time, in ms, that they hold the thread. */
const [GROUP, GROUP_MS] = [1000, 10]
/** What one statement of an update and of a delete takes. */
export const UPDATE: Spec = { q: 'object', u: 'any', multi: 'bool', upsert: 'bool', hint: 'hint', c: 'refused', collation: 'refused', arrayFilters: 'refused' }
export const DELETE: Spec = { q: 'object', limit: 'integer', hint: 'hint', collation: 'refused' }
/** Is told of every change: without a document before it was inserted, without one after removed. */
type Report = (before: Buffer | undefined, after: Buffer | undefined) => void
/** One change: what it looks for, and what it does inside a transaction with each document or if there is none. A limit of 0 is none. */
interface Statement {
  query: Omit<Query, 'collection'>
  each: (collection: Collection, found: Found) => void
  none?: (() => void) | undefined
}
type Make<Item> = (item: Item, report: Report, ns: string) => Statement | (() => void)

/** Finds and changes in one transaction, so that nothing comes between. @returns false, with nothing done, if there is too much to read */
function attempt (context: Context, statement: Statement): boolean {
  const collection = findCollection(context)
  const found: Found[] = []
  let [chunks, bytes] = [0, 0]
  for (const document of run(context.store, { ...statement.query, collection })) {
    if (document === undefined) chunks++
    else bytes += found.push(document) === 1 ? 0 : document.doc.length
    if (chunks > CHUNKS_INSIDE || bytes > CHUNKS_INSIDE * CHUNK_BYTES) return false
  }
  for (const document of found) statement.each(collection as Collection, document)
  if (found.length === 0) statement.none?.()
  return true
}

/** Looks first, letting readers in, then changes what still matches. Other writes go on meanwhile if several documents may be changed and it is no upsert. */
async function atLength (context: Context, { query, each, none }: Statement): Promise<void> {
  const { store, turn } = context
  const change = async (write: Store['write']): Promise<void> => {
    const records: number[] = []
    await drain(run(store, { ...query, collection: findCollection(context) }), turn, ({ record }) => records.push(record) > 0)
    if (records.length === 0) await write(() => none?.())
    for (let i = 0; i < records.length;) {
      await write(() => {
        for (const start = performance.now(); i < records.length && performance.now() - start < GROUP_MS; i++) {
          const record = records[i] as number
          const now = findCollection(context)
          const doc = now && store.document(now, record)
          if (now !== undefined && doc !== undefined && query.filter.test(docVal(doc))) each(now, { record, doc })
        }
      })
    }
  }
  await (query.limit === 0 && none === undefined ? change(async job => await store.write(job)) : store.hold(change))
}

/** Runs the statements (or changes that need no search) for a list, as many in one transaction as go: a batch costs one flush. @returns the command's answer */
async function runAll<Item> (context: Context, options: Options, list: Item[], make: Make<Item>): Promise<Plain> {
  const { store, turn, command } = context
  const ns = namespaceOf(context)
  const [upserted, writeErrors]: [Plain[], Plain[]] = [[], []]
  let [i, end, n, nModified] = [0, list.length, 0, 0]
  const report: Report = (before, after) => {
    n++
    if (before === undefined && command === 'update') upserted.push({ index: i, _id: idOf(after) })
    else if (before !== undefined && after?.equals(before) === false) nModified++
  }
  const failed = (error: unknown): void => {
    if (!(error instanceof MongoError)) throw error
    writeErrors.push({ index: i, code: error.code, errmsg: error.message, ...error.extra })
    if (options.val('ordered')?.truthy !== false) end = i
  }
  while (i < end) {
    if (turn.isDue) await turn.pause()
    const long = await store.write((): Statement | undefined => {
      const start = performance.now()
      for (const stop = i + GROUP; i < end && i < stop; i++) {
        try {
          const statement = make(list[i] as Item, report, ns)
          if (typeof statement === 'function') statement()
          else if (performance.now() - start > GROUP_MS) return undefined
          else if (!attempt(context, statement)) return statement
        } catch (error) { failed(error) }
      }
    })
    if (long !== undefined) await atLength(context, long).catch(failed).finally(() => i++)
  }
  const some = (items: Plain[]): Plain => items.length > 0 ? items : undefined
  return { n, ...(command === 'update' ? { nModified, upserted: some(upserted) } : {}), writeErrors: some(writeErrors), ok: 1 }
}

function batch (options: Options, name: string): Val[] {
  const list = options.docs(name)
  if (list.length > 0 && list.length <= MAX_BATCH) return list
  throw new MongoError(16, `Write batch sizes must be between 1 and ${MAX_BATCH}, not ${list.length}`)
}

function statements (context: Context, options: Options, name: string, takes: Spec, needs: string[]): Options[] {
  const list = batch(options, name).map(item => new Options(`${context.command}.${name}`, fields(item), takes))
  for (const statement of list) for (const need of needs) statement.required(need)
  return list
}

function insertOne ({ store }: Context, ns: string, doc: Buffer, report: Report): void {
  const collection = store.catalog.getOrCreate(ns)
  store.change(collection, collection.nextRecord, undefined, doc)
  report(undefined, doc)
}

/** @param u the option that holds the update; without it documents are removed @param multi whether all documents are meant, or the first one */
function changing (context: Context, options: Options, q: string, u: string | undefined, multi: boolean, report: Report): Statement {
  const filter = compileFilter(options.doc(q))
  const update = u === undefined ? undefined : compileUpdate(options.required(u))
  if (multi && update?.replacement === true) throw new MongoError(9, 'multi update is not supported for replacement-style update')
  return {
    query: { filter, sort: compileSort(options.doc('sort')), hint: options.val('hint'), limit: multi ? 0 : 1 },
    each: (collection, { record, doc }) => {
      const after = update?.apply(doc)
      if (after === undefined || !after.equals(doc)) context.store.change(collection, record, doc, after)
      report(doc, after)
    },
    none: update !== undefined && options.bool('upsert') ? () => insertOne(context, namespaceOf(context), update.insert(filter), report) : undefined
  }
}

export const insert: Handler = async (context, options) =>
  await runAll(context, options, batch(options, 'documents'), (item, report, ns) => () => insertOne(context, ns, prepareInsert(item), report))
export const update: Handler = async (context, options) =>
  await runAll(context, options, statements(context, options, 'updates', UPDATE, ['q', 'u']), (statement, report) =>
    changing(context, statement, 'q', 'u', statement.bool('multi'), report))
export const remove: Handler = async (context, options) => {
  const list = statements(context, options, 'deletes', DELETE, ['q', 'limit'])
  const odd = list.map(statement => statement.number('limit')).find(limit => limit !== 0 && limit !== 1)
  if (odd !== undefined) throw new MongoError(9, `The limit field in delete objects must be 0 or 1. Got ${odd}`)
  return await runAll(context, options, list, (statement, report) => changing(context, statement, 'q', undefined, statement.number('limit') === 0, report))
}

export const findAndModify: Handler = async (context, options) => {
  const removing = options.bool('remove')
  if (removing === (options.val('update') !== undefined)) throw new MongoError(9, 'Either an update or remove=true must be specified, and not both')
  for (const name of ['upsert', 'new']) if (removing && options.bool(name)) throw new MongoError(9, `Cannot specify both ${name}=true and remove=true`)
  const project = compileProjection(options.doc('fields'))
  let value: Buffer | undefined
  let lastErrorObject: Plain = removing ? { n: 0 } : { n: 0, updatedExisting: false }
  const statement = changing(context, options, 'query', removing ? undefined : 'update', false, (before, after) => {
    value = options.bool('new') ? after : before
    lastErrorObject = removing ? { n: 1 } : { n: 1, updatedExisting: before !== undefined, upserted: before === undefined ? idOf(after) : undefined }
  })
  if (!await context.store.write(() => attempt(context, statement))) await atLength(context, statement)
  return { lastErrorObject, value: value === undefined ? null : project(value), ok: 1 }
}
