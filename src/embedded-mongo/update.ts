import { MongoError } from './errors.js'
import { T, Val, docVal, fields, validate, values } from './bson.js'
import { type Plain, build, newObjectId } from './build.js'
import { encode } from './keystring.js'
import { type Filter, isOperators } from './match.js'
import { isIndex } from './path.js'
import { show } from './show.js'
import { type Target, checkOperand, needsTarget, operators, raw } from './update-operators.js'

export const MAX_DOCUMENT = 16 * 1024 * 1024
/** MongoDB's limit for filling an array up to a position. */
const MAX_PADDING = 1_500_000

export interface Update {
  replacement: boolean
  /** The changed document; `doc` itself if nothing changed. Throws without side effects. */
  apply: (doc: Buffer) => Buffer
  /** The document of an upsert, from the filter's equalities. */
  insert: (filter: Filter) => Buffer
}

interface Change { operator: string, path: string, parts: string[], operand: Val }
type Tree = Map<string, Plain>

/** Reads an update document or a replacement. Throws FailedToParse (9) naming an unknown operator, and the errors of MongoDB's update parser. */
export function compileUpdate (update: Val): Update {
  if (update.type !== T.object) throw new MongoError(9, update.type === T.array ? 'pipeline-style updates are not supported by the embedded server' : 'Update argument must be either an object or an array')
  return isOperators(update) ? operatorUpdate(update) : replacementUpdate(update)
}

function replacementUpdate (update: Val): Update {
  const given = fields(update)
  const dollar = given.find(([name]) => name.startsWith('$'))
  if (dollar !== undefined) throw new MongoError(52, `The dollar ($) prefixed field '${dollar[0]}' in '${dollar[0]}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`)
  const ownId = given.find(([name]) => name === '_id')?.[1]
  const withId = (id: Plain | undefined): Buffer => finish(new Map<string, Plain>([['_id', id], ...given.filter(([name]) => name !== '_id')]))
  return {
    replacement: true,
    apply: doc => {
      const id = idOf(doc)
      if (ownId !== undefined && (id === undefined || !encode(ownId).equals(encode(id)))) {
        throw new MongoError(66, `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${show(ownId)}`)
      }
      const changed = withId(id)
      return changed.equals(doc) ? doc : changed
    },
    insert: filter => withId(ownId ?? filter.equalities.find(([path]) => path === '_id')?.[1])
  }
}

function operatorUpdate (update: Val): Update {
  const changes: Change[] = []
  for (const [operator, operands] of fields(update)) {
    if (operators[operator] === undefined) throw new MongoError(9, `Unknown modifier: ${operator}. Expected a valid update modifier or pipeline-style update specified as an array`)
    if (!operands.isObject) throw new MongoError(9, `Modifiers operate on fields but we found type ${operands.typeName} instead. For example: {$mod: {<field>: ...}} not {${operator}: ${show(operands)}}`)
    for (const [path, operand] of fields(operands)) {
      checkPath(path)
      checkOperand(operator, path, operand)
      changes.push({ operator, path, parts: path.split('.'), operand })
    }
  }
  changes.sort((a, b) => comparePaths(a.parts, b.parts))
  changes.forEach((change, i) => { if (i > 0) checkConflict(changes[i - 1] as Change, change) })
  return {
    replacement: false,
    apply: doc => {
      const changed = applyChanges(new Map(fields(docVal(doc))), changes.filter(({ operator }) => operator !== '$setOnInsert'))
      return changed.equals(doc) ? doc : changed
    },
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
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [left, right] = [a[i] as string, b[i] as string]
    if (left === right) continue
    if (isIndex(left) && isIndex(right)) return Number(left) - Number(right)
    return Buffer.from(left).compare(Buffer.from(right))
  }
  return a.length - b.length
}

function checkConflict (before: Change, change: Change): void {
  if (before.parts.every((part, i) => part === change.parts[i])) throw new MongoError(40, `Updating the path '${change.path}' would create a conflict at '${before.path}'`)
}

function applyChanges (tree: Tree, changes: Change[]): Buffer {
  const id = raw(tree.get('_id'))
  const shownId = id === undefined ? 'null' : show(id)
  const now = new Date()
  for (const change of changes) {
    applyChange(tree, change, shownId, now)
    if (change.parts[0] !== '_id' || id === undefined) continue
    const after = raw(tree.get('_id'))
    if (after === undefined || !encode(after).equals(encode(id))) throw new MongoError(66, `Performing an update on the path '${change.path}' would modify the immutable field '_id'`)
  }
  return finish(tree)
}

function applyChange (tree: Tree, { operator, path, parts, operand }: Change, id: string, now: Date): void {
  let holder: Tree | Plain[] = tree
  for (const [i, part] of parts.slice(0, -1).entries()) {
    const next: Plain | undefined = child(holder, part)
    if (next === undefined && needsTarget.has(operator)) return
    const opened: Tree | Plain[] | undefined = next === undefined ? new Map() : open(next)
    if (opened === undefined) {
      if (needsTarget.has(operator)) return
      throw notViable(parts[i + 1] as string, part, next)
    }
    put(holder, part, opened, parts[i - 1])
    holder = opened
  }
  const last = parts.at(-1) as string
  const current = raw(child(holder, last))
  if (current === undefined && needsTarget.has(operator)) return
  if (operator === '$unset') {
    if (holder instanceof Map) holder.delete(last)
    else holder[Number(last)] = null
    return
  }
  const target: Target = { current, path, id, now }
  const value = operators[operator]?.(target, operand)
  if (value !== undefined) put(holder, last, value, parts.at(-2))
}

function child (holder: Tree | Plain[], part: string): Plain | undefined {
  if (holder instanceof Map) return holder.get(part)
  return isIndex(part) ? holder[Number(part)] : undefined
}

function open (value: Plain): Tree | Plain[] | undefined {
  if (value instanceof Map || Array.isArray(value)) return value
  if (!(value instanceof Val)) return undefined
  if (value.type === T.array) return values(value)
  return value.isObject ? new Map(fields(value)) : undefined
}

function notViable (name: string, holderName: string, holder: Plain | undefined): MongoError {
  const shown = raw(holder)
  return new MongoError(28, `Cannot create field '${name}' in element {${holderName}: ${shown === undefined ? '' : show(shown)}}`)
}

function put (holder: Tree | Plain[], part: string, value: Plain, holderName = ''): void {
  if (holder instanceof Map) {
    holder.set(part, value)
    return
  }
  if (!isIndex(part)) throw notViable(part, holderName, holder)
  const position = Number(part)
  if (position - holder.length > MAX_PADDING) throw new MongoError(2, `can't backfill more than ${MAX_PADDING} elements`)
  while (holder.length < position) holder.push(null)
  holder[position] = value
}

/** An upsert's document before its operators: what the filter says for certain. */
function baseOf (filter: Filter): Tree {
  const tree: Tree = new Map()
  const seen: string[] = []
  for (const [path, value] of filter.equalities) {
    const clash = seen.find(other => other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`))
    if (clash !== undefined) {
      throw new MongoError(54, clash === path ? `cannot infer query fields to set, path '${path}' is matched twice` : `cannot infer query fields to set, both paths '${path}' and '${clash}' are matched`)
    }
    seen.push(path)
    applyChange(tree, { operator: '$set', path, parts: path.split('.'), operand: value }, '', new Date(0))
  }
  return tree
}

export function idOf (doc: Buffer): Val | undefined { return fields(docVal(doc)).find(([name]) => name === '_id')?.[1] }

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
export function checkId (id: Val): void {
  if (id.type === T.array || id.type === T.regex || id.type === T.undefined) throw new MongoError(53, `The '_id' value cannot be of type ${id.typeName}`)
  const dollar = id.isObject ? fields(id).find(([name]) => name.startsWith('$')) : undefined
  if (dollar !== undefined) throw new MongoError(52, `_id fields may not contain '$'-prefixed fields: ${dollar[0]} is not valid for storage.`)
}

/** A document as an insert stores it: with _id, first. Throws as {@link checkId}, and BadValue (2) for one that is too large. */
export function prepareInsert (doc: Val): Buffer {
  if (doc.end - doc.start > MAX_DOCUMENT) throw new MongoError(2, `object to insert too large. size in bytes: ${doc.end - doc.start}, max size: ${MAX_DOCUMENT}`)
  const first = doc.buf.toString('latin1', doc.start + 5, doc.start + 9) === '_id\0' ? fields(doc)[0]?.[1] : undefined
  if (first === undefined) return finish(new Map(fields(doc)))
  checkId(first)
  return doc.bytes
}
