import { MongoError } from './errors.js'
import { docVal } from './bson.js'
import type { Plain } from './build.js'
import { type Context, collectionName } from './context.js'
import type { Collection } from './catalog.js'
import { CHUNK_BYTES, type Found, type Query, drain, run } from './query.js'
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

const limited = ({ query, multi }: Statement, collection: Collection): Query => ({ ...query, collection, limit: multi ? 0 : 1 })

/** Finds and changes in one transaction, so that nothing comes between. @returns false, with nothing done, if there is too much to read */
function attempt (store: Store, collection: Collection | undefined, statement: Statement): boolean {
  const found: Found[] = []
  let [chunks, bytes] = [0, 0]
  for (const document of collection === undefined ? [] : run(store, limited(statement, collection))) {
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
  const change = async (write: Store['write']): Promise<void> => {
    const records: number[] = []
    const collection = store.catalog.get(db, name)
    if (collection !== undefined) await drain(run(store, limited(statement, collection)), turn, ({ record }) => records.push(record) > 0)
    if (records.length === 0) await write(() => { statement.none() })
    for (let i = 0; i < records.length;) {
      await write(() => {
        for (const start = performance.now(); i < records.length && performance.now() - start < GROUP_MS; i++) {
          const now = store.catalog.get(db, name)
          const doc = now === undefined ? undefined : store.document(now, records[i] as number)
          if (now !== undefined && doc !== undefined && statement.query.filter.test(docVal(doc))) statement.each(now, { record: records[i] as number, doc })
        }
      })
    }
  }
  await (statement.multi && !statement.upsert ? change(async run => await store.write(run)) : store.hold(change))
}

/** Runs one statement; throws its error. */
export async function runStatement (context: Context, statement: Statement): Promise<void> {
  const name = collectionName(context)
  const { store, db } = context
  if (!await store.write(() => attempt(store, store.catalog.get(db, name), statement))) await atLength(context, name, statement)
}

/**
 * Runs the statements of one command, as many in one transaction as go, so that a batch costs one flush. @param ordered whether the first error ends it
 * @param make the statement at a position, or a change that needs no search @returns the errors, as an answer has them
 */
export async function runStatements (context: Context, total: number, ordered: boolean, make: (i: number) => Statement | (() => void)): Promise<Plain[]> {
  const { store, db } = context
  const name = collectionName(context)
  const errors: Plain[] = []
  const stopped = (): boolean => ordered && errors.length > 0
  const failed = (index: number, error: unknown): void => {
    if (!(error instanceof MongoError)) throw error
    errors.push({ index, code: error.code, errmsg: error.message, ...error.extra as Record<string, Plain> })
  }
  for (let i = 0; i < total && !stopped();) {
    const long = await store.write((): Statement | undefined => {
      const start = performance.now()
      for (const end = Math.min(i + GROUP, total); i < end && !stopped(); i++) {
        try {
          const statement = make(i)
          if (typeof statement === 'function') statement()
          else if (performance.now() - start > GROUP_MS) return undefined
          else if (!attempt(store, store.catalog.get(db, name), statement)) return statement
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
