import { MongoError, notImplemented } from './errors.js'
import { T, type Val, build, docVal, field, fields, show, values } from './bson.js'
import { RANK, compareEncoded, encode, identity, rankOf } from './keystring.js'

/** A dotted path, cut at its dots: as text and as bytes. */
export interface Path { text: string, parts: string[], names: Buffer[] }
type Test = (value: Val | undefined) => boolean
type DocTest = (doc: Val) => boolean
type Comparison = '$gt' | '$gte' | '$lt' | '$lte'
/** What a filter demands of one path, for the planner: to be one of the encoded `keys`, or beyond the only one. */
export interface Demand { path: string, op: 'in' | Comparison, keys: Buffer[] }
/** What holds for every document that matches (of an array, one element may be enough), and what an upsert starts from. */
interface Found { demands: Demand[], equalities: Array<[path: string, value: Val]> }
export interface Filter extends Found { test: DocTest, /** Whether every document matches. */ empty: boolean }
const bad = (message: string): MongoError => new MongoError(2, message)
const nothing = (): Found => ({ demands: [], equalities: [] })
const isNaNVal = (value: Val): boolean => value.type === T.double && Number.isNaN(value.number)
/** Whether a part of a path can be a position in an array. */
export const isIndex = (part = ''): boolean => /^(0|[1-9][0-9]*)$/.test(part)
export function parsePath (text: string): Path {
  const parts = text.split('.')
  return { text, parts, names: parts.map(part => Buffer.from(part)) }
}

/** Hands over every value that the path reaches, as MongoDB's matcher does (BSONElementIterator): on the way through an array the documents in it and the
  * element at a numeric part; of an array at the end the elements, then (`whole`) the array itself. `undefined` is missing. Stops when `emit` returns true. */
export function walk (value: Val | undefined, path: Path, emit: Test, whole = true, at = 0): boolean {
  const left = path.names.length - at
  if (value?.isArray === true) {
    const items = values(value)
    if (left === 0) return items.some(emit) || (whole && emit(value))
    if (items.some(item => item.isObject && walk(item, path, emit, whole, at))) return true
    const item = isIndex(path.parts[at]) ? items[Number(path.parts[at])] : undefined
    if (left === 1) return item !== undefined && emit(item)
    return (item?.isObject === true || item?.isArray === true) && walk(item, path, emit, whole, at + 1)
  }
  if (value === undefined || left === 0) return emit(value)
  return walk(value.isObject ? field(value, path.names[at] as Buffer) : undefined, path, emit, whole, at + 1)
}

/** Reads a query document. Throws BadValue (2), naming what is unknown or not supported. @param found where its demands and equalities are collected */
export function compileFilter (filter: Val, found = nothing()): Filter {
  const tests = fields(filter).flatMap(([name, value]): DocTest | DocTest[] => {
    if (!name.startsWith('$')) return pathTests(parsePath(name), value, found)
    if (name === '$comment') return []
    if (name !== '$and' && name !== '$or' && name !== '$nor') throw bad(`unknown top level operator: ${name}`)
    const branches = value.isArray ? values(value) : []
    if (branches.length === 0 || !branches.every(branch => branch.isObject)) throw bad(`${name} must be a nonempty array of documents`)
    const certain = name === '$and' || (name === '$or' && branches.length === 1)
    const tests = branches.map(branch => compileFilter(branch, certain ? found : nothing()).test)
    return name === '$and' ? tests : doc => tests.some(test => test(doc)) === (name === '$or')
  })
  const { demands, equalities } = found // spreading it instead takes microseconds
  return { demands, equalities, test: tests.length === 1 ? tests[0] as DocTest : doc => tests.every(test => test(doc)), empty: tests.length === 0 }
}

/** Whether a document consists of operators, judged by its first field. */
export const isOperators = (value: Val): boolean => value.isObject && value.buf[value.start + 4] !== 0 && value.buf[value.start + 5] === 36 /* $ */
function pathTests (path: Path, value: Val, found: Found): DocTest[] {
  const any = (test: Test): DocTest => doc => walk(doc, path, test)
  const none = (test: Test): DocTest => doc => !walk(doc, path, test)
  const operators = isOperators(value) ? fields(value) : [['$eq', value] as const]
  return operators.map(([operator, operand]) => {
    switch (operator) {
      case '$eq':
        found.equalities.push([path.text, operand])
        return any(oneOf(path, [operand], found))
      case '$ne': return none(oneOf(path, [operand], nothing()))
      case '$in': case '$nin':
        if (!operand.isArray || values(operand).some(isOperators)) throw bad(`${operator} needs an array, without operators in it`)
        return operator === '$in' ? any(oneOf(path, values(operand), found)) : none(oneOf(path, values(operand), nothing()))
      case '$gt': case '$gte': case '$lt': case '$lte': return any(beyond(path, operator, operand, found))
      case '$exists': return (operand.truthy ? any : none)(value => value !== undefined)
      case '$not': {
        if (!isOperators(operand)) throw bad('$not needs a document of operators')
        const tests = pathTests(path, operand, nothing())
        return doc => !tests.every(test => test(doc))
      }
      default: throw bad(`unknown operator: ${operator}`)
    }
  })
}

/** Equal to one of them; null also stands for missing, NaN equals itself. A text or ObjectId alone is compared by its own bytes, which is faster. */
function oneOf (path: Path, operands: Val[], found: Found): Test {
  const [ranks, keys] = [operands.map(rankOf), operands.map(encode)]
  // An array also equals an element of an array of arrays, which no index tells.
  if (!ranks.includes(RANK.array)) found.demands.push({ path: path.text, op: 'in', keys })
  const [one, key] = operands.length === 1 ? [operands[0], keys[0]] : []
  if (one?.type === T.string || one?.type === T.objectId) return value => value?.type === one.type && value.bytes.equals(one.bytes)
  if (key !== undefined) return value => rankOf(value) === ranks[0] && (ranks[0] === RANK.null || compareEncoded(value, key) === 0)
  const known = new Set(keys.map(key => key.toString('latin1')))
  return value => ranks.includes(rankOf(value)) && (rankOf(value) === RANK.null || known.has(identity(value)))
}

/** Compares within one type; null and NaN equal themselves, and nothing is above or below them (MongoDB, ComparisonMatchExpression). */
function beyond (path: Path, op: Comparison, operand: Val, found: Found): Test {
  const [rank, key] = [rankOf(operand), encode(operand)]
  const [sign, orEqual] = [op.startsWith('$gt') ? 1 : -1, op.endsWith('e')]
  if (rank === RANK.null || isNaNVal(operand)) return oneOf(path, orEqual ? [operand] : [], found)
  if (rank !== RANK.array) found.demands.push({ path: path.text, op, keys: [key] })
  return value => {
    if (value === undefined || rankOf(value) !== rank || isNaNVal(value)) return false
    const order = compareEncoded(value, key)
    return order === 0 ? orEqual : order * sign > 0
  }
}

/** Reads a projection: top-level fields to include, or to exclude. Throws NotImplemented (238) for anything else, and MongoDB's errors for a mixture. */
export function compileProjection (projection: Val): (doc: Buffer) => Buffer {
  const wanted = new Map<string, boolean>()
  for (const [name, value] of fields(projection)) {
    if (/^$|^\$|\./.test(name) || !(value.isNumber || value.type === T.bool)) throw notImplemented(`the projection ${name}: ${show(value)}`)
    if (wanted.has(name)) throw new MongoError(31250, `Path collision at ${name}`)
    wanted.set(name, value.truthy)
  }
  const others = [...wanted].filter(([name]) => name !== '_id')
  const include = others[0]?.[1] ?? wanted.get('_id')
  const mixed = others.find(([, value]) => value !== include)?.[0]
  if (mixed !== undefined) throw new MongoError(include === true ? 31254 : 31253, `Cannot both include and exclude: field ${mixed} of the projection`)
  return include === undefined ? doc => doc : doc => build(new Map(fields(docVal(doc)).filter(([name]) => wanted.get(name) ?? (name === '_id' || !include))))
}
