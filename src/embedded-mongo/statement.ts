import { MongoError } from './errors.js'
import { docVal } from './bson.js'
import type { Plain } from './build.js'
import { type Context, collectionName } from './context.js'
import type { Collection } from './catalog.js'
import { CHUNK_BYTES, type Documents, type Found, type Query, drain, run } from './query.js'
import type { Store } from './store.js'

/** One change: what it looks for and what it does. `each` and `none` run inside a transaction; what they throw is the statement's error. */
export interface Statement {
  query: Pick<Query, 'filter' | 'sort' | 'hint'>
  multi: boolean
  upsert: boolean
  each: (collection: Collection, found: Found) => void
  none: () => void
}

/** Chunks of entries that a statement may read inside its transaction: about 1,000 entries, some milliseconds. */
const CHUNKS_INSIDE = 5
/** Documents or statements that go into one transaction. */
const GROUP = 1000
/** Longest time that changes of one command hold the thread. */
const GROUP_MS = 10

/** The collection and what the statement looks for in it; undefined if there is no such collection. */
function documents (store: Store, collection: Collection | undefined, { query, multi }: Statement): Documents | undefined {
  return collection === undefined ? undefined : run(store, { ...query, collection, limit: multi ? 0 : 1 })
}

/** Finds and changes in one transaction, so that nothing comes between. @returns false, with nothing done, if there is too much to read */
function attempt (store: Store, db: string, name: string, statement: Statement): boolean {
  const collection = store.catalog.get(db, name)
  const found: Found[] = []
  let chunks = 0
  let bytes = 0
  for (const document of documents(store, collection, statement) ?? []) {
    if (document === undefined) chunks++
    else bytes += found.push(document) === 1 ? 0 : document.doc.length
    if (chunks > CHUNKS_INSIDE || bytes > CHUNKS_INSIDE * CHUNK_BYTES) return false
  }
  if (found.length === 0) statement.none()
  for (const document of found) statement.each(collection as Collection, document)
  return true
}

/**
 * For statements that must read much: looks first, letting readers in, then changes what still matches. Where several documents may be changed, other writes
 * go on meanwhile, as on MongoDB; for a single one, and for an upsert, they wait.
 */
async function atLength ({ store, db, turn }: Context, name: string, statement: Statement): Promise<void> {
  const change = async (write: Store['write'], orNone: boolean): Promise<void> => {
    const records: number[] = []
    const found = documents(store, store.catalog.get(db, name), statement)
    if (found !== undefined) await drain(found, turn, ({ record }) => records.push(record) > 0)
    if (orNone && records.length === 0) await write(() => { statement.none() })
    for (let i = 0; i < records.length;) {
      await write(() => {
        const collection = store.catalog.get(db, name)
        for (const start = performance.now(); i < records.length && performance.now() - start < GROUP_MS; i++) {
          const record = records[i] as number
          const doc = collection === undefined ? undefined : store.document(collection, record)
          if (doc !== undefined && statement.query.filter.test(docVal(doc))) statement.each(collection as Collection, { record, doc })
        }
      })
    }
  }
  if (statement.multi && !statement.upsert) await change(async run => await store.write(run), false)
  else await store.hold(async write => { await change(write, true) })
}

/** Runs one statement; throws its error. */
export async function runStatement (context: Context, statement: Statement): Promise<void> {
  const name = collectionName(context)
  if (!await context.store.write(() => attempt(context.store, context.db, name, statement))) await atLength(context, name, statement)
}

/**
 * Runs the statements of one command, as many in one transaction as go, so that a batch costs one flush. @param ordered whether the first error ends it
 * @param make the statement at a position, or a change that needs no search @returns the errors, as an answer has them
 */
export async function runStatements (context: Context, total: number, ordered: boolean, make: (i: number) => Statement | (() => void)): Promise<Plain[]> {
  const { store, db } = context
  const name = collectionName(context)
  const errors: Plain[] = []
  const failed = (index: number, error: unknown): void => {
    if (!(error instanceof MongoError)) throw error
    errors.push({ index, code: error.code, errmsg: error.message, ...error.extra as Record<string, Plain> })
  }
  const stopped = (): boolean => ordered && errors.length > 0
  for (let i = 0; i < total && !stopped();) {
    const long = await store.write((): Statement | undefined => {
      const start = performance.now()
      for (const end = Math.min(i + GROUP, total); i < end && !stopped(); i++) {
        try {
          const statement = make(i)
          if (typeof statement === 'function') statement()
          else if (!attempt(store, db, name, statement)) return statement
          else if (performance.now() - start > GROUP_MS) {
            i++
            break
          }
        } catch (error) {
          failed(i, error)
        }
      }
      return undefined
    })
    if (long !== undefined) await atLength(context, name, long).catch((error: unknown) => { failed(i, error) }).finally(() => i++)
    if (context.turn.isDue) await context.turn.pause()
  }
  return errors
}
