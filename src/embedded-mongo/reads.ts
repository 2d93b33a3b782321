import { MongoError, notImplemented } from './errors.js'
import { T, type Val, docVal, fields, get, show } from './bson.js'
import type { Plain } from './build.js'
import { type Context, type Handler, collectionName, compileSort, findCollection } from './context.js'
import { FIRST_BATCH } from './cursors.js'
import { encode } from './keystring.js'
import { type Filter, compileFilter } from './match.js'
import type { Options } from './options.js'
import { parsePath, walk } from './path.js'
import { compileProjection } from './project.js'
import { type Query, drain, run } from './query.js'

/** A query on the collection, undefined if that does not exist; what the client sent is checked either way. */
export function queryOf (context: Context, options: Options, filterName: string): Query | undefined {
  const rest = { filter: compileFilter(options.doc(filterName)), sort: compileSort(options.doc('sort')), hint: options.val('hint'), skip: options.number('skip') ?? 0, limit: Math.abs(options.number('limit') ?? 0) }
  const collection = findCollection(context)
  return collection === undefined ? undefined : { collection, ...rest }
}

const empty = (ns: string): Plain => ({ cursor: { firstBatch: [], id: 0n, ns }, ok: 1 })

export const find: Handler = async (context, options) => {
  const query = queryOf(context, options, 'filter')
  const transform = compileProjection(options.doc('projection'))
  const ns = `${context.db}.${collectionName(context)}`
  if (query === undefined) return empty(ns)
  return await context.cursors.first(ns, run(context.store, query), transform, options.number('batchSize') ?? FIRST_BATCH, query.limit ?? 0, options.bool('singleBatch'), context.turn)
}

function cursorId (value: Val): bigint {
  if (value.type !== T.long && value.type !== T.int) throw new MongoError(14, `a cursor id is the wrong type '${value.typeName}', expected type 'long'`)
  return value.type === T.long ? value.buf.readBigInt64LE(value.start) : BigInt(value.number)
}

export const getMore: Handler = async (context, options) => {
  const ns = `${context.db}.${options.required('collection', options.val('collection')).string}`
  if (options.val('maxTimeMS') !== undefined) throw new MongoError(2, 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
  return await context.cursors.more(ns, cursorId(context.target), options.number('batchSize') || Infinity, context.turn)
}

export const killCursors: Handler = (context, options) => {
  const ns = `${context.db}.${collectionName(context)}`
  const cursorsKilled: Plain[] = []
  const cursorsNotFound: Plain[] = []
  for (const id of options.required('cursors', options.list('cursors'))) (context.cursors.kill(ns, cursorId(id)) ? cursorsKilled : cursorsNotFound).push(id)
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [], ok: 1 }
}

async function countMatches (context: Context, query: Query | undefined): Promise<number> {
  if (query === undefined) return 0
  const { collection, filter, hint, skip = 0, limit = 0 } = query
  if (filter.empty && hint === undefined) return Math.min(Math.max(0, collection.count - skip), limit === 0 ? Infinity : limit)
  let n = 0
  await drain(run(context.store, query), context.turn, () => ++n > 0)
  return n
}

export const count: Handler = async (context, options) => ({ n: await countMatches(context, queryOf(context, options, 'query')), ok: 1 })

/** Most that the values of a distinct may take, MongoDB's limit. */
const MAX_DISTINCT = 16 * 1024 * 1024

export const distinct: Handler = async (context, options) => {
  const key = parsePath(options.required('key', options.val('key')).string)
  const query = queryOf(context, options, 'query')
  const found = new Map<string, Val>()
  let bytes = 0
  const add = (value: Val | undefined): boolean => {
    if (value === undefined) return false
    const id = encode(value).toString('latin1')
    if (!found.has(id)) bytes += value.end - value.start + 8
    if (bytes > MAX_DISTINCT) throw new MongoError(17217, 'distinct too big, 16mb cap')
    if (!found.has(id)) found.set(id, value)
    return false
  }
  if (query !== undefined) await drain(run(context.store, query), context.turn, ({ doc }) => !walk(docVal(doc), key, add, false))
  return { values: [...found.values()], ok: 1 }
}

interface Pipeline { filters: Val[], skip: number, limit: number, group?: Val }

/** `$match`, then `$skip` and `$limit`, then a `$group` that counts: what countDocuments sends. Throws 40324 for other stages. */
function parsePipeline (stages: Val[]): Pipeline {
  const out: Pipeline = { filters: [], skip: 0, limit: 0 }
  const order = ['$match', '$skip', '$limit', '$group']
  let reached = 0
  for (const stage of stages) {
    const [[name, value] = ['', stage], ...more] = stage.isObject ? fields(stage) : []
    if (name === '' || more.length > 0) throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.')
    const at = order.indexOf(name)
    if (at < 0) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`)
    if (at < reached || (at === reached && at > 0)) throw notImplemented(`the stage ${name} at this place of a pipeline`)
    reached = at
    if (name === '$match' && !value.isObject) throw new MongoError(15959, 'the match filter must be an expression in an object')
    const least = name === '$limit' ? 1 : 0
    if ((name === '$skip' || name === '$limit') && !(value.isNumber && Number.isInteger(value.number) && value.number >= least)) throw new MongoError(least === 1 ? 15958 : 5107200, least === 1 ? 'the limit must be positive' : 'invalid argument to $skip stage: Expected a non-negative number')
    if (name === '$match') out.filters.push(value)
    else if (name === '$group') out.group = value
    else out[name === '$skip' ? 'skip' : 'limit'] = value.number
  }
  return out
}

/** The one document of a `$group` over everything: sums of numbers. */
function grouped (group: Val): (n: number) => Plain {
  const id = get(group, '_id')
  if (id === undefined) throw new MongoError(15955, 'a group specification must include an _id')
  if (id.isObject || id.type === T.array || (id.type === T.string && id.string.startsWith('$'))) throw notImplemented('$group by an expression')
  const sums = fields(group).filter(([name]) => name !== '_id').map(([name, accumulator]): [string, number] => {
    const by = get(accumulator, '$sum')
    if (by?.isNumber !== true || fields(accumulator).length !== 1) throw notImplemented(`in $group, ${name}: ${show(accumulator)}`)
    return [name, by.number]
  })
  return n => new Map<string, Plain>([['_id', id], ...sums.map(([name, by]): [string, Plain] => [name, n * by])])
}

export function pipelineQuery (context: Context, options: Options): { query: Query | undefined, group: Val | undefined } {
  const { filters, skip, limit, group } = parsePipeline(options.required('pipeline', options.list('pipeline')))
  const parts = filters.map(compileFilter)
  const filter: Filter = { test: doc => parts.every(({ test }) => test(doc)), demands: parts.flatMap(({ demands }) => demands), equalities: [], empty: parts.every(part => part.empty) }
  const collection = findCollection(context)
  return { group, query: collection === undefined ? undefined : { collection, filter, sort: [], hint: options.val('hint'), skip, limit } }
}

export const aggregate: Handler = async (context, options) => {
  if (options.bool('explain')) throw notImplemented("'explain' of aggregate (use the explain command)")
  if (options.val('cursor') === undefined) throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
  const { query, group } = pipelineQuery(context, options)
  const ns = `${context.db}.${collectionName(context)}`
  if (group !== undefined) {
    const result = grouped(group)
    const n = await countMatches(context, query)
    return { cursor: { firstBatch: n === 0 ? [] : [result(n)], id: 0n, ns }, ok: 1 }
  }
  if (query === undefined) return empty(ns)
  return await context.cursors.first(ns, run(context.store, query), doc => doc, options.inner('cursor', 'batchSize')?.number ?? FIRST_BATCH, query.limit ?? 0, false, context.turn)
}
