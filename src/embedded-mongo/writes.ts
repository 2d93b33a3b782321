import { MongoError } from './errors.js'
import type { Val } from './bson.js'
import type { Plain } from './build.js'
import { type Context, type Handler, collectionName, compileSort } from './context.js'
import { compileFilter } from './match.js'
import { Options, type Spec } from './options.js'
import { compileProjection } from './project.js'
import { type Statement, runStatement, runStatements } from './statement.js'
import { compileUpdate, idOf, prepareInsert } from './update.js'

/** MongoDB's maxWriteBatchSize. */
export const MAX_BATCH = 100_000

function batch (context: Context, options: Options, name: string): Val[] {
  const list = options.required(name, options.list(name))
  if (list.length === 0 || list.length > MAX_BATCH) throw new MongoError(16, `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${list.length} operations.`)
  const odd = list.find(item => !item.isObject)
  if (odd !== undefined) throw new MongoError(14, `BSON field '${context.command}.${name}' holds the wrong type '${odd.typeName}', expected type 'object'`)
  return list
}

const ordered = (options: Options): boolean => options.val('ordered')?.truthy !== false

const answer = (n: number, errors: Plain[], more: Record<string, Plain> = {}): Plain => ({ n, ...more, writeErrors: errors.length > 0 ? errors : undefined, ok: 1 })

export const insert: Handler = async (context, options) => {
  const { store, db } = context
  const name = collectionName(context)
  const documents = batch(context, options, 'documents')
  let n = 0
  const errors = await runStatements(context, documents.length, ordered(options), i => () => {
    const doc = prepareInsert(documents[i] as Val)
    store.insert(store.catalog.getOrCreate(db, name), doc)
    n++
  })
  return answer(n, errors)
}

/** What one statement of an update and of a delete takes. */
export const UPDATE: Spec = { q: 'object', u: 'any', multi: 'bool', upsert: 'bool', hint: 'hint', sort: 'object', c: 'refused', collation: 'refused', arrayFilters: 'refused' }
export const DELETE: Spec = { q: 'object', limit: 'integer', hint: 'hint', collation: 'refused' }

export const update: Handler = async (context, options) => {
  const statements = batch(context, options, 'updates').map(item => new Options('update.updates', item, UPDATE))
  for (const statement of statements) for (const name of ['q', 'u']) statement.required(name, statement.val(name))
  let n = 0
  let nModified = 0
  const upserted: Plain[] = []
  const errors = await runStatements(context, statements.length, ordered(options), i => updateStatement(context, statements[i] as Options, (matched, modified, id) => {
    n += matched
    nModified += modified
    if (id !== undefined) upserted.push({ index: i, _id: id })
  }))
  return answer(n, errors, { nModified, upserted: upserted.length > 0 ? upserted : undefined })
}

function updateStatement ({ store, db, target }: Context, options: Options, report: (matched: number, modified: number, upserted?: Val) => void): Statement {
  const filter = compileFilter(options.doc('q'))
  const change = compileUpdate(options.required('u', options.val('u')))
  const multi = options.bool('multi')
  const upsert = options.bool('upsert')
  if (multi && change.replacement) throw new MongoError(9, 'multi update is not supported for replacement-style update')
  if (multi && options.val('sort') !== undefined) throw new MongoError(9, 'Cannot specify sort with multi=true')
  return {
    query: { filter, sort: compileSort(options.doc('sort')), hint: options.val('hint') },
    multi,
    upsert,
    each: (collection, { record, doc }) => {
      const changed = change.apply(doc)
      if (changed !== doc) store.replace(collection, record, doc, changed)
      report(1, changed === doc ? 0 : 1)
    },
    none: () => {
      if (!upsert) return
      const doc = change.insert(filter)
      store.insert(store.catalog.getOrCreate(db, target.string), doc)
      report(1, 0, idOf(doc))
    }
  }
}

export const remove: Handler = async (context, options) => {
  const { store } = context
  const statements = batch(context, options, 'deletes').map(item => new Options('delete.deletes', item, DELETE))
  for (const statement of statements) {
    statement.required('q', statement.val('q'))
    const limit = statement.required('limit', statement.number('limit'))
    if (limit !== 0 && limit !== 1) throw new MongoError(9, `The limit field in delete objects must be 0 or 1. Got ${limit}`)
  }
  let n = 0
  const errors = await runStatements(context, statements.length, ordered(options), i => {
    const statement = statements[i] as Options
    return {
      query: { filter: compileFilter(statement.doc('q')), sort: [], hint: statement.val('hint') },
      multi: statement.number('limit') === 0,
      upsert: false,
      each: (collection, { record, doc }) => {
        store.remove(collection, record, doc)
        n++
      },
      none: () => {}
    }
  })
  return answer(n, errors)
}

function checkFindAndModify (options: Options): void {
  const removing = options.bool('remove')
  if (removing === (options.val('update') !== undefined)) throw new MongoError(9, removing ? 'Cannot specify both an update and remove=true' : 'Either an update or remove=true must be specified')
  for (const name of ['upsert', 'new']) if (removing && options.bool(name)) throw new MongoError(9, `Cannot specify both ${name}=true and remove=true`)
}

export const findAndModify: Handler = async (context, options) => {
  const { store, db } = context
  const name = collectionName(context)
  checkFindAndModify(options)
  const filter = compileFilter(options.doc('query'))
  const sort = compileSort(options.doc('sort'))
  const project = compileProjection(options.doc('fields'))
  const removing = options.bool('remove')
  const change = removing ? undefined : compileUpdate(options.required('update', options.val('update')))
  const upsert = options.bool('upsert')
  let value: Buffer | null = null
  let last: Record<string, Plain> = removing ? { n: 0 } : { n: 0, updatedExisting: false }
  await runStatement(context, {
    query: { filter, sort, hint: options.val('hint') },
    multi: false,
    upsert,
    each: (collection, { record, doc }) => {
      if (change === undefined) {
        store.remove(collection, record, doc)
        last = { n: 1 }
        value = doc
        return
      }
      const changed = change.apply(doc)
      if (changed !== doc) store.replace(collection, record, doc, changed)
      last = { n: 1, updatedExisting: true }
      value = options.bool('new') ? changed : doc
    },
    none: () => {
      if (!upsert || change === undefined) return
      const doc = change.insert(filter)
      store.insert(store.catalog.getOrCreate(db, name), doc)
      last = { n: 1, updatedExisting: false, upserted: idOf(doc) }
      value = options.bool('new') ? doc : null
    }
  })
  return { lastErrorObject: last, value: value === null ? null : project(value), ok: 1 }
}
