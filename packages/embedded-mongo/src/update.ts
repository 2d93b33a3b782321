import { MongoError, notImplemented } from './errors.js'
import { type Plain, T, type Val, build, docVal, doubleVal, field, fields, get, newObjectId, show, toVal, validate, values } from './bson.js'
import { encode, identity } from './keystring.js'
import { type Filter, isIndex, isOperators } from './match.js'
import { EMPTY } from './context.js'

export const MAX_DOCUMENT = 16 * 1024 * 1024
const ID = Buffer.from('_id')
export const idOf = (doc: Buffer | undefined): Val | undefined => get(doc && docVal(doc), '_id')
/** Gives the value instead of the current one; undefined is none. */
type Change = (current: Val | undefined, inserting: boolean) => Plain
type Operator = (operand: Val, path: string) => Change
type Place = [parts: string[], change: Change]
type Fields = Map<string, Plain>
type Tree = Map<string, Tree | Change>
/** What each operator does at a path. An operand that it can't take is refused before any document is touched. */
const operators: Record<string, Operator> = {
  __proto__: null as never,
  $set: operand => () => operand,
  $setOnInsert: operand => (current, inserting) => inserting ? operand : current,
  $unset: () => () => undefined,
  $inc: (by, path) => {
    if (!by.isNumber) throw new MongoError(14, `Cannot increment with the argument {${path}: ${show(by)}}: it is neither int nor long nor double`)
    return current => current === undefined ? by : sum(current, by, path)
  },
  $min: operand => extreme(operand, -1),
  $max: operand => extreme(operand, 1),
  $currentDate: (operand, path) => {
    if (operand.type !== T.bool && show(operand) !== '{ $type: "date" }') throw notImplemented(`$currentDate of '${path}' with ${show(operand)}`)
    return () => new Date()
  },
  $push: onItems('$push', (items, given) => [...items, ...given]),
  $addToSet: onItems('$addToSet', (items, given) => {
    const known = new Set(items.map(identity))
    return [...items, ...given.filter(item => known.size < known.add(identity(item)).size)]
  }),
  $pull: onItems('$pull', (items, given) => items.filter(item => !given.map(identity).includes(identity(item))))
}

/** An int32 that overflows becomes an int64. */
function sum (a: Val, b: Val, path: string): Plain {
  if (!a.isNumber) throw new MongoError(14, `Cannot apply $inc to the field '${path}': its type ${a.typeName} is neither int nor long nor double`)
  if (a.type === T.double || b.type === T.double) return doubleVal(a.number + b.number)
  const total = a.long + b.long
  if (BigInt.asIntN(64, total) !== total) throw new MongoError(2, `Failed to apply $inc operations to the current value ${show(a)} of '${path}'`)
  return a.type === T.int && b.type === T.int && BigInt.asIntN(32, total) === total ? Number(total) : total
}

function extreme (operand: Val, sign: 1 | -1): Change {
  const key = encode(operand)
  return current => current === undefined || key.compare(encode(current)) * sign > 0 ? operand : current
}

/** An operator on the items of an array, with those of `{$each: [...]}` or the operand itself. */
function onItems (operator: string, change: (items: Val[], given: Val[]) => Val[]): Operator {
  return (operand, path) => {
    const list = operator === '$pull' ? undefined : get(operand, '$each')
    const other = list && fields(operand).find(([name]) => name !== '$each')?.[0]
    if (operator === '$pull' && (operand.isObject || operand.type === T.regex)) throw notImplemented(`$pull with a condition, for '${path}',`)
    if (other !== undefined) throw new MongoError(2, `Unrecognized clause in ${operator}, or not supported by the embedded server: ${other}`)
    if (list?.isArray === false) throw new MongoError(operator === '$push' ? 2 : 14, `The argument to $each in ${operator} must be an array: ${path}`)
    const given = list === undefined ? [operand] : values(list)
    return current => {
      if (current?.isArray === false) throw new MongoError(2, `Cannot apply ${operator} to the field '${path}' of non-array type ${current.typeName}`)
      return current === undefined && operator === '$pull' ? undefined : change(current === undefined ? [] : values(current), given)
    }
  }
}

/** Reads an update document or a replacement. `insert` makes the document of an upsert. Throws what MongoDB's parser of updates throws. */
export function compileUpdate (update: Val): { replacement: boolean, apply: (doc: Buffer) => Buffer, insert: (filter: Filter) => Buffer } {
  if (!update.isObject) throw new MongoError(9, 'Update argument must be an object; a pipeline is not supported by the embedded server')
  const replacement = !isOperators(update)
  const given = fields(update)
  const dollar = given.find(([name]) => name.startsWith('$'))?.[0]
  if (replacement && dollar !== undefined) throw new MongoError(52, `The dollar ($) prefixed field '${dollar}' is not allowed in a replacement document.`)
  const tree: Tree = replacement ? new Map(given.map(([name, value]) => [name, () => value])) : grow(given.flatMap(changesOf), 40)
  const change = (before: Val, inserting: boolean): Buffer =>
    finish(changed(replacement ? docVal(build({ _id: get(before, '_id') })) : before, tree, inserting) as Fields, get(before, '_id'))
  return {
    replacement,
    apply: doc => change(docVal(doc), false),
    insert: ({ equalities }) => {
      const base = equalities.filter(([path]) => !replacement || path === '_id').map(([path, value]): Place => [partsOf(path), () => value])
      return change(docVal(build(changed(EMPTY, grow(base, 54), true) as Fields)), true)
    }
  }
}

function changesOf ([operator, operands]: [string, Val]): Place[] {
  const compile = operators[operator]
  if (compile === undefined) throw new MongoError(9, `Unknown modifier: ${operator}. Expected a valid update modifier`)
  if (!operands.isObject) throw new MongoError(9, `Modifiers operate on fields but we found type ${operands.typeName} instead: ${operator}`)
  return fields(operands).map(([path, operand]) => [partsOf(path), compile(operand, path)])
}

function partsOf (path: string): string[] {
  const parts = path.split('.')
  const dollar = parts.find(part => part.startsWith('$'))
  if (parts.includes('')) throw new MongoError(56, `The update path '${path}' contains an empty field name, which is not allowed.`)
  if (parts.length > 180) throw new MongoError(15, `The update path '${path.slice(0, 100)}...' has more than 180 levels`)
  if (dollar === '$' || dollar?.startsWith('$[') === true) throw notImplemented(`the positional operator in '${path}'`)
  if (dollar !== undefined) throw new MongoError(52, `The dollar ($) prefixed field '${dollar}' in '${path}' is not valid for storage.`)
  return parts
}

/** Sorted as new fields come: names by their text, numeric ones by number. Throws the error `conflict` where a path leads to or through another. */
function grow (places: Place[], conflict: number): Tree {
  const groups = new Map<string, Place[]>()
  for (const [[name = '', ...rest], change] of places) groups.set(name, groups.get(name) ?? []).get(name)?.push([rest, change])
  const byName = (a: string, b: string): number => isIndex(a) && isIndex(b) ? Number(a) - Number(b) : Buffer.from(a).compare(Buffer.from(b))
  return new Map([...groups].sort(([a], [b]) => byName(a, b)).map(([name, group]) => {
    const end = group.find(([parts]) => parts.length === 0)?.[1]
    if (end !== undefined && group.length > 1) throw new MongoError(conflict, `Two values for one path, or for one inside the other, conflict at '${name}'`)
    return [name, end ?? grow(group, conflict)]
  }))
}

/** The value with its changes; a missing document is made when something comes into it. Throws PathNotViable (28). */
function changed (value: Val | undefined, tree: Tree, inserting: boolean, name = ''): Plain {
  const list: Plain[] | undefined = value?.isArray === true ? values(value) : undefined
  const map = value === undefined || value.isObject ? new Map<string, Plain>(value && fields(value)) : undefined
  for (const [part, next] of tree) {
    const position = list !== undefined && isIndex(part) ? Number(part) : -1
    const current = (map?.get(part) ?? list?.[position]) as Val | undefined
    const after = typeof next === 'function' ? next(current, inserting) : changed(current, next, inserting, part)
    if (after === current) continue
    if (map !== undefined) map.set(part, after)
    else if (list === undefined || position < 0) throw new MongoError(28, `Cannot create field '${part}' in element {${name}: ${show(value as Val)}}`)
    else if (position > list.length) throw notImplemented(`filling the array '${name}' up to position ${part}`)
    else list[position] = after ?? toVal(null)
  }
  return value === undefined && map?.size === 0 ? undefined : map ?? list ?? value
}

/** Puts _id first, makes one if there is none, and checks that it is the `old` one. Throws ImmutableField (66) and as {@link checkedId}. */
function finish (doc: Fields, old?: Val): Buffer {
  const given = doc.get('_id')
  if (old !== undefined && (given === undefined || identity(toVal(given)) !== identity(old))) throw new MongoError(66, "The field '_id' is immutable")
  const id = checkedId(toVal(given ?? newObjectId()))
  const bytes = build(new Map<string, Plain>([['_id', id], ...doc]).set('_id', id))
  if (bytes.length > MAX_DOCUMENT) throw new MongoError(17419, `Resulting document after update is larger than ${MAX_DOCUMENT}`)
  validate(bytes, 0, bytes.length)
  return bytes
}

/** Throws InvalidIdField (53) or DollarPrefixedFieldName (52). */
function checkedId (id: Val): Val {
  const dollar = id.isObject ? fields(id).find(([name]) => name.startsWith('$'))?.[0] : undefined
  if (id.isArray || id.type === T.regex || id.type === T.undefined) throw new MongoError(53, `The '_id' value cannot be of type ${id.typeName}`)
  if (dollar !== undefined) throw new MongoError(52, `_id fields may not contain '$'-prefixed fields: ${dollar} is not valid for storage.`)
  return id
}

/** A document as an insert stores it: with _id, first. Throws as {@link finish}, and BadValue (2) for one that is too large. */
export function prepareInsert (doc: Val): Buffer {
  if (doc.end - doc.start > MAX_DOCUMENT) throw new MongoError(2, `object to insert too large: ${doc.end - doc.start} bytes, max size: ${MAX_DOCUMENT}`)
  const id = field(doc, ID)
  return id?.start === doc.start + 9 && checkedId(id) === id ? doc.bytes : finish(new Map(fields(doc)))
}
