import { type Plain, docVal } from './bson-value.js'
import type { Collection } from './collection.js'
import { type Context, findCollection, namespaceOf } from './context.js'
import { idOf } from './document.js'
import { CHUNK_BYTES, type Found, drain } from './documents.js'
import { MongoError } from './errors.js'
import { type Query, run } from './query.js'
import type { Write } from './write-queue.js'

/**
 * Chunks of entries that a statement may read inside its transaction: about 1,000 entries, which takes some
 * milliseconds.
 */
const CHUNKS_INSIDE = 5
/** Documents or statements that go into one transaction, and the longest time that they hold the thread. */
const GROUP = 1000
const GROUP_MS = 10

/**
 * Is called for every change: without `before` for an inserted document, without `after` for a removed one.
 */
export type Report = (before: Buffer | undefined, after: Buffer | undefined) => void

/** One change of a write command. */
export interface Statement {
  /** A limit of 0 changes all documents. */
  query: Omit<Query, 'collection'>
  /** Changes a document, inside a transaction. */
  each: (collection: Collection, found: Found) => void
  /** Runs inside a transaction if no document matches: the insert of an upsert. */
  none?: (() => void) | undefined
}

/** A change that needs no search. */
type Direct = () => void

/** Reads an item of a write command. */
type Make<Item> = (item: Item, report: Report, ns: string) => Statement | Direct

/** Runs one statement in a transaction, or in several if there is much to read. */
export async function runOne (context: Context, statement: Statement): Promise<void> {
  const done = await context.store.write(() => attempt(context, statement))
  if (!done) await runLong(context, statement)
}

/**
 * Finds and changes documents inside one transaction, so that nothing can change between the two.
 *
 * @returns false, with nothing changed, if there is too much to read
 */
function attempt (context: Context, statement: Statement): boolean {
  const collection = findCollection(context)
  const found: Found[] = []
  let chunks = 0
  let bytes = 0
  for (const document of run(context.store, { ...statement.query, collection })) {
    if (document === undefined) {
      chunks++
    } else {
      // A single document may be as large as it likes.
      if (found.length > 0) bytes += document.doc.length
      found.push(document)
    }
    if (chunks > CHUNKS_INSIDE || bytes > CHUNKS_INSIDE * CHUNK_BYTES) return false
  }
  for (const document of found) statement.each(collection as Collection, document)
  if (found.length === 0) statement.none?.()
  return true
}

/**
 * Searches first, letting readers in, then changes what still matches. Other writes go on meanwhile if the
 * statement changes all documents and does not upsert; else they wait, so that it changes or inserts one
 * document only.
 */
async function runLong (context: Context, statement: Statement): Promise<void> {
  const { store } = context
  const isForAll = statement.query.limit === 0 && statement.none === undefined
  if (isForAll) await searchThenChange(context, statement, async change => await store.write(change))
  else await store.hold(async write => await searchThenChange(context, statement, write))
}

async function searchThenChange (
  context: Context, { query, each, none }: Statement, write: Write
): Promise<void> {
  const { store, turn } = context
  const records: number[] = []
  await drain(run(store, { ...query, collection: findCollection(context) }), turn, ({ record }) => {
    records.push(record)
    return true
  })
  if (records.length === 0) await write(() => none?.())
  let i = 0
  const changeGroup = (): void => {
    const start = performance.now()
    while (i < records.length && performance.now() - start < GROUP_MS) {
      const record = records[i] as number
      i++
      const collection = findCollection(context)
      const doc = collection && store.document(collection, record)
      if (collection === undefined || doc === undefined) continue // removed meanwhile
      if (query.filter.test(docVal(doc))) each(collection, { record, doc })
    }
  }
  while (i < records.length) await write(changeGroup)
}

/**
 * Runs the statements of a write command. As many as possible share a transaction, so that a batch costs one
 * flush.
 *
 * @param ordered whether to stop at the first error
 * @returns the command's reply
 */
export async function runAll<Item> (
  context: Context, ordered: boolean, list: Item[], make: Make<Item>
): Promise<Plain> {
  const batch = new Batch(context, ordered, list, make)
  await batch.run()
  return batch.reply()
}

/** The statements of one write command, and what came of them. */
class Batch<Item> {
  readonly #context: Context
  readonly #ordered: boolean
  readonly #list: Item[]
  readonly #make: Make<Item>
  readonly #ns: string
  readonly #upserted: Plain[] = []
  readonly #writeErrors: Plain[] = []
  /** The statement that runs, and where to stop. */
  #at = 0
  #end: number
  #n = 0
  #nModified = 0

  constructor (context: Context, ordered: boolean, list: Item[], make: Make<Item>) {
    this.#context = context
    this.#ordered = ordered
    this.#list = list
    this.#make = make
    this.#ns = namespaceOf(context)
    this.#end = list.length
  }

  async run (): Promise<void> {
    const { store, turn } = this.#context
    while (this.#at < this.#end) {
      if (turn.isDue) await turn.pause()
      const long = await store.write(() => this.#runGroup())
      if (long !== undefined) await this.#runLong(long)
    }
  }

  reply (): Plain {
    const ofUpdate = this.#context.command === 'update'
      ? { nModified: this.#nModified, upserted: unlessEmpty(this.#upserted) }
      : {}
    return { n: this.#n, ...ofUpdate, writeErrors: unlessEmpty(this.#writeErrors), ok: 1 }
  }

  /**
   * Runs statements inside one transaction.
   *
   * @returns a statement that has to search outside of the transaction first
   */
  #runGroup (): Statement | undefined {
    const start = performance.now()
    const stop = Math.min(this.#end, this.#at + GROUP)
    // A failure of an ordered batch moves the end.
    for (; this.#at < stop && this.#at < this.#end; this.#at++) {
      try {
        const statement = this.#make(this.#list[this.#at] as Item, this.#report, this.#ns)
        if (typeof statement === 'function') statement()
        else if (performance.now() - start > GROUP_MS) return undefined
        else if (!attempt(this.#context, statement)) return statement
      } catch (error) {
        this.#fail(error)
      }
    }
    return undefined
  }

  async #runLong (statement: Statement): Promise<void> {
    try {
      await runLong(this.#context, statement)
    } catch (error) {
      this.#fail(error)
    }
    this.#at++
  }

  readonly #report: Report = (before, after) => {
    this.#n++
    if (before === undefined) {
      if (this.#context.command === 'update') this.#upserted.push({ index: this.#at, _id: idOf(after) })
    } else if (after?.equals(before) === false) this.#nModified++
  }

  #fail (error: unknown): void {
    if (!(error instanceof MongoError)) throw error
    this.#writeErrors.push({ index: this.#at, code: error.code, errmsg: error.message, ...error.extra })
    if (this.#ordered) this.#end = this.#at
  }
}

/** Replies leave out empty lists. */
const unlessEmpty = (items: Plain[]): Plain => items.length > 0 ? items : undefined
