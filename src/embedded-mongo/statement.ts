import { MongoError } from './errors.js'
import { docVal } from './bson.js'
import type { Plain } from './build.js'
import { type Context, collectionName } from './context.js'
import type { Collection } from './catalog.js'
import { type Found, type Query, drain, run } from './query.js'
import type { Store } from './store.js'

/** One change: what it looks for and what it does with it. Both functions are called inside a transaction; what they throw is the statement's error. */
export interface Statement {
  query: Pick<Query, 'filter' | 'sort' | 'hint'>
  multi: boolean
  upsert: boolean
  each: (collection: Collection, found: Found) => void
  none: () => void
}

/** Index or document chunks that a statement may read inside its transaction; about 1,000 entries, some milliseconds. */
const CHUNKS_INSIDE = 5
const BYTES_INSIDE = 8 * 1024 * 1024
/** Longest time that the documents of a large change hold the thread. */
const APPLY_MS = 8

/** Finds and changes in one transaction, so that nothing comes between. @returns false, with nothing done, if that would take too long */
function attempt (store: Store, collection: Collection | undefined, statement: Statement): boolean {
  const found: Found[] = []
  let chunks = 0
  let bytes = 0
  const documents = collection === undefined ? [] : run(store, { ...statement.query, collection, limit: statement.multi ? 0 : 1 })
  for (const document of documents) {
    if (document === undefined) chunks++
    else {
      found.push(document)
      bytes += document.doc.length
    }
    if (chunks > CHUNKS_INSIDE || (bytes > BYTES_INSIDE && found.length > 1)) return false
  }
  if (found.length === 0) statement.none()
  for (const document of found) statement.each(collection as Collection, document)
  return true
}

/**
 * For changes that must read much: looks first, letting readers in, then changes what still matches. If several documents are to be changed, other writes
 * go on meanwhile, as on MongoDB; a single one, and an upsert, keep them waiting.
 */
async function atLength ({ store, db, turn, ...context }: Context, statement: Statement): Promise<void> {
  const name = collectionName({ store, db, turn, ...context })
  const gather = async (): Promise<number[]> => {
    const collection = store.catalog.get(db, name)
    const records: number[] = []
    if (collection === undefined) return records
    await drain(run(store, { ...statement.query, collection, limit: statement.multi ? 0 : 1 }), turn, ({ record }) => records.push(record) > 0)
    return records
  }
  const apply = async (write: Store['write'], records: number[]): Promise<void> => {
    for (let i = 0; i < records.length;) {
      await write(() => {
        const start = performance.now()
        const collection = store.catalog.get(db, name)
        for (; i < records.length && performance.now() - start < APPLY_MS; i++) {
          const record = records[i] as number
          const doc = collection === undefined ? undefined : store.document(collection, record)
          if (doc !== undefined && statement.query.filter.test(docVal(doc))) statement.each(collection as Collection, { record, doc })
        }
      })
    }
  }
  if (statement.multi && !statement.upsert) await apply(async change => await store.write(change), await gather())
  else {
    await store.hold(async write => {
      const records = await gather()
      if (records.length === 0) await write(() => { statement.none() })
      else await apply(write, records)
    })
  }
}

/** Runs one statement; throws its error. */
export async function runStatement (context: Context, statement: Statement): Promise<void> {
  const { store, db } = context
  const name = collectionName(context)
  const done = await store.write(() => attempt(store, store.catalog.get(db, name), statement))
  if (!done) await atLength(context, statement)
}

/** Statements that go into one transaction. */
const GROUP = 1000
/** Longest time that statements of one command keep others waiting. */
const GROUP_MS = 12

/**
 * Runs the statements of one command, as many in one transaction as go, so that a batch costs one flush.
 * @param ordered whether the first error ends it
 * @returns the errors, at the statements' positions
 */
export async function runStatements (context: Context, total: number, ordered: boolean, make: (i: number) => Statement | (() => void)): Promise<Plain[]> {
  const { store, db } = context
  const name = collectionName(context)
  const errors: Plain[] = []
  let stopped = false
  const attempted = (i: number, work: () => boolean): boolean => {
    try {
      return work()
    } catch (error) {
      errors.push(writeError(i, error))
      stopped = ordered
      return true
    }
  }
  for (let i = 0; i < total && !stopped;) {
    const tooLong = await store.write((): Statement | undefined => {
      const start = performance.now()
      for (let n = 0; i < total && !stopped && n < GROUP; n++) {
        let statement: Statement | (() => void) | undefined
        const done = attempted(i, () => {
          statement = make(i)
          if (typeof statement !== 'function') return attempt(store, store.catalog.get(db, name), statement)
          statement()
          return true
        })
        if (!done) return statement as Statement
        i++
        if (typeof statement !== 'function' && performance.now() - start > GROUP_MS) break
      }
      return undefined
    })
    if (tooLong === undefined) {
      context.turn.check()
      continue
    }
    await atLength(context, tooLong).catch(error => attempted(i, () => { throw error }))
    i++
  }
  return errors
}

function writeError (index: number, error: unknown): Plain {
  if (!(error instanceof MongoError)) throw error
  return { index, code: error.code, errmsg: error.message, ...error.extra as Record<string, Plain> | undefined }
}
