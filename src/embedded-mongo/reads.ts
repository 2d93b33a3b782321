import { MongoError, notImplemented } from './errors.js'
import { T, type Val, docVal, fields } from './bson.js'
import type { Plain } from './build.js'
import { type Context, type Handler, collectionName, compileSort, findCollection } from './context.js'
import { FIRST_BATCH } from './cursors.js'
import { encode } from './keystring.js'
import { type Filter, compileFilter } from './match.js'
import { type Options } from './options.js'
import { parsePath, walk } from './path.js'
import { compileProjection } from './project.js'
import { type Query, drain, run } from './query.js'

/** A query on the collection, undefined if that does not exist; what the client sent is checked either way. */
export function queryOf (context: Context, options: Options, filterName: string): Query | undefined {
  const filter = compileFilter(options.doc(filterName))
  const sort = compileSort(options.doc('sort'))
  const collection = findCollection(context)
  if (collection === undefined) return undefined
  return { collection, filter, sort, hint: options.val('hint'), skip: options.number('skip') ?? 0, limit: Math.abs(options.number('limit') ?? 0) }
}

const empty = (ns: string): Plain => ({ cursor: { firstBatch: [], id: 0n, ns }, ok: 1 })

export const find: Handler = async (context, options) => {
  const query = queryOf(context, options, 'filter')
  const transform = compileProjection(options.doc('projection'))
  const ns = `${context.db}.${collectionName(context)}`
  if (query === undefined) return empty(ns)
  const size = options.number('batchSize') ?? FIRST_BATCH
  return await context.cursors.first(ns, run(context.store, query), transform, size, query.limit ?? 0, options.bool('singleBatch'), context.turn)
}

const cursorId = (value: Val): bigint => {
  if (value.type !== T.long && value.type !== T.int) throw new MongoError(14, `BSON field 'getMore.getMore' is the wrong type '${value.typeName}', expected type 'long'`)
  return value.type === T.long ? value.buf.readBigInt64LE(value.start) : BigInt(value.number)
}

export const getMore: Handler = async (context, options) => {
  const ns = `${context.db}.${options.required('collection', 'getMore').string}`
  if (options.val('maxTimeMS') !== undefined) throw new MongoError(2, 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
  const size = options.number('batchSize') ?? 0
  return await context.cursors.more(ns, cursorId(context.target), size === 0 ? Infinity : size, context.turn)
}

export const killCursors: Handler = (context, options) => {
  const ns = `${context.db}.${collectionName(context)}`
  options.required('cursors', 'killCursors')
  const killed: Plain[] = []
  const unknown: Plain[] = []
  for (const id of options.list('cursors') ?? []) (context.cursors.kill(ns, cursorId(id)) ? killed : unknown).push(id)
  return { cursorsKilled: killed, cursorsNotFound: unknown, cursorsAlive: [], cursorsUnknown: [], ok: 1 }
}

export async function countMatches (context: Context, query: Query): Promise<number> {
  const { collection, filter, hint, skip = 0, limit = 0 } = query
  if (filter.empty && hint === undefined) {
    const left = Math.max(0, collection.count - skip)
    return limit === 0 ? left : Math.min(left, limit)
  }
  let n = 0
  await drain(run(context.store, query), context.turn, () => ++n > 0)
  return n
}

export const count: Handler = async (context, options) => {
  const query = queryOf(context, options, 'query')
  return { n: query === undefined ? 0 : await countMatches(context, query), ok: 1 }
}

/** Most that the values of a distinct may take, MongoDB's limit. */
const MAX_DISTINCT = 16 * 1024 * 1024

export const distinct: Handler = async (context, options) => {
  const key = parsePath(options.required('key', 'distinct').string)
  const query = queryOf(context, options, 'query')
  if (query === undefined) return { values: [], ok: 1 }
  const found = new Map<string, Val>()
  let bytes = 0
  const add = (value: Val): false => {
    const id = encode(value).toString('latin1')
    if (found.has(id)) return false
    bytes += value.end - value.start + 8
    if (bytes > MAX_DISTINCT) throw new MongoError(17217, 'distinct too big, 16mb cap')
    found.set(id, value)
    return false
  }
  await drain(run(context.store, query), context.turn, ({ doc }) => {
    walk(docVal(doc), key, value => value !== undefined && add(value), false)
    return true
  })
  return { values: [...found.values()], ok: 1 }
}

interface Pipeline { filters: Val[], skip: number, limit: number, groups: Array<{ id: Val, sums: Array<[name: string, by: number]> }> }

/** `$match`, then `$skip` and `$limit`, then a `$group` that counts: what countDocuments sends. Throws 40324 for other stages. */
function parsePipeline (stages: Val[]): Pipeline {
  const out: Pipeline = { filters: [], skip: 0, limit: 0, groups: [] }
  let reached = 0
  const order = ['$match', '$skip', '$limit', '$group']
  for (const stage of stages) {
    const parts = stage.isObject ? fields(stage) : []
    if (parts.length !== 1) throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.')
    const [name, value] = parts[0] as [string, Val]
    const at = order.indexOf(name)
    if (at < 0) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`)
    if (at < reached || (at === reached && at > 0)) throw notImplemented(`the stage ${name} at this place of a pipeline`)
    reached = at
    if (name === '$match') {
      if (!value.isObject) throw new MongoError(15959, 'the match filter must be an expression in an object')
      out.filters.push(value)
    } else if (name === '$group') out.groups.push(parseGroup(value))
    else {
      const least = name === '$limit' ? 1 : 0
      if (!value.isNumber || !Number.isInteger(value.number) || value.number < least) throw new MongoError(name === '$limit' ? 15958 : 5107200, `invalid argument to ${name} stage: ${least === 1 ? 'the limit must be positive' : 'expected a non-negative number'}`)
      out[name === '$skip' ? 'skip' : 'limit'] = value.number
    }
  }
  return out
}

function parseGroup (group: Val): Pipeline['groups'][number] {
  if (!group.isObject) throw new MongoError(15947, "a group's fields must be specified in an object")
  const parts = fields(group)
  const id = parts.find(([name]) => name === '_id')?.[1]
  if (id === undefined) throw new MongoError(15955, 'a group specification must include an _id')
  if (id.isObject || id.type === T.array || (id.type === T.string && id.string.startsWith('$'))) throw notImplemented('$group by an expression')
  const sums = parts.filter(([name]) => name !== '_id').map(([name, accumulator]): [string, number] => {
    const [operator, by] = (accumulator.isObject ? fields(accumulator)[0] : undefined) ?? []
    if (operator !== '$sum' || by?.isNumber !== true || fields(accumulator).length !== 1) throw notImplemented(`in $group, for ${name}, anything but {$sum: <number>}`)
    return [name, by.number]
  })
  return { id, sums }
}

function pipelineQuery (context: Context, options: Options): { pipeline: Pipeline, query: Query | undefined } {
  options.required('pipeline', 'aggregate')
  const pipeline = parsePipeline(options.list('pipeline') ?? [])
  const filters = pipeline.filters.map(compileFilter)
  const filter: Filter = filters.length === 1
    ? filters[0] as Filter
    : { test: doc => filters.every(({ test }) => test(doc)), demands: filters.flatMap(({ demands }) => demands), equalities: [], empty: filters.every(({ empty }) => empty) }
  const collection = findCollection(context)
  const { skip, limit } = pipeline
  return { pipeline, query: collection === undefined ? undefined : { collection, filter, sort: [], hint: options.val('hint'), skip, limit } }
}

export const aggregate: Handler = async (context, options) => {
  if (context.target.type !== T.string) throw new MongoError(73, '{aggregate: 1} is not supported by the embedded server; a collection is required.')
  if (options.bool('explain')) throw notImplemented("'explain' of aggregate (use the explain command)")
  const cursor = options.val('cursor')
  if (cursor === undefined) throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
  const size = fields(cursor).find(([name]) => name === 'batchSize')?.[1].number ?? FIRST_BATCH
  const { pipeline, query } = pipelineQuery(context, options)
  const ns = `${context.db}.${collectionName(context)}`
  const group = pipeline.groups[0]
  if (query === undefined) return empty(ns)
  if (group === undefined) return await context.cursors.first(ns, run(context.store, query), doc => doc, size, query.limit ?? 0, false, context.turn)
  const n = await countMatches(context, query)
  const counted: Plain = { _id: group.id, ...Object.fromEntries(group.sums.map(([name, by]) => [name, n * by])) }
  return { cursor: { firstBatch: n === 0 ? [] : [counted], id: 0n, ns }, ok: 1 }
}

/** The query of a command that is to be explained. */
export function explainedQuery (context: Context, options: Options): Query | undefined {
  switch (context.command) {
    case 'aggregate': return pipelineQuery(context, options).query
    case 'find': return queryOf(context, options, 'filter')
    default: return queryOf(context, options, 'query')
  }
}
