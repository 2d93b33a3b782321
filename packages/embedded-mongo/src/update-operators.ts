import { fields, get, show, values } from './bson.js'
import { type Plain, T, type Val } from './bson-value.js'
import { doubleVal } from './bson-writer.js'
import { MongoError, notImplemented } from './errors.js'
import { encode, identity } from './keystring.js'

/**
 * Returns the new value of a field.
 *
 * @param current undefined if the field is missing
 * @param inserting whether the document is made by an upsert
 * @returns undefined to remove the field
 */
export type Change = (current: Val | undefined, inserting: boolean) => Plain

/** Reads an operand. It refuses an operand that is not valid before any document is touched. */
type Operator = (operand: Val, path: string) => Change

/** Changes the items of an array. */
type ItemsChange = (items: Val[], given: Val[]) => Val[]

const operators = new Map<string, Operator>([
  ['$set', operand => () => operand],
  ['$setOnInsert', operand => (current, inserting) => inserting ? operand : current],
  ['$unset', () => () => undefined],
  ['$inc', increment],
  ['$min', operand => extreme(operand, -1)],
  ['$max', operand => extreme(operand, 1)],
  ['$currentDate', currentDate],
  ['$push', onItems('$push', append)],
  ['$addToSet', onItems('$addToSet', appendMissing)],
  ['$pull', pull]
])

/**
 * Reads one operator for one path.
 *
 * @throws MongoError the error of MongoDB's update parser, or NotImplemented (238)
 */
export function operatorNamed (name: string): Operator {
  const operator = operators.get(name)
  if (operator === undefined) {
    throw new MongoError(9, `Unknown modifier: ${name}. Expected a valid update modifier`)
  }
  return operator
}

function increment (by: Val, path: string): Change {
  if (!by.isNumber) {
    const what = `Cannot increment with the argument {${path}: ${show(by)}}`
    throw new MongoError(14, `${what}: it is neither int nor long nor double`)
  }
  return current => current === undefined ? by : sum(current, by, path)
}

/** Adds two numbers. An int32 that overflows becomes an int64. */
function sum (a: Val, b: Val, path: string): Plain {
  if (!a.isNumber) {
    const what = `Cannot apply $inc to the field '${path}'`
    throw new MongoError(14, `${what}: its type ${a.typeName} is neither int nor long nor double`)
  }
  if (a.type === T.double || b.type === T.double) return doubleVal(a.number + b.number)
  const total = a.long + b.long
  if (BigInt.asIntN(64, total) !== total) {
    throw new MongoError(2, `Failed to apply $inc operations to the current value ${show(a)} of '${path}'`)
  }
  const isInt32 = a.type === T.int && b.type === T.int && BigInt.asIntN(32, total) === total
  return isInt32 ? Number(total) : total
}

/** @param sign -1 keeps the least value, 1 the greatest */
function extreme (operand: Val, sign: 1 | -1): Change {
  const key = encode(operand)
  return current => {
    const isBeyond = current === undefined || key.compare(encode(current)) * sign > 0
    return isBeyond ? operand : current
  }
}

function currentDate (operand: Val, path: string): Change {
  if (operand.type !== T.bool && show(operand) !== '{ $type: "date" }') {
    throw notImplemented(`$currentDate of '${path}' with ${show(operand)}`)
  }
  return () => new Date()
}

/** An operator that takes `{$each: [...]}` or one item. */
function onItems (operator: '$push' | '$addToSet', change: ItemsChange): Operator {
  return (operand, path) => {
    const given = eachOf(operator, operand, path)
    return current => change(itemsOf(operator, current, path), given)
  }
}

function eachOf (operator: '$push' | '$addToSet', operand: Val, path: string): Val[] {
  const list = get(operand, '$each')
  if (list === undefined) return [operand]
  const other = fields(operand).find(([name]) => name !== '$each')?.[0]
  if (other !== undefined) {
    const what = `Unrecognized clause in ${operator}, or not supported by the embedded server`
    throw new MongoError(2, `${what}: ${other}`)
  }
  if (!list.isArray) {
    const code = operator === '$push' ? 2 : 14
    throw new MongoError(code, `The argument to $each in ${operator} must be an array: ${path}`)
  }
  return values(list)
}

function itemsOf (operator: string, current: Val | undefined, path: string): Val[] {
  if (current === undefined) return []
  if (current.isArray) return values(current)
  const what = `Cannot apply ${operator} to the field '${path}'`
  throw new MongoError(2, `${what} of non-array type ${current.typeName}`)
}

function append (items: Val[], given: Val[]): Val[] {
  return [...items, ...given]
}

function appendMissing (items: Val[], given: Val[]): Val[] {
  const known = new Set(items.map(identity))
  const out = [...items]
  for (const item of given) {
    const id = identity(item)
    if (!known.has(id)) out.push(item)
    known.add(id)
  }
  return out
}

function pull (operand: Val, path: string): Change {
  const isCondition = operand.isObject || operand.type === T.regex
  if (isCondition) throw notImplemented(`$pull with a condition, for '${path}',`)
  return current => {
    if (current === undefined) return undefined
    return itemsOf('$pull', current, path).filter(item => identity(item) !== identity(operand))
  }
}
