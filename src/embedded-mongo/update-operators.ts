import { MongoError } from './errors.js'
import { T, Val, field, fields, values } from './bson.js'
import { type Plain, doubleVal, toVal } from './build.js'
import { encode } from './keystring.js'
import { show } from './show.js'

/** What an operator works on: the value at its path (undefined if missing), for messages the path and the document's _id. */
export interface Target { current: Val | undefined, path: string, id: string, now: Date }

/** The new value, or undefined for "leave it as it is". */
type Operator = (target: Target, operand: Val) => Plain | undefined

const MIN_LONG = -(2n ** 63n)
const MAX_LONG = 2n ** 63n - 1n

const integer = (value: Val): bigint => value.type === T.int ? BigInt(value.number) : value.buf.readBigInt64LE(value.start)

function increment ({ current, path, id }: Target, by: Val): Plain {
  if (current === undefined) return by
  if (current.type === T.decimal) throw new MongoError(2, 'arithmetic on Decimal128 is not supported by the embedded server')
  const name = path.split('.').at(-1) as string
  if (!current.isNumber) throw new MongoError(14, `Cannot apply $inc to a value of non-numeric type. {_id: ${id}} has the field '${name}' of non-numeric type ${current.typeName}`)
  if (current.type === T.double || by.type === T.double) return doubleVal(current.number + by.number)
  const sum = integer(current) + integer(by)
  if (sum < MIN_LONG || sum > MAX_LONG) throw new MongoError(2, `Failed to apply $inc operations to current value (${show(current)}) for document {_id: ${id}}`)
  const small = current.type === T.int && by.type === T.int && sum >= -(2n ** 31n) && sum < 2n ** 31n
  return small ? Number(sum) : sum
}

/** The items of `{$each: [...]}`, or the operand alone. */
function each (operator: string, operand: Val): Val[] {
  const list = operand.isObject ? field(operand, Buffer.from('$each')) : undefined
  if (list === undefined) return [operand]
  const other = fields(operand).find(([name]) => name !== '$each')
  if (other !== undefined) throw new MongoError(operator === '$push' ? 2 : 2, `Unrecognized clause in ${operator}: ${other[0]}`)
  if (list.type !== T.array) throw new MongoError(operator === '$push' ? 2 : 14, `The argument to $each in ${operator} must be an array but it was of type ${list.typeName}`)
  return values(list)
}

function array ({ current, path, id }: Target): Val[] {
  if (current === undefined) return []
  if (current.type !== T.array) throw new MongoError(2, `The field '${path}' must be an array but is of type ${current.typeName} in document {_id: ${id}}`)
  return values(current)
}

function addToSet (target: Target, operand: Val): Plain | undefined {
  const { current, path } = target
  if (current !== undefined && current.type !== T.array) {
    throw new MongoError(2, `Cannot apply $addToSet to non-array field. Field named '${path.split('.').at(-1) as string}' has non-array type ${current.typeName}`)
  }
  const items = array(target)
  const known = new Set(items.map(item => encode(item).toString('latin1')))
  const added = each('$addToSet', operand).filter(item => known.size !== known.add(encode(item).toString('latin1')).size)
  return added.length === 0 && current !== undefined ? undefined : [...items, ...added]
}

function pull (target: Target, operand: Val): Plain | undefined {
  if (target.current === undefined) return undefined
  if (target.current.type !== T.array) throw new MongoError(2, 'Cannot apply $pull to a non-array value')
  const wanted = encode(operand)
  const items = array(target)
  const kept = items.filter(item => !encode(item).equals(wanted))
  return kept.length === items.length ? undefined : kept
}

function extreme (sign: 1 | -1): Operator {
  return ({ current }, operand) => current === undefined || encode(operand).compare(encode(current)) * sign > 0 ? operand : undefined
}

export const operators: Record<string, Operator> = {
  $set: (_, operand) => operand,
  $setOnInsert: (_, operand) => operand,
  $inc: increment,
  $min: extreme(-1),
  $max: extreme(1),
  $currentDate: ({ now }) => now,
  $push: (target, operand) => [...array(target), ...each('$push', operand)],
  $addToSet: addToSet,
  $pull: pull,
  /** Handled where the document is changed, since it removes. */
  $unset: () => undefined
}

/** Operators that change nothing where there is nothing. */
export const needsTarget = new Set(['$unset', '$pull'])

/** Refuses what an operator can't take before any document is touched. */
export function checkOperand (operator: string, path: string, operand: Val): void {
  if (operator === '$inc' && !operand.isNumber) {
    if (operand.type === T.decimal) throw new MongoError(2, 'arithmetic on Decimal128 is not supported by the embedded server')
    throw new MongoError(14, `Cannot increment with non-numeric argument: {${path}: ${show(operand)}}`)
  }
  if (operator === '$min' || operator === '$max') encode(operand)
  if (operator === '$push' || operator === '$addToSet') each(operator, operand)
  if (operator === '$pull' && (operand.isObject || operand.type === T.regex)) throw new MongoError(9, `$pull with a condition is not supported by the embedded server, only with a value: ${path}`)
  if (operator === '$currentDate' && operand.type !== T.bool) {
    const type = operand.isObject ? field(operand, Buffer.from('$type')) : undefined
    if (type?.type !== T.string || type.string !== 'date') throw new MongoError(2, '$currentDate takes true or {$type: "date"}; {$type: "timestamp"} is not supported by the embedded server')
  }
}

/** A value as the tree of an update has it, raw. */
export function raw (value: Plain | undefined): Val | undefined { return value === undefined ? undefined : toVal(value) }
