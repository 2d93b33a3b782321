import { MongoError } from './errors.js'
import { T, Val, fields, values } from './bson.js'
import { RANK, compareEncoded, encode, rankOf } from './keystring.js'
import { type Path, parsePath, walk } from './path.js'

/** What a filter demands of one path, for the planner: a value, one of several, or a bound. `keys` are encoded. */
export interface Demand { path: string, op: 'in' | '$gt' | '$gte' | '$lt' | '$lte', keys: Buffer[] }

export interface Filter {
  test: (doc: Val) => boolean
  /** All of them hold for every matching document (one element of an array is enough to hold them). */
  demands: Demand[]
  /** The values that an upsert starts from: the filter's equalities. */
  equalities: Array<[path: string, value: Val]>
  /** Whether every document matches. */
  empty: boolean
}

type Test = (value: Val | undefined) => boolean
type DocTest = (doc: Val) => boolean

const bad = (message: string): MongoError => new MongoError(2, message)

/** Reads a query document. Throws BadValue (2) that names what is unknown or not supported. */
export function compileFilter (filter: Val): Filter {
  const out: Filter = { test: () => true, demands: [], equalities: [], empty: false }
  const tests = compileAll(filter, out)
  out.test = all(tests)
  out.empty = tests.length === 0
  return out
}

function all (tests: DocTest[]): DocTest {
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return first
  return doc => tests.every(test => test(doc))
}

/** `found` collects demands and equalities; undefined inside `$or`, `$nor` and `$not`, where they don't hold for certain. */
function compileAll (filter: Val, found: Filter | undefined): DocTest[] {
  const tests: DocTest[] = []
  for (const [name, value] of fields(filter)) {
    if (name === '$and' || name === '$or' || name === '$nor') tests.push(logical(name, value, found))
    else if (name === '$comment') continue
    else if (name.startsWith('$')) throw bad(`unknown top level operator: ${name}`)
    else for (const test of pathTests(parsePath(name), value, found)) tests.push(test)
  }
  return tests
}

function logical (name: string, value: Val, found: Filter | undefined): DocTest {
  if (value.type !== T.array) throw bad(`${name} must be an array`)
  const branches = values(value)
  if (branches.length === 0) throw bad('$and/$or/$nor must be a nonempty array')
  if (branches.some(branch => !branch.isObject)) throw bad('$or/$and/$nor entries need to be full objects')
  const certain = name === '$and' || (name === '$or' && branches.length === 1) ? found : undefined
  const tests = branches.map(branch => all(compileAll(branch, certain)))
  if (name === '$and') return doc => tests.every(test => test(doc))
  return name === '$or' ? doc => tests.some(test => test(doc)) : doc => !tests.some(test => test(doc))
}

/** Whether a document is one of operators, by its first field. */
export function isOperators (value: Val): boolean {
  return value.isObject && value.buf[value.start + 4] !== 0 && value.buf[value.start + 5] === 36 // $
}

function pathTests (path: Path, value: Val, found: Filter | undefined): DocTest[] {
  if (!isOperators(value)) return [any(path, comparison(path, '$eq', value, found))]
  return fields(value).map(([operator, operand]) => operatorTest(path, operator, operand, found))
}

const any = (path: Path, test: Test): DocTest => doc => walk(doc, path, test)
const none = (path: Path, test: Test): DocTest => doc => !walk(doc, path, test)

function operatorTest (path: Path, operator: string, operand: Val, found: Filter | undefined): DocTest {
  switch (operator) {
    case '$eq': case '$gt': case '$gte': case '$lt': case '$lte': return any(path, comparison(path, operator, operand, found))
    case '$ne': return none(path, comparison(path, '$eq', operand, undefined))
    case '$in': return any(path, membership(path, operator, operand, found))
    case '$nin': return none(path, membership(path, operator, operand, undefined))
    case '$exists': return (operand.truthy ? any : none)(path, value => value !== undefined)
    case '$not': {
      if (operand.type === T.regex) throw bad('regular expressions are not supported by the embedded server')
      if (!operand.isObject) throw bad('$not needs a regex or a document')
      if (operand.end - operand.start === 5) throw bad('$not cannot be an empty document')
      if (!isOperators(operand)) throw bad(`unknown operator: ${(fields(operand)[0] as [string, Val])[0]}`)
      const tests = pathTests(path, operand, undefined)
      return doc => !tests.every(test => test(doc))
    }
    default: throw bad(`unknown operator: ${operator}`)
  }
}

function checkOperand (operand: Val): void {
  if (operand.type === T.regex) throw bad('regular expressions are not supported by the embedded server')
  if (operand.type === T.undefined) throw bad('cannot compare to undefined')
}

const isNaNVal = (value: Val): boolean => value.type === T.double && Number.isNaN(value.number)

/** Comparison within one type; null also stands for missing; NaN is equal to itself and neither above nor below anything (MongoDB, ComparisonMatchExpression). */
function comparison (path: Path, op: '$eq' | '$gt' | '$gte' | '$lt' | '$lte', operand: Val, found: Filter | undefined): Test {
  checkOperand(operand)
  const rank = rankOf(operand)
  const key = encode(operand)
  const orEqual = op === '$eq' || op === '$gte' || op === '$lte'
  if (op === '$eq') found?.equalities.push([path.text, operand])
  if (rank !== RANK.array && (rank !== RANK.null || orEqual)) {
    found?.demands.push({ path: path.text, op: op === '$eq' || rank === RANK.null || isNaNVal(operand) ? 'in' : op, keys: [key] })
  }
  if (rank === RANK.null) return value => orEqual && rankOf(value) === RANK.null
  if (op === '$eq') {
    const exact = operand.type === T.string || operand.type === T.objectId || operand.type === T.binary
    if (exact) return value => value !== undefined && rankOf(value) === rank && (value.type === operand.type ? value.equals(operand) : compareEncoded(value, key) === 0)
    return value => value !== undefined && rankOf(value) === rank && compareEncoded(value, key) === 0
  }
  const nan = isNaNVal(operand)
  return value => {
    if (value === undefined || rankOf(value) !== rank) return false
    if (nan || isNaNVal(value)) return orEqual && nan && isNaNVal(value)
    const order = compareEncoded(value, key)
    return order === 0 ? orEqual : (order < 0) === (op === '$lt' || op === '$lte')
  }
}

function membership (path: Path, operator: string, operand: Val, found: Filter | undefined): Test {
  if (operand.type !== T.array) throw bad(`${operator} needs an array`)
  const keys: Buffer[] = []
  const ranks = new Set<number>()
  for (const item of values(operand)) {
    checkOperand(item)
    if (isOperators(item)) throw bad(`cannot nest $ under ${operator}`)
    ranks.add(rankOf(item))
    keys.push(encode(item))
  }
  if (!ranks.has(RANK.array)) found?.demands.push({ path: path.text, op: 'in', keys })
  const set = new Set(keys.map(key => key.toString('latin1')))
  return value => {
    const rank = rankOf(value)
    if (!ranks.has(rank)) return false
    return rank === RANK.null || set.has(encode(value).toString('latin1'))
  }
}
