import { fields, values } from './bson.js'
import { T, type Val } from './bson-value.js'
import { MongoError } from './errors.js'
import { RANK, compareEncoded, encode, identity, rankOf } from './keystring.js'
import { type Path, type Test, parsePath, walk } from './path.js'

type DocTest = (doc: Val) => boolean
type Comparison = '$gt' | '$gte' | '$lt' | '$lte'

/**
 * What a filter demands of one path, for the planner: one of the encoded `keys`, or a value beyond the only
 * key.
 */
export interface Demand {
  path: string
  op: 'in' | Comparison
  keys: Buffer[]
}

/** Collected while a filter is read. */
interface Found {
  /** Hold for every document that matches; of an array, one element may be enough. */
  demands: Demand[]
  /** The fields that an upsert starts from. */
  equalities: Array<[path: string, value: Val]>
}

export interface Filter extends Found {
  test: DocTest
  /** Whether every document matches. */
  empty: boolean
}

const DOLLAR = '$'.charCodeAt(0)

const bad = (message: string): MongoError => new MongoError(2, message)
const nothing = (): Found => ({ demands: [], equalities: [] })
const isNaNVal = (value: Val): boolean => value.type === T.double && Number.isNaN(value.number)

/**
 * Reads a query document (MongoDB manual, Query Predicates).
 *
 * @param found collects the demands and equalities
 * @throws MongoError BadValue (2) that names an operator that is unknown or not supported
 */
export function compileFilter (filter: Val, found = nothing()): Filter {
  const tests = fields(filter).flatMap(([name, value]): DocTest | DocTest[] => {
    if (!name.startsWith('$')) return pathTests(parsePath(name), value, found)
    if (name === '$comment') return []
    return logicalTest(name, value, found)
  })
  const { demands, equalities } = found // faster than spreading it
  return { demands, equalities, test: allOf(tests), empty: tests.length === 0 }
}

function allOf (tests: DocTest[]): DocTest {
  return tests.length === 1 ? tests[0] as DocTest : doc => tests.every(test => test(doc))
}

function logicalTest (name: string, value: Val, found: Found): DocTest {
  if (name !== '$and' && name !== '$or' && name !== '$nor') throw bad(`unknown top level operator: ${name}`)
  const branches = value.isArray ? values(value) : []
  if (branches.length === 0 || !branches.every(branch => branch.isObject)) {
    throw bad(`${name} must be a nonempty array of documents`)
  }
  // What one of several branches demands does not hold for every match.
  const isCertain = name === '$and' || (name === '$or' && branches.length === 1)
  const tests = branches.map(branch => compileFilter(branch, isCertain ? found : nothing()).test)
  switch (name) {
    case '$and': return allOf(tests)
    case '$or': return doc => tests.some(test => test(doc))
    case '$nor': return doc => !tests.some(test => test(doc))
  }
}

/** Whether a document consists of operators. MongoDB decides this by the first field. */
export function isOperators (value: Val): boolean {
  return value.isObject && value.buf[value.start + 4] !== 0 && value.buf[value.start + 5] === DOLLAR
}

function pathTests (path: Path, value: Val, found: Found): DocTest[] {
  const operators = isOperators(value) ? fields(value) : [['$eq', value] as const]
  return operators.map(([operator, operand]) => pathTest(path, operator, operand, found))
}

function pathTest (path: Path, operator: string, operand: Val, found: Found): DocTest {
  const any = (test: Test): DocTest => doc => walk(doc, path, test)
  const none = (test: Test): DocTest => doc => !walk(doc, path, test)
  switch (operator) {
    case '$eq':
      found.equalities.push([path.text, operand])
      return any(oneOf(path, [operand], found))
    case '$ne': return none(oneOf(path, [operand], nothing()))
    case '$in': return any(oneOf(path, listOf(operator, operand), found))
    case '$nin': return none(oneOf(path, listOf(operator, operand), nothing()))
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return any(beyond(path, operator, operand, found))
    case '$exists': {
      const exists: Test = value => value !== undefined
      return operand.truthy ? any(exists) : none(exists)
    }
    case '$not': {
      if (!isOperators(operand)) throw bad('$not needs a document of operators')
      const test = allOf(pathTests(path, operand, nothing()))
      return doc => !test(doc)
    }
    default: throw bad(`unknown operator: ${operator}`)
  }
}

function listOf (operator: string, operand: Val): Val[] {
  const list = operand.isArray ? values(operand) : undefined
  const isPlain = list !== undefined && !list.some(isOperators)
  if (!isPlain) throw bad(`${operator} needs an array without operators in it`)
  return list
}

/**
 * Tests whether a value equals one of the operands. Null also stands for a missing value; NaN equals itself.
 */
function oneOf (path: Path, operands: Val[], found: Found): Test {
  const ranks = operands.map(rankOf)
  const keys = operands.map(encode)
  // An array also equals an element of an array of arrays, which an index has no entry for.
  if (!ranks.includes(RANK.array)) found.demands.push({ path: path.text, op: 'in', keys })
  const [one] = operands
  if (one !== undefined && operands.length === 1) return equalTo(one)
  const known = new Set(keys.map(key => key.toString('latin1')))
  return value => {
    const rank = rankOf(value)
    return ranks.includes(rank) && (rank === RANK.null || known.has(identity(value)))
  }
}

function equalTo (operand: Val): Test {
  // These types have one encoding for each value: comparing their own bytes is faster.
  if (operand.type === T.string || operand.type === T.objectId) {
    const { type, bytes } = operand
    return value => value?.type === type && value.bytes.equals(bytes)
  }
  const rank = rankOf(operand)
  if (rank === RANK.null) return value => rankOf(value) === RANK.null
  const key = encode(operand)
  return value => rankOf(value) === rank && compareEncoded(value, key) === 0
}

/**
 * Tests whether a value is beyond the operand, within one type. Null and NaN equal themselves, and nothing is
 * above or below them (MongoDB source, ComparisonMatchExpression).
 */
function beyond (path: Path, op: Comparison, operand: Val, found: Found): Test {
  const rank = rankOf(operand)
  const key = encode(operand)
  const sign = op.startsWith('$gt') ? 1 : -1
  const orEqual = op.endsWith('e')
  if (rank === RANK.null || isNaNVal(operand)) return oneOf(path, orEqual ? [operand] : [], found)
  if (rank !== RANK.array) found.demands.push({ path: path.text, op, keys: [key] })
  return value => {
    if (value === undefined || rankOf(value) !== rank || isNaNVal(value)) return false
    const order = compareEncoded(value, key)
    return order === 0 ? orEqual : order * sign > 0
  }
}
