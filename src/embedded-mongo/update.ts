import { MongoError } from './errors.js'
import { T, Val, docVal, field, fields, get, newObjectId, show, validate, values } from './bson.js'
import { type Plain, build, toVal } from './build.js'
import { encode } from './keystring.js'
import { type Filter, isOperators } from './match.js'
import { isIndex } from './path.js'
import { type Target, checkOperand, needsTarget, operators } from './update-operators.js'

export const MAX_DOCUMENT = 16 * 1024 * 1024
/** MongoDB's limit for filling an array up to a position. */
const MAX_PADDING = 1_500_000

export interface Update {
  replacement: boolean
  /** The changed document, `doc` itself if nothing changed. */
  apply: (doc: Buffer) => Buffer
  /** The document of an upsert, from the filter's equalities. */
  insert: (filter: Filter) => Buffer
}

interface Change { operator: string, path: string, parts: string[], operand: Val }
type Tree = Map<string, Plain>
type Holder = Tree | Plain[]

const same = (a: Val | undefined, b: Val): boolean => a !== undefined && encode(a).equals(encode(b))
const raw = (value: Plain): Val | undefined => value === undefined ? undefined : toVal(value)
const unchanged = (doc: Buffer, changed: Buffer): Buffer => changed.equals(doc) ? doc : changed
export const idOf = (doc: Buffer): Val | undefined => get(docVal(doc), '_id')

/** Reads an update document or a replacement. Throws FailedToParse (9) naming an unknown operator, and the errors of MongoDB's update parser. */
export function compileUpdate (update: Val): Update {
  if (!update.isObject) throw new MongoError(9, update.isArray ? 'pipeline-style updates are not supported by the embedded server' : 'Update argument must be either an object or an array')
  return isOperators(update) ? operatorUpdate(update) : replacementUpdate(update)
}

function replacementUpdate (update: Val): Update {
  const given = fields(update)
  const dollar = given.find(([name]) => name.startsWith('$'))?.[0]
  if (dollar !== undefined) throw new MongoError(52, `The dollar ($) prefixed field '${dollar}' in '${dollar}' is not allowed in the context of an update's replacement document.`)
  const ownId = get(update, '_id')
  const withId = (id: Val | undefined): Buffer => finish(new Map<string, Plain>([['_id', id], ...given.filter(([name]) => name !== '_id')]))
  return {
    replacement: true,
    apply: doc => {
      const id = idOf(doc) as Val
      if (ownId !== undefined && !same(ownId, id)) throw new MongoError(66, `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${show(ownId)}`)
      return unchanged(doc, withId(id))
    },
    insert: filter => withId(ownId ?? filter.equalities.find(([path]) => path === '_id')?.[1])
  }
}

function operatorUpdate (update: Val): Update {
  const changes = fields(update).flatMap(([operator, operands]) => {
    if (operators[operator] === undefined) throw new MongoError(9, `Unknown modifier: ${operator}. Expected a valid update modifier or pipeline-style update specified as an array`)
    if (!operands.isObject) throw new MongoError(9, `Modifiers operate on fields but we found type ${operands.typeName} instead. For example: {$mod: {<field>: ...}} not {${operator}: ${show(operands)}}`)
    return fields(operands).map(([path, operand]): Change => {
      checkPath(path)
      checkOperand(operator, path, operand)
      return { operator, path, parts: path.split('.'), operand }
    })
  }).sort((a, b) => comparePaths(a.parts, b.parts))
  for (const [i, { path, parts }] of changes.entries()) {
    const before = changes[i - 1]
    if (before?.parts.every((part, at) => part === parts[at]) === true) throw new MongoError(40, `Updating the path '${path}' would create a conflict at '${before.path}'`)
  }
  const always = changes.filter(({ operator }) => operator !== '$setOnInsert')
  return {
    replacement: false,
    apply: doc => unchanged(doc, applyChanges(new Map(fields(docVal(doc))), always)),
    insert: filter => applyChanges(baseOf(filter), changes)
  }
}

function checkPath (path: string): void {
  for (const part of path.split('.')) {
    if (part === '') throw new MongoError(56, `The update path '${path}' contains an empty field name, which is not allowed.`)
    if (part === '$' || part.startsWith('$[')) throw new MongoError(2, `the positional operator in '${path}' is not supported by the embedded server`)
    if (part.startsWith('$')) throw new MongoError(52, `The dollar ($) prefixed field '${part}' in '${path}' is not valid for storage.`)
  }
}

/** New fields come in this order (MongoDB manual, "Update Operators Behavior"): names by their text, numeric names by their number. */
function comparePaths (a: string[], b: string[]): number {
  const at = a.findIndex((part, i) => part !== b[i])
  const [left, right] = [a[at], b[at]]
  if (left === undefined || right === undefined) return a.length - b.length
  return isIndex(left) && isIndex(right) ? Number(left) - Number(right) : Buffer.from(left).compare(Buffer.from(right))
}

function applyChanges (tree: Tree, changes: Change[]): Buffer {
  const id = raw(tree.get('_id'))
  const now = new Date()
  for (const change of changes) {
    applyChange(tree, change, id, now)
    if (change.parts[0] === '_id' && id !== undefined && !same(raw(tree.get('_id')), id)) throw new MongoError(66, `Performing an update on the path '${change.path}' would modify the immutable field '_id'`)
  }
  return finish(tree)
}

function applyChange (tree: Tree, { operator, path, parts, operand }: Change, id: Val | undefined, now: Date): void {
  let holder: Holder = tree
  for (const [i, part] of parts.slice(0, -1).entries()) {
    const next: Plain = child(holder, part)
    const opened: Holder | undefined = next === undefined ? new Map() : open(next)
    if (needsTarget.has(operator) && (next === undefined || opened === undefined)) return
    if (opened === undefined) throw notViable(parts[i + 1] as string, part, next)
    put(holder, part, opened, parts[i - 1])
    holder = opened
  }
  const last = parts.at(-1) as string
  const target: Target = { current: raw(child(holder, last)), name: last, path, id: id === undefined ? 'null' : show(id), now }
  if (target.current === undefined && needsTarget.has(operator)) return
  if (operator !== '$unset') {
    const value = operators[operator]?.(target, operand)
    if (value !== undefined) put(holder, last, value, parts.at(-2))
  } else if (holder instanceof Map) holder.delete(last)
  else holder[Number(last)] = null
}

const child = (holder: Holder, part: string): Plain => holder instanceof Map ? holder.get(part) : isIndex(part) ? holder[Number(part)] : undefined

/** A document or array as something that can be changed. */
function open (value: Plain): Holder | undefined {
  if (value instanceof Map || Array.isArray(value)) return value
  if (!(value instanceof Val)) return undefined
  return value.isArray ? values(value) : value.isObject ? new Map(fields(value)) : undefined
}

const notViable = (name: string, holderName: string, holder: Plain): MongoError => new MongoError(28, `Cannot create field '${name}' in element {${holderName}: ${show(toVal(holder))}}`)

function put (holder: Holder, part: string, value: Plain, holderName = ''): void {
  if (holder instanceof Map) {
    holder.set(part, value)
    return
  }
  if (!isIndex(part)) throw notViable(part, holderName, holder)
  if (Number(part) - holder.length > MAX_PADDING) throw new MongoError(2, `can't backfill more than ${MAX_PADDING} elements`)
  while (holder.length < Number(part)) holder.push(null)
  holder[Number(part)] = value
}

/** An upsert's document before its operators: what the filter says for certain. Throws NotSingleValueField (54). */
function baseOf ({ equalities }: Filter): Tree {
  const tree: Tree = new Map()
  for (const [i, [path, operand]] of equalities.entries()) {
    const clash = equalities.slice(0, i).find(([other]) => `${other}.`.startsWith(`${path}.`) || `${path}.`.startsWith(`${other}.`))?.[0]
    if (clash !== undefined) throw new MongoError(54, `cannot infer query fields to set, ${clash === path ? `path '${path}' is matched twice` : `both paths '${path}' and '${clash}' are matched`}`)
    applyChange(tree, { operator: '$set', path, parts: path.split('.'), operand }, undefined, new Date(0))
  }
  return tree
}

/** Puts _id first, makes one if there is none, and checks it and the size. */
function finish (tree: Tree): Buffer {
  const id = raw(tree.get('_id')) ?? newObjectId()
  checkId(id)
  tree.delete('_id')
  const doc = build(new Map<string, Plain>([['_id', id], ...tree]))
  if (doc.length > MAX_DOCUMENT) throw new MongoError(17419, `Resulting document after update is larger than ${MAX_DOCUMENT}`)
  validate(doc, 0, doc.length)
  return doc
}

/** Throws InvalidIdField (53) or DollarPrefixedFieldName (52). */
function checkId (id: Val): void {
  if (id.isArray || id.type === T.regex || id.type === T.undefined) throw new MongoError(53, `The '_id' value cannot be of type ${id.typeName}`)
  const dollar = id.isObject ? fields(id).find(([name]) => name.startsWith('$'))?.[0] : undefined
  if (dollar !== undefined) throw new MongoError(52, `_id fields may not contain '$'-prefixed fields: ${dollar} is not valid for storage.`)
}

const ID = Buffer.from('_id')

/** A document as an insert stores it: with _id, first. Throws as {@link checkId}, and BadValue (2) for one that is too large. */
export function prepareInsert (doc: Val): Buffer {
  if (doc.end - doc.start > MAX_DOCUMENT) throw new MongoError(2, `object to insert too large. size in bytes: ${doc.end - doc.start}, max size: ${MAX_DOCUMENT}`)
  const id = field(doc, ID)
  if (id === undefined || id.start !== doc.start + 9) return finish(new Map(fields(doc)))
  checkId(id)
  return doc.bytes
}
