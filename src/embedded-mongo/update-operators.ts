import { MongoError } from './errors.js'
import { T, type Val, fields, get, show, values } from './bson.js'
import { type Plain, doubleVal } from './build.js'
import { encode, identity } from './keystring.js'

/** What an operator works on: the value at its path (undefined if missing); for messages its names and the document's _id. */
export interface Target { current: Val | undefined, name: string, path: string, id: string, now: Date }

/** The new value, or undefined for "leave it as it is". */
type Operator = (target: Target, operand: Val) => Plain

function increment ({ current, name, id }: Target, by: Val): Plain {
  if (current === undefined) return by
  checkArithmetic(current)
  if (!current.isNumber) throw new MongoError(14, `Cannot apply $inc to a value of non-numeric type. {_id: ${id}} has the field '${name}' of non-numeric type ${current.typeName}`)
  if (current.type === T.double || by.type === T.double) return doubleVal(current.number + by.number)
  const sum = current.long + by.long
  if (BigInt.asIntN(64, sum) !== sum) throw new MongoError(2, `Failed to apply $inc operations to current value (${show(current)}) for document {_id: ${id}}`)
  return current.type === T.int && by.type === T.int && BigInt.asIntN(32, sum) === sum ? Number(sum) : sum
}

function checkArithmetic ({ type }: Val): void { if (type === T.decimal) throw new MongoError(2, 'arithmetic on Decimal128 is not supported by the embedded server') }

/** The items of `{$each: [...]}`, or the operand alone. */
function each (operator: string, operand: Val): Val[] {
  const list = get(operand, '$each')
  if (list === undefined) return [operand]
  const other = fields(operand).find(([name]) => name !== '$each')?.[0]
  if (other !== undefined) throw new MongoError(2, `Unrecognized clause in ${operator}, or not supported by the embedded server: ${other}`)
  if (!list.isArray) throw new MongoError(operator === '$push' ? 2 : 14, `The argument to $each in ${operator} must be an array but it was of type: ${list.typeName}`)
  return values(list)
}

function items ({ current, name, path, id }: Target, operator: string): Val[] {
  if (current === undefined || current.isArray) return current === undefined ? [] : values(current)
  throw new MongoError(2, operator === '$push' ? `The field '${path}' must be an array but is of type ${current.typeName} in document {_id: ${id}}` : `Cannot apply ${operator} to non-array field. Field named '${name}' has non-array type ${current.typeName}`)
}

function addToSet (target: Target, operand: Val): Plain {
  const old = items(target, '$addToSet')
  const known = new Set(old.map(identity))
  const added = each('$addToSet', operand).filter(item => known.size !== known.add(identity(item)).size)
  return added.length === 0 && target.current !== undefined ? undefined : [...old, ...added]
}

function pull (target: Target, operand: Val): Plain {
  const old = items(target, '$pull')
  const kept = old.filter(item => identity(item) !== identity(operand))
  return kept.length === old.length ? undefined : kept
}

const extreme = (sign: 1 | -1): Operator => ({ current }, operand) => current === undefined || encode(operand).compare(encode(current)) * sign > 0 ? operand : undefined

export const operators: Record<string, Operator> = {
  __proto__: null as never,
  $set: (_, operand) => operand,
  $setOnInsert: (_, operand) => operand,
  $inc: increment,
  $min: extreme(-1),
  $max: extreme(1),
  $currentDate: ({ now }) => now,
  $push: (target, operand) => [...items(target, '$push'), ...each('$push', operand)],
  $addToSet: addToSet,
  $pull: pull,
  /** Done where the document is changed. */
  $unset: () => undefined
}

/** Operators that change nothing where there is nothing. */
export const needsTarget = new Set(['$unset', '$pull'])

/** Refuses what an operator can't take, before any document is touched. */
export function checkOperand (operator: string, path: string, operand: Val): void {
  if (operator === '$inc') checkArithmetic(operand)
  if (operator === '$inc' && !operand.isNumber) throw new MongoError(14, `Cannot increment with non-numeric argument: {${path}: ${show(operand)}}`)
  if (operator === '$min' || operator === '$max') encode(operand)
  if (operator === '$push' || operator === '$addToSet') each(operator, operand)
  if (operator === '$pull' && (operand.isObject || operand.type === T.regex)) throw new MongoError(9, `$pull with a condition is not supported by the embedded server, only with a value: ${path}`)
  const type = get(operand, '$type')
  if (operator === '$currentDate' && operand.type !== T.bool && !(type?.type === T.string && type.string === 'date')) throw new MongoError(2, `$currentDate with ${show(operand)} is not supported by the embedded server: ${path}`)
}
