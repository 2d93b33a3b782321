import { MongoError } from './errors.js'
import { type Val, fields } from './bson.js'
import type { Plain } from './build.js'
import type { Collection } from './catalog.js'
import { type Context, type Handler, collectionName, compileSort } from './context.js'
import { compileFilter } from './match.js'
import { Options, type Spec } from './options.js'
import { compileProjection } from './project.js'
import type { Found } from './query.js'
import { type Statement, runStatement, runStatements } from './statement.js'
import { compileUpdate, idOf, prepareInsert } from './update.js'

/** MongoDB's maxWriteBatchSize. */
export const MAX_BATCH = 100_000

function batch ({ command }: Context, options: Options, name: string): Val[] {
  const list = options.required(name, options.list(name))
  if (list.length === 0 || list.length > MAX_BATCH) throw new MongoError(16, `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${list.length} operations.`)
  const odd = list.find(item => !item.isObject)
  if (odd !== undefined) throw new MongoError(14, `BSON field '${command}.${name}' holds the wrong type '${odd.typeName}', expected type 'object'`)
  return list
}

/** Runs the statements and answers with the count that `make`'s statements keep. */
async function answer (context: Context, options: Options, total: number, made: { n: number, nModified?: number, upserted?: Plain[] }, make: (i: number) => Statement | (() => void)): Promise<Plain> {
  const errors = await runStatements(context, total, options.val('ordered')?.truthy !== false, make)
  return { ...made, upserted: made.upserted?.length === 0 ? undefined : made.upserted, writeErrors: errors.length > 0 ? errors : undefined, ok: 1 }
}

export const insert: Handler = async (context, options) => {
  const { store, db } = context
  const name = collectionName(context)
  const documents = batch(context, options, 'documents')
  const made = { n: 0 }
  return await answer(context, options, documents.length, made, i => () => {
    const doc = prepareInsert(documents[i] as Val)
    store.insert(store.catalog.getOrCreate(db, name), doc)
    made.n++
  })
}

/** What one statement of an update and of a delete takes. */
export const UPDATE: Spec = { q: 'object', u: 'any', multi: 'bool', upsert: 'bool', hint: 'hint', c: 'refused', collation: 'refused', arrayFilters: 'refused' }
export const DELETE: Spec = { q: 'object', limit: 'integer', hint: 'hint', collation: 'refused' }

export const update: Handler = async (context, options) => {
  const statements = batch(context, options, 'updates').map(item => new Options('update.updates', fields(item), UPDATE))
  for (const statement of statements) for (const name of ['q', 'u']) statement.required(name, statement.val(name))
  const made = { n: 0, nModified: 0, upserted: [] as Plain[] }
  return await answer(context, options, statements.length, made, i => {
    const statement = statements[i] as Options
    const multi = statement.bool('multi')
    const change = changeOf(context, statement, 'q', 'u', (before, after) => {
      made.n++
      if (before === undefined) made.upserted.push({ index: i, _id: idOf(after) })
      else if (before !== after) made.nModified++
    })
    if (multi && change.replacement) throw new MongoError(9, 'multi update is not supported for replacement-style update')
    return { ...change, multi }
  })
}

/** @param report is told of every change; without a document before, it was inserted */
function changeOf (context: Context, options: Options, q: string, u: string, report: (before: Buffer | undefined, after: Buffer) => void): Statement & { replacement: boolean } {
  const { store, db } = context
  const name = collectionName(context)
  const filter = compileFilter(options.doc(q))
  const { apply, insert, replacement } = compileUpdate(options.required(u, options.val(u)))
  const upsert = options.bool('upsert')
  return {
    query: { filter, sort: compileSort(options.doc('sort')), hint: options.val('hint') },
    multi: false,
    replacement,
    upsert,
    each: (collection, { record, doc }) => {
      const changed = apply(doc)
      if (changed !== doc) store.replace(collection, record, doc, changed)
      report(doc, changed)
    },
    none: () => {
      if (!upsert) return
      const doc = insert(filter)
      store.insert(store.catalog.getOrCreate(db, name), doc)
      report(undefined, doc)
    }
  }
}

function removalOf ({ store }: Context, options: Options, q: string, multi: boolean, report: (doc: Buffer) => void): Statement {
  const each = (collection: Collection, { record, doc }: Found): void => {
    store.remove(collection, record, doc)
    report(doc)
  }
  return { query: { filter: compileFilter(options.doc(q)), sort: compileSort(options.doc('sort')), hint: options.val('hint') }, multi, upsert: false, each, none: () => {} }
}

export const remove: Handler = async (context, options) => {
  const statements = batch(context, options, 'deletes').map(item => new Options('delete.deletes', fields(item), DELETE))
  for (const statement of statements) {
    statement.required('q', statement.val('q'))
    const limit = statement.required('limit', statement.number('limit'))
    if (limit !== 0 && limit !== 1) throw new MongoError(9, `The limit field in delete objects must be 0 or 1. Got ${limit}`)
  }
  const made = { n: 0 }
  return await answer(context, options, statements.length, made, i => removalOf(context, statements[i] as Options, 'q', statements[i]?.number('limit') === 0, () => { made.n++ }))
}

export const findAndModify: Handler = async (context, options) => {
  const removing = options.bool('remove')
  if (removing === (options.val('update') !== undefined)) throw new MongoError(9, removing ? 'Cannot specify both an update and remove=true' : 'Either an update or remove=true must be specified')
  for (const name of ['upsert', 'new']) if (removing && options.bool(name)) throw new MongoError(9, `Cannot specify both ${name}=true and remove=true`)
  const project = compileProjection(options.doc('fields'))
  let value: Buffer | undefined
  let lastErrorObject: Plain = removing ? { n: 0 } : { n: 0, updatedExisting: false }
  const statement = removing
    ? removalOf(context, options, 'query', false, doc => {
      value = doc
      lastErrorObject = { n: 1 }
    })
    : changeOf(context, options, 'query', 'update', (before, after) => {
      value = options.bool('new') ? after : before
      lastErrorObject = { n: 1, updatedExisting: before !== undefined, upserted: before === undefined ? idOf(after) : undefined }
    })
  await runStatement(context, statement)
  return { lastErrorObject, value: value === undefined ? null : project(value), ok: 1 }
}
