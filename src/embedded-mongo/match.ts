import { MongoError } from './errors.js'
import { T, type Val, fields, values } from './bson.js'
import { RANK, compareEncoded, encode, identity, rankOf } from './keystring.js'
import { type Path, parsePath, walk } from './path.js'

type Comparison = '$gt' | '$gte' | '$lt' | '$lte'
/** What a filter demands of one path, for the planner: to be one of the encoded `keys`, or beyond the only one. */
export interface Demand { path: string, op: 'in' | Comparison, keys: Buffer[] }

export interface Filter {
  test: (doc: Val) => boolean
  /** Hold for every document that matches (of an array, one element may be enough). */
  demands: Demand[]
  /** What an upsert starts from. */
  equalities: Array<[path: string, value: Val]>
  /** Whether every document matches. */
  empty: boolean
}

type Test = (value: Val | undefined) => boolean
type DocTest = (doc: Val) => boolean

const bad = (message: string): MongoError => new MongoError(2, message)

/** Reads a query document. Throws BadValue (2), naming what is unknown or not supported. */
export function compileFilter (filter: Val): Filter {
  const out: Filter = { test: () => true, demands: [], equalities: [], empty: false }
  const tests = compileAll(filter, out)
  return Object.assign(out, { test: all(tests), empty: tests.length === 0 })
}

const all = (tests: DocTest[]): DocTest => tests.length === 1 ? tests[0] as DocTest : doc => tests.every(test => test(doc))

/** `found` collects demands and equalities; it is undefined where they don't hold for certain. */
function compileAll (filter: Val, found: Filter | undefined): DocTest[] {
  return fields(filter).flatMap(([name, value]) => {
    if (name === '$and' || name === '$or' || name === '$nor') return [logical(name, value, found)]
    if (name === '$comment') return []
    if (name.startsWith('$')) throw bad(`unknown top level operator: ${name}`)
    return pathTests(parsePath(name), value, found)
  })
}

function logical (name: string, value: Val, found: Filter | undefined): DocTest {
  if (value.type !== T.array) throw bad(`${name} must be an array`)
  const branches = values(value)
  if (branches.length === 0) throw bad('$and/$or/$nor must be a nonempty array')
  if (branches.some(branch => !branch.isObject)) throw bad('$or/$and/$nor entries need to be full objects')
  const certain = name === '$and' || (name === '$or' && branches.length === 1) ? found : undefined
  const tests = branches.map(branch => all(compileAll(branch, certain)))
  if (name === '$and') return all(tests)
  return name === '$or' ? doc => tests.some(test => test(doc)) : doc => !tests.some(test => test(doc))
}

/** Whether a document consists of operators, judged by its first field. */
export function isOperators (value: Val): boolean { return value.isObject && value.buf[value.start + 4] !== 0 && value.buf[value.start + 5] === 36 /* $ */ }

function pathTests (path: Path, value: Val, found: Filter | undefined): DocTest[] {
  const any = (test: Test): DocTest => doc => walk(doc, path, test)
  const none = (test: Test): DocTest => doc => !walk(doc, path, test)
  if (!isOperators(value)) return [any(comparison(path, '$eq', value, found))]
  return fields(value).map(([operator, operand]) => {
    switch (operator) {
      case '$eq': case '$gt': case '$gte': case '$lt': case '$lte': return any(comparison(path, operator, operand, found))
      case '$ne': return none(comparison(path, '$eq', operand, undefined))
      case '$in': return any(membership(path, operator, operand, found))
      case '$nin': return none(membership(path, operator, operand, undefined))
      case '$exists': return (operand.truthy ? any : none)(value => value !== undefined)
      case '$not': {
        checkOperand(operand)
        if (!operand.isObject) throw bad('$not needs a regex or a document')
        if (!isOperators(operand)) throw bad(`$not needs operators, unknown operator: ${fields(operand)[0]?.[0] ?? 'none, $not cannot be empty'}`)
        const negated = all(pathTests(path, operand, undefined))
        return doc => !negated(doc)
      }
      default: throw bad(`unknown operator: ${operator}`)
    }
  })
}

function checkOperand (operand: Val): void {
  if (operand.type === T.regex) throw bad('regular expressions are not supported by the embedded server')
  if (operand.type === T.undefined) throw bad('cannot compare to undefined')
}

const isNaNVal = (value: Val): boolean => value.type === T.double && Number.isNaN(value.number)

/** Compares within one type; null also stands for missing; NaN equals itself and is neither above nor below anything (MongoDB, ComparisonMatchExpression). */
function comparison (path: Path, op: '$eq' | Comparison, operand: Val, found: Filter | undefined): Test {
  checkOperand(operand)
  const rank = rankOf(operand)
  const key = encode(operand)
  const orEqual = op !== '$gt' && op !== '$lt'
  const nan = isNaNVal(operand)
  if (op === '$eq') found?.equalities.push([path.text, operand])
  // An array also equals an element of an array of arrays, which no index tells; nothing is above or below null.
  if (rank !== RANK.array && (rank !== RANK.null || orEqual)) found?.demands.push({ path: path.text, op: op === '$eq' || rank === RANK.null || nan ? 'in' : op, keys: [key] })
  if (rank === RANK.null) return value => orEqual && rankOf(value) === RANK.null
  if (op === '$eq') {
    const bytesDecide = operand.type === T.string || operand.type === T.objectId || operand.type === T.binary
    return value => value !== undefined && rankOf(value) === rank && (bytesDecide && value.type === operand.type ? value.equals(operand) : compareEncoded(value, key) === 0)
  }
  return value => {
    if (value === undefined || rankOf(value) !== rank) return false
    if (nan || isNaNVal(value)) return orEqual && nan && isNaNVal(value)
    const order = compareEncoded(value, key)
    return order === 0 ? orEqual : (order < 0) === (op === '$lt' || op === '$lte')
  }
}

function membership (path: Path, operator: string, operand: Val, found: Filter | undefined): Test {
  if (operand.type !== T.array) throw bad(`${operator} needs an array`)
  const items = values(operand)
  items.forEach(checkOperand)
  if (items.some(isOperators)) throw bad(`cannot nest $ under ${operator}`)
  const ranks = new Set(items.map(rankOf))
  const keys = items.map(encode)
  if (!ranks.has(RANK.array)) found?.demands.push({ path: path.text, op: 'in', keys })
  const set = new Set(keys.map(key => key.toString('latin1')))
  return value => {
    const rank = rankOf(value)
    return ranks.has(rank) && (rank === RANK.null || set.has(identity(value)))
  }
}
