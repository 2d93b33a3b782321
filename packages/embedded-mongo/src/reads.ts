import { MongoError, notImplemented } from './errors.js'
import { type Plain, T, type Val, build, docVal, fields, get, show } from './bson.js'
import { type Context, EMPTY, type Handler, type Options, compileSort, findCollection, namespaceOf } from './context.js'
import { identity } from './keystring.js'
import { compileFilter, compileProjection, parsePath, walk } from './match.js'
import { type Documents, type Query, type Turn, drain, run } from './query.js'

/** Without a getMore for this long a cursor is closed, as MongoDB does; so many may be open. */
const [IDLE_MS, MAX_CURSORS] = [10 * 60 * 1000, 10_000]
/** A batch ends when it is so large, MongoDB's 16 MiB taking too long to put together; an only batch does, and the values of a distinct take no more. */
const [MAX_BATCH_BYTES, MAX_SINGLE_BYTES] = [2 * 1024 * 1024, 16 * 1024 * 1024]
const FIRST_BATCH = 101 // documents of a first batch where the client names no size (MongoDB manual, find)
/** A query that goes on at getMore: `left` documents are allowed by its limit. */
interface Cursor { id: bigint, ns: string, documents: Documents, transform: (doc: Buffer) => Buffer, left: number, busy: boolean, expires?: NodeJS.Timeout }
/** The cursors that are open; each holds a position only, or the record numbers of a sort. */
export class Cursors {
  private readonly open = new Map<bigint, Cursor>()
  private lastId = BigInt(Math.floor(Math.random() * 2 ** 32)) << 20n
  /** Answers the first batch and keeps the rest for getMore. @param single no cursor is wanted */
  first (context: Context, query: Query, transform: Cursor['transform'], size: number, single: boolean): Promise<Plain> {
    const [ns, documents] = [namespaceOf(context), run(context.store, query)]
    return this.batch({ id: 0n, ns, documents, transform, left: query.limit || Infinity, busy: true }, 'firstBatch', size, single, context.turn)
  }

  async more (ns: string, id: bigint, size: number, turn: Turn): Promise<Plain> {
    const cursor = this.open.get(id)
    if (cursor === undefined) throw new MongoError(43, `cursor id ${id} not found`)
    if (cursor.ns !== ns) throw new MongoError(13, `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`)
    if (cursor.busy) throw new MongoError(12051, `cursor id ${id} is already in use`)
    clearTimeout(cursor.expires)
    cursor.busy = true
    return await this.batch(cursor, 'nextBatch', size, false, turn).finally(() => cursor.busy && this.open.delete(id))
  }

  /** An open cursor stays `busy` if this throws or was its last batch. */
  private async batch (cursor: Cursor, name: string, size: number, single: boolean, turn: Turn): Promise<Plain> {
    const batch: Buffer[] = []
    const [wanted, maxBytes] = [Math.min(size, cursor.left), single ? MAX_SINGLE_BYTES : MAX_BATCH_BYTES]
    let bytes = 0
    const all = wanted > 0 && await drain(cursor.documents, turn, ({ doc }) => {
      const out = cursor.transform(doc)
      bytes += out.length
      return batch.push(out) < wanted && bytes < maxBytes
    })
    cursor.left -= batch.length
    const goesOn = !all && !single && cursor.left > 0 && (cursor.id === 0n || this.open.has(cursor.id))
    if (goesOn) {
      if (this.open.size >= MAX_CURSORS && cursor.id === 0n) throw new MongoError(1, `more than ${MAX_CURSORS} cursors are open`)
      cursor.id ||= ++this.lastId
      cursor.busy = false
      cursor.expires = setTimeout(() => this.open.delete(cursor.id), IDLE_MS).unref()
      this.open.set(cursor.id, cursor)
    }
    return { cursor: { [name]: batch, id: goesOn ? cursor.id : 0n, ns: cursor.ns }, ok: 1 }
  }

  kill (ns: string, id: bigint): boolean {
    const cursor = this.open.get(id)
    if (cursor?.ns === ns) clearTimeout(cursor.expires)
    return cursor?.ns === ns && this.open.delete(id)
  }
}

/** The query that a command's options describe, its filter in the option of that name. Throws what is wrong with any of them. */
export function queryOf (context: Context, options: Options, filterName: string): Query {
  const [filter, sort, hint] = [compileFilter(options.doc(filterName)), compileSort(options.doc('sort')), options.val('hint')]
  return { collection: findCollection(context), filter, sort, hint, skip: options.number('skip') ?? 0, limit: Math.abs(options.number('limit') ?? 0) }
}

export const find: Handler = (context, options) => context.cursors.first(context, queryOf(context, options, 'filter'),
  compileProjection(options.doc('projection')), options.number('batchSize') ?? FIRST_BATCH, options.bool('singleBatch'))

function cursorId (value: Val): bigint {
  if (value.type !== T.long && value.type !== T.int) throw new MongoError(14, `a cursor id is the wrong type '${value.typeName}', expected type 'long'`)
  return value.long
}

export const getMore: Handler = async (context, options) => {
  const ns = `${context.db}.${options.required('collection').string}`
  if (options.val('maxTimeMS') !== undefined) throw new MongoError(2, 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
  return await context.cursors.more(ns, cursorId(context.target), options.number('batchSize') || Infinity, context.turn)
}

export const killCursors: Handler = (context, options) => {
  const ns = namespaceOf(context)
  const [cursorsKilled, cursorsNotFound]: [Plain[], Plain[]] = [[], []]
  for (const id of options.list('cursors')) (context.cursors.kill(ns, cursorId(id)) ? cursorsKilled : cursorsNotFound).push(id)
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [], ok: 1 }
}

async function countMatches ({ store, turn }: Context, query: Query): Promise<number> {
  const { collection, filter, hint, skip = 0, limit = 0 } = query
  if (filter.empty && hint === undefined) return Math.min(Math.max(0, (collection?.count ?? 0) - skip), limit || Infinity)
  let n = 0
  await drain(run(store, query), turn, () => ++n > 0)
  return n
}
export const count: Handler = async (context, options) => ({ n: await countMatches(context, queryOf(context, options, 'query')), ok: 1 })
export const distinct: Handler = async (context, options) => {
  const key = parsePath(options.required('key').string)
  const found = new Map<string, Val>()
  let bytes = 0
  const add = (value: Val | undefined): boolean => {
    const id = identity(value)
    if (value === undefined || found.has(id)) return false
    found.set(id, value)
    bytes += value.end - value.start + 8
    if (bytes > MAX_SINGLE_BYTES) throw new MongoError(17217, 'distinct too big, 16mb cap')
    return false
  }
  await drain(run(context.store, queryOf(context, options, 'query')), context.turn, ({ doc }) => !walk(docVal(doc), key, add, false))
  return { values: [...found.values()], ok: 1 }
}

/** The stages that countDocuments sends, with MongoDB's codes for what they don't take. */
const STAGES = new Map([['$match', 15959], ['$skip', 5107200], ['$limit', 15958], ['$group', 238]])
const GROUP = build({ _id: 1, n: { $sum: 1 } })
/** The query of a pipeline of the stages that countDocuments sends, and whether it counts. Throws 40324 for others, NotImplemented (238) in another order. */
export function pipelineQuery (context: Context, options: Options): { query: Query, counts: boolean } {
  const stages = options.docs('pipeline').map(stage => {
    const [[name, value] = ['', stage], ...others] = fields(stage)
    if (name === '' || others.length > 0) throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.')
    const code = STAGES.get(name)
    if (code === undefined) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`)
    const whole = value.isNumber && Number.isInteger(value.number) && value.number >= (name === '$limit' ? 1 : 0)
    const fits = name === '$match' ? value.isObject : name === '$group' ? value.isObject && value.bytes.equals(GROUP) : whole
    if (!fits) throw new MongoError(code, `the argument of ${name} is invalid, or not supported by the embedded server: ${show(value)}`)
    return [name, value] as const
  })
  const names = stages.map(([name]) => name).join()
  if (!/^(\$match)?,?(\$skip)?,?(\$limit)?,?(\$group)?$/.test(names)) throw notImplemented(`a pipeline of ${names}`)
  const [match = EMPTY, skip, limit, group] = [...STAGES.keys()].map(wanted => stages.find(([name]) => name === wanted)?.[1])
  const [filter, collection, hint] = [compileFilter(match), findCollection(context), options.val('hint')]
  return { query: { collection, filter, sort: [], hint, skip: skip?.number ?? 0, limit: limit?.number ?? 0 }, counts: group !== undefined }
}

export const aggregate: Handler = async (context, options) => {
  if (options.val('cursor') === undefined) throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
  const { query, counts } = pipelineQuery(context, options)
  const size = get(options.val('cursor'), 'batchSize')?.number ?? FIRST_BATCH
  if (!counts) return await context.cursors.first(context, query, doc => doc, size, false)
  const n = await countMatches(context, query)
  return { cursor: { firstBatch: n === 0 ? [] : [{ _id: 1, n }], id: 0n, ns: namespaceOf(context) }, ok: 1 }
}
