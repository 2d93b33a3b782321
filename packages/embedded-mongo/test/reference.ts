// MongoDB's order and matching, written from its manual alone. It shares no code with the server and compares
// values as they are instead of encoding them. It is slow and plain on purpose: the tests compare the server
// with it.
import { Binary, Double, Int32, Long, ObjectId } from 'bson'

export type Value = null | boolean | string | Date | Binary | ObjectId | Int32 | Double | Long | Value[] | Doc
export interface Doc {
  [key: string]: Value
}
export type Direction = 1 | -1

/** A missing field. It sorts as null, and `{field: null}` finds it. */
export const MISSING = Symbol('missing')
/**
 * The element that an empty array is sorted and indexed by: before null (manual, Comparison/Sort Order,
 * Arrays).
 */
export const EMPTY = Symbol('empty array')
export type SortKey = Value | typeof MISSING | typeof EMPTY

/** The place of a value's type in the manual's Comparison/Sort Order; all numbers share one. */
function typeOrder (value: SortKey): number {
  if (value === EMPTY) return 0
  if (value === null || value === MISSING) return 1
  if (isNumber(value)) return 2
  if (typeof value === 'string') return 3
  if (Array.isArray(value)) return 5
  if (value instanceof Binary) return 6
  if (value instanceof ObjectId) return 7
  if (typeof value === 'boolean') return 8
  if (value instanceof Date) return 9
  return 4
}

function isNumber (value: SortKey): value is Int32 | Double | Long {
  return value instanceof Int32 || value instanceof Double || value instanceof Long
}

function isDoc (value: SortKey): value is Doc {
  return typeOrder(value) === 4
}

/** Compares in MongoDB's order: -1, 0 or 1 if `a` is before, equal to or after `b`. */
export function compare (a: SortKey, b: SortKey): number {
  const type = typeOrder(a)
  if (type !== typeOrder(b)) return Math.sign(type - typeOrder(b))
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b)
  if (a instanceof Binary && b instanceof Binary) {
    return (
      Math.sign(a.length() - b.length() || a.sub_type - b.sub_type) || Buffer.compare(a.value(), b.value())
    )
  }
  if (a instanceof ObjectId && b instanceof ObjectId) return Buffer.compare(a.id, b.id)
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Date && b instanceof Date) return Math.sign(a.getTime() - b.getTime())
  if (isDoc(a) && isDoc(b)) return compareDocs(a, b)
  return 0
}

function isNaN (value: SortKey): boolean {
  return isNumber(value) && Number.isNaN(value.valueOf())
}

/**
 * Compares by mathematical value across types. NaN is below every number and equal to itself; -0 equals 0.
 */
function compareNumbers (a: Int32 | Double | Long, b: Int32 | Double | Long): number {
  const [x, y] = [numeric(a), numeric(b)]
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x))
  // JavaScript compares a bigint with a number without rounding either of them.
  return x < y ? -1 : x > y ? 1 : 0
}

function numeric (value: Int32 | Double | Long): number | bigint {
  return value instanceof Long ? value.toBigInt() : value.valueOf()
}

function compareLists (a: Value[], b: Value[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i]!, b[i]!)
    if (order) return order
  }
  return Math.sign(a.length - b.length)
}

/** Compares field by field: type, then name, then value (manual, Comparison/Sort Order, Objects). */
function compareDocs (a: Doc, b: Doc): number {
  const [left, right] = [Object.entries(a), Object.entries(b)]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [[leftName, leftValue], [rightName, rightValue]] = [left[i]!, right[i]!]
    const order =
      Math.sign(typeOrder(leftValue) - typeOrder(rightValue)) ||
      Buffer.compare(Buffer.from(leftName), Buffer.from(rightName)) ||
      compare(leftValue, rightValue)
    if (order) return order
  }
  return Math.sign(left.length - right.length)
}

function field (doc: Doc, name: string): SortKey {
  return Object.hasOwn(doc, name) ? doc[name]! : MISSING
}

/** Lists the keys of the document in an index on `path`: one for each element of an array. */
function keysOf (value: SortKey, path: string[]): SortKey[] {
  const [head, ...rest] = path
  if (head === undefined) {
    if (!Array.isArray(value)) return [value]
    return value.length ? value : [EMPTY]
  }
  if (isDoc(value)) return keysOf(field(value, head), rest)
  // A path looks into the documents of an array; any other element counts as a document without the field.
  if (Array.isArray(value) && value.length) {
    return value.flatMap(item => (isDoc(item) ? keysOf(item, path) : [MISSING]))
  }
  return [MISSING]
}

/**
 * The value that a document sorts by: the least element of an array when ascending, the greatest when
 * descending.
 */
function sortKey (doc: Doc, path: string, direction: Direction): SortKey {
  return keysOf(doc, path.split('.')).reduce((best, key) => (compare(key, best) * direction < 0 ? key : best))
}

export type Sort = Array<[path: string, direction: Direction]>

export function compareBySort (a: Doc, b: Doc, sort: Sort): number {
  for (const [path, direction] of sort) {
    const order = compare(sortKey(a, path, direction), sortKey(b, path, direction)) * direction
    if (order) return order
  }
  return 0
}

/** The values that a condition on `path` is tested on: each element of an array, and the array itself. */
function candidates (value: SortKey, path: string[]): SortKey[] {
  const [head, ...rest] = path
  if (head === undefined) return Array.isArray(value) ? [...value, value] : [value]
  if (isDoc(value)) return candidates(field(value, head), rest)
  if (Array.isArray(value)) return value.flatMap(item => (isDoc(item) ? candidates(item, path) : []))
  return [MISSING]
}

export type Condition = { [operator: string]: Value | Value[] | boolean | Condition }
export type Filter = { [key: string]: Value | Condition | Filter[] }

/**
 * Whether the filter finds the document. It knows equality, comparison, `$in`, `$nin`, `$exists`, `$not`,
 * `$and`, `$or` and `$nor`.
 */
export function matches (doc: Doc, filter: Filter): boolean {
  return Object.entries(filter).every(([key, operand]) => {
    if (key === '$and') return (operand as Filter[]).every(each => matches(doc, each))
    if (key === '$or') return (operand as Filter[]).some(each => matches(doc, each))
    if (key === '$nor') return !(operand as Filter[]).some(each => matches(doc, each))
    const found = candidates(doc, key.split('.'))
    return isCondition(operand) ? holds(found, operand) : equals(found, operand as Value)
  })
}

function isCondition (operand: unknown): operand is Condition {
  return isDoc(operand as Value) && Object.keys(operand as Doc)[0]?.startsWith('$') === true
}

function holds (found: SortKey[], condition: Condition): boolean {
  return Object.entries(condition).every(([operator, operand]) => {
    switch (operator) {
      case '$eq':
        return equals(found, operand as Value)
      case '$ne':
        return !equals(found, operand as Value)
      case '$in':
        return (operand as Value[]).some(each => equals(found, each))
      case '$nin':
        return !(operand as Value[]).some(each => equals(found, each))
      case '$exists':
        return found.some(value => value !== MISSING) === operand
      case '$not':
        return !holds(found, operand as Condition)
      default:
        return found.some(value => isInRange(value, operator, operand as Value))
    }
  })
}

function equals (found: SortKey[], operand: Value): boolean {
  return found.some(value => compare(value, operand) === 0)
}

/** A range has values of its bound's type only (manual, Type Bracketing). NaN is in no range but its own. */
function isInRange (value: SortKey, operator: string, bound: Value): boolean {
  if (typeOrder(value) !== typeOrder(bound)) return false
  const order = compare(value, bound)
  if (isNaN(value) || isNaN(bound)) {
    return order === 0 && (operator === '$gte' || operator === '$lte')
  }
  return operator === '$gt'
    ? order > 0
    : operator === '$gte'
      ? order >= 0
      : operator === '$lt'
        ? order < 0
        : order <= 0
}
