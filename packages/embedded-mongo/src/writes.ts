import { fields } from './bson.js'
import type { Plain, Val } from './bson-value.js'
import { DELETE, UPDATE } from './command-options.js'
import { type Context, type Handler, compileSort, namespaceOf } from './context.js'
import { idOf, prepareInsert } from './document.js'
import { MongoError } from './errors.js'
import { MAX_BATCH } from './limits.js'
import { compileFilter } from './match.js'
import { Options, type Spec } from './options.js'
import { compileProjection } from './projection.js'
import { type Report, type Statement, runAll, runOne } from './statements.js'
import { compileUpdate } from './update.js'

/** Which options hold the parts of a change. */
interface ChangeOptions {
  filter: string
  /** Without it, documents are removed. */
  update?: string
  /** Whether all documents are changed, or the first one. */
  multi: boolean
}

export const insert: Handler = async (context, options) =>
  await runAll(context, isOrdered(options), batchOf(options, 'documents'), (item, report, ns) =>
    () => insertOne(context, ns, prepareInsert(item), report))

export const update: Handler = async (context, options) => {
  const list = statementsOf(context, options, 'updates', UPDATE, ['q', 'u'])
  return await runAll(context, isOrdered(options), list, (statement, report) =>
    changing(context, statement, { filter: 'q', update: 'u', multi: statement.bool('multi') }, report))
}

export const remove: Handler = async (context, options) => {
  const list = statementsOf(context, options, 'deletes', DELETE, ['q', 'limit'])
  for (const statement of list) {
    const limit = statement.number('limit')
    if (limit === 0 || limit === 1) continue
    throw new MongoError(9, `The limit field in delete objects must be 0 or 1. Got ${limit}`)
  }
  return await runAll(context, isOrdered(options), list, (statement, report) =>
    changing(context, statement, { filter: 'q', multi: statement.number('limit') === 0 }, report))
}

export const findAndModify: Handler = async (context, options) => {
  const removing = options.bool('remove')
  checkFindAndModify(options, removing)
  const project = compileProjection(options.doc('fields'))
  let value: Buffer | undefined
  let lastErrorObject: Plain = removing ? { n: 0 } : { n: 0, updatedExisting: false }
  const report: Report = (before, after) => {
    value = options.bool('new') ? after : before
    const upserted = before === undefined ? idOf(after) : undefined
    lastErrorObject = removing ? { n: 1 } : { n: 1, updatedExisting: before !== undefined, upserted }
  }
  const parts: ChangeOptions = removing
    ? { filter: 'query', multi: false }
    : { filter: 'query', update: 'update', multi: false }
  await runOne(context, changing(context, options, parts, report))
  return { lastErrorObject, value: value === undefined ? null : project(value), ok: 1 }
}

function checkFindAndModify (options: Options, removing: boolean): void {
  const updating = options.val('update') !== undefined
  if (removing === updating) {
    throw new MongoError(9, 'Either an update or remove=true must be specified, and not both')
  }
  if (!removing) return
  for (const name of ['upsert', 'new']) {
    if (options.bool(name)) throw new MongoError(9, `Cannot specify both ${name}=true and remove=true`)
  }
}

const isOrdered = (options: Options): boolean => options.val('ordered')?.truthy !== false

function batchOf (options: Options, name: string): Val[] {
  const list = options.docs(name)
  if (list.length > 0 && list.length <= MAX_BATCH) return list
  throw new MongoError(16, `Write batch sizes must be between 1 and ${MAX_BATCH}, not ${list.length}`)
}

function statementsOf (
  context: Context, options: Options, name: string, takes: Spec, needs: string[]
): Options[] {
  const where = `${context.command}.${name}`
  const list = batchOf(options, name).map(item => new Options(where, fields(item), takes))
  for (const statement of list) {
    for (const need of needs) statement.required(need)
  }
  return list
}

function insertOne ({ store }: Context, ns: string, doc: Buffer, report: Report): void {
  const collection = store.catalog.getOrCreate(ns)
  store.change(collection, collection.nextRecord, undefined, doc)
  report(undefined, doc)
}

function changing (context: Context, options: Options, parts: ChangeOptions, report: Report): Statement {
  const filter = compileFilter(options.doc(parts.filter))
  const update = parts.update === undefined ? undefined : compileUpdate(options.required(parts.update))
  if (parts.multi && update?.replacement === true) {
    throw new MongoError(9, 'multi update is not supported for replacement-style update')
  }
  const each: Statement['each'] = (collection, { record, doc }) => {
    const after = update?.apply(doc)
    const isSame = after?.equals(doc) === true
    if (!isSame) context.store.change(collection, record, doc, after)
    report(doc, after)
  }
  const none = update !== undefined && options.bool('upsert')
    ? () => insertOne(context, namespaceOf(context), update.insert(filter), report)
    : undefined
  const limit = parts.multi ? 0 : 1
  return {
    query: { filter, sort: compileSort(options.doc('sort')), hint: options.val('hint'), limit }, each, none
  }
}
