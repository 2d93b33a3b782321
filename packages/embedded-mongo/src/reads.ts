import { get } from './bson.js'
import { type Plain, T, type Val, docVal } from './bson-value.js'
import { type Context, type Handler, compileSort, findCollection, namespaceOf } from './context.js'
import { type BatchOptions, MAX_SINGLE_BYTES, type Source } from './cursors.js'
import { drain } from './documents.js'
import { MongoError } from './errors.js'
import { identity } from './keystring.js'
import { compileFilter } from './match.js'
import type { Options } from './options.js'
import { parsePath, walk } from './path.js'
import { pipelineQuery } from './pipeline.js'
import { compileProjection } from './projection.js'
import { type Query, run } from './query.js'

/** Documents of a first batch if the client names no size (MongoDB manual, find). */
const FIRST_BATCH = 101

/** What distinct counts for a value besides its bytes: the type and name of an array element. */
const ELEMENT_BYTES = 8

/**
 * Reads the query that a command's options describe.
 *
 * @param filterName the option that holds the filter
 * @throws MongoError for any option that is not valid
 */
export function queryOf (context: Context, options: Options, filterName: string): Query {
  return {
    filter: compileFilter(options.doc(filterName)),
    sort: compileSort(options.doc('sort')),
    hint: options.val('hint'),
    collection: findCollection(context),
    skip: options.number('skip') ?? 0,
    limit: Math.abs(options.number('limit') ?? 0) // count takes a negative limit too
  }
}

export const find: Handler = async (context, options) => {
  const query = queryOf(context, options, 'filter')
  const transform = compileProjection(options.doc('projection'))
  const size = options.number('batchSize') ?? FIRST_BATCH
  const single = options.bool('singleBatch')
  return await firstBatch(context, query, transform, { size, single, turn: context.turn })
}

async function firstBatch (
  context: Context, query: Query, transform: Source['transform'], batch: BatchOptions
): Promise<Plain> {
  const documents = run(context.store, query)
  const limit = query.limit || Infinity
  return await context.cursors.first({ ns: namespaceOf(context), documents, transform, limit }, batch)
}

export const getMore: Handler = async (context, options) => {
  const ns = `${context.db}.${options.required('collection').string}`
  if (options.val('maxTimeMS') !== undefined) {
    throw new MongoError(2, 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
  }
  const size = options.number('batchSize') || Infinity
  return await context.cursors.more(ns, cursorId(context.target), { size, turn: context.turn })
}

function cursorId (value: Val): bigint {
  if (value.type === T.long || value.type === T.int) return value.long
  throw new MongoError(14, `a cursor id is the wrong type '${value.typeName}', expected type 'long'`)
}

export const killCursors: Handler = (context, options) => {
  const ns = namespaceOf(context)
  const cursorsKilled: Plain[] = []
  const cursorsNotFound: Plain[] = []
  for (const id of options.list('cursors')) {
    const killed = context.cursors.kill(ns, cursorId(id))
    if (killed) cursorsKilled.push(id)
    else cursorsNotFound.push(id)
  }
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [], ok: 1 }
}

export const count: Handler = async (context, options) => {
  const n = await countMatches(context, queryOf(context, options, 'query'))
  return { n, ok: 1 }
}

async function countMatches ({ store, turn }: Context, query: Query): Promise<number> {
  const { collection, filter, hint, skip = 0, limit = 0 } = query
  if (filter.empty && hint === undefined) {
    const left = Math.max(0, (collection?.count ?? 0) - skip)
    return limit === 0 ? left : Math.min(left, limit)
  }
  let n = 0
  await drain(run(store, query), turn, () => {
    n++
    return true
  })
  return n
}

export const distinct: Handler = async (context, options) => {
  const key = parsePath(options.required('key').string)
  const query = queryOf(context, options, 'query')
  const found = new Map<string, Val>()
  let bytes = 0
  const add = (value: Val | undefined): boolean => {
    const id = identity(value)
    if (value === undefined || found.has(id)) return false
    found.set(id, value)
    bytes += value.end - value.start + ELEMENT_BYTES
    if (bytes > MAX_SINGLE_BYTES) throw new MongoError(17217, 'distinct too big, 16mb cap')
    return false
  }
  await drain(run(context.store, query), context.turn, ({ doc }) => {
    walk(docVal(doc), key, add, false)
    return true
  })
  return { values: [...found.values()], ok: 1 }
}

export const aggregate: Handler = async (context, options) => {
  const cursor = options.val('cursor')
  if (cursor === undefined) {
    throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
  }
  const { query, counts } = pipelineQuery(context, options)
  if (!counts) {
    const size = get(cursor, 'batchSize')?.number ?? FIRST_BATCH
    return await firstBatch(context, query, doc => doc, { size, turn: context.turn })
  }
  const n = await countMatches(context, query)
  return { cursor: { firstBatch: n === 0 ? [] : [{ _id: 1, n }], id: 0n, ns: namespaceOf(context) }, ok: 1 }
}
