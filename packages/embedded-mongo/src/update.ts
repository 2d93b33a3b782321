import { fields, get, show, toVal, values } from './bson.js'
import { type Plain, type Val, docVal } from './bson-value.js'
import { build } from './bson-writer.js'
import { finishDocument } from './document.js'
import { MongoError, notImplemented } from './errors.js'
import { type Filter, isOperators } from './match.js'
import { EMPTY } from './options.js'
import { isIndex } from './path.js'
import { type Change, operatorNamed } from './update-operators.js'

/** Parts of the longest path that an update may name: a document has at most as many levels. */
const MAX_PATH_PARTS = 180

/** A path, split at its dots, and what happens there. */
interface Place {
  parts: string[]
  change: Change
}

/** The places by the first parts of their paths. */
type Tree = Map<string, Tree | Change>

export interface Update {
  /** Whether the update is a document that replaces another one. */
  replacement: boolean
  /** Makes the changed document. */
  apply: (doc: Buffer) => Buffer
  /** Makes the document that an upsert inserts. */
  insert: (filter: Filter) => Buffer
}

/**
 * Reads an update document or a replacement.
 *
 * @throws MongoError the errors of MongoDB's update parser, or NotImplemented (238)
 */
export function compileUpdate (update: Val): Update {
  if (!update.isObject) {
    const rule = 'Update argument must be an object'
    throw new MongoError(9, `${rule}; a pipeline is not supported by the embedded server`)
  }
  return isOperators(update) ? operatorUpdate(update) : replacementUpdate(update)
}

function operatorUpdate (update: Val): Update {
  const tree = grow(fields(update).flatMap(([operator, operands]) => placesOf(operator, operands)), 40)
  const change = (doc: Val, inserting: boolean): Buffer =>
    finishDocument(changed(doc, tree, inserting) as Map<string, Plain>, get(doc, '_id'))
  return {
    replacement: false,
    apply: doc => change(docVal(doc), false),
    insert: ({ equalities }) => change(documentOf(equalities), true)
  }
}

function replacementUpdate (update: Val): Update {
  const given = fields(update)
  const dollar = given.find(([name]) => name.startsWith('$'))?.[0]
  if (dollar !== undefined) {
    const what = `The dollar ($) prefixed field '${dollar}'`
    throw new MongoError(52, `${what} is not allowed in a replacement document.`)
  }
  const replace = (id: Val | undefined): Buffer =>
    finishDocument(new Map<string, Plain>([['_id', id], ...given]), id)
  return {
    replacement: true,
    apply: doc => replace(get(docVal(doc), '_id')),
    insert: ({ equalities }) => {
      const ids = equalities.filter(([path]) => path === '_id')
      return replace(get(documentOf(ids), '_id'))
    }
  }
}

/** Makes the document that an upsert starts from. */
function documentOf (equalities: Filter['equalities']): Val {
  const places = equalities.map(([path, value]) => ({ parts: partsOf(path), change: () => value }))
  return docVal(build(changed(EMPTY, grow(places, 54), true) as Map<string, Plain>))
}

function placesOf (operator: string, operands: Val): Place[] {
  const read = operatorNamed(operator)
  if (!operands.isObject) {
    const found = `we found type ${operands.typeName} instead`
    throw new MongoError(9, `Modifiers operate on fields but ${found}: ${operator}`)
  }
  return fields(operands).map(([path, operand]) => ({ parts: partsOf(path), change: read(operand, path) }))
}

function partsOf (path: string): string[] {
  const parts = path.split('.')
  if (parts.includes('')) {
    throw new MongoError(56, `The update path '${path}' contains an empty field name, which is not allowed.`)
  }
  if (parts.length > MAX_PATH_PARTS) {
    const start = path.slice(0, 100)
    throw new MongoError(15, `The update path '${start}...' has more than ${MAX_PATH_PARTS} levels`)
  }
  const dollar = parts.find(part => part.startsWith('$'))
  if (dollar === undefined) return parts
  const isPositional = dollar === '$' || dollar.startsWith('$[')
  if (isPositional) throw notImplemented(`the positional operator in '${path}'`)
  throw new MongoError(52, `The dollar ($) prefixed field '${dollar}' in '${path}' is not valid for storage.`)
}

/**
 * Arranges places as a tree, sorted as MongoDB adds new fields: names by their text, numeric names by number
 * (MongoDB manual, Update Operators Behavior).
 *
 * @param conflict the error code if a path leads to or through another one
 */
function grow (places: Place[], conflict: number): Tree {
  const groups = new Map<string, Place[]>()
  for (const { parts: [name = '', ...rest], change } of places) {
    const group = groups.get(name) ?? []
    group.push({ parts: rest, change })
    groups.set(name, group)
  }
  const tree: Tree = new Map()
  for (const [name, group] of [...groups].sort(([a], [b]) => compareNames(a, b))) {
    const end = group.find(({ parts }) => parts.length === 0)
    if (end !== undefined && group.length > 1) {
      const what = 'Two values for one path, or for one inside the other, conflict'
      throw new MongoError(conflict, `${what} at '${name}'`)
    }
    tree.set(name, end?.change ?? grow(group, conflict))
  }
  return tree
}

function compareNames (a: string, b: string): number {
  if (isIndex(a) && isIndex(b)) return Number(a) - Number(b)
  return Buffer.from(a).compare(Buffer.from(b))
}

/**
 * Returns the value with its changes. A missing document is made if a change gives it a field.
 *
 * @param name names the value in error messages
 * @throws MongoError PathNotViable (28)
 */
function changed (value: Val | undefined, tree: Tree, inserting: boolean, name = ''): Plain {
  if (value?.isArray === true) return changedArray(value, tree, inserting, name)
  if (value === undefined || value.isObject) return changedDocument(value, tree, inserting)
  for (const [part, branch] of tree) {
    const isChanged = after(undefined, branch, inserting, part) !== undefined
    if (isChanged) throw notViable(value, part, name)
  }
  return value
}

function changedDocument (value: Val | undefined, tree: Tree, inserting: boolean): Plain {
  const doc = new Map<string, Val | Plain>(value === undefined ? [] : fields(value))
  for (const [part, branch] of tree) {
    const current = doc.get(part) as Val | undefined
    const result = after(current, branch, inserting, part)
    if (result !== current) doc.set(part, result)
  }
  return value === undefined && doc.size === 0 ? undefined : doc
}

function changedArray (array: Val, tree: Tree, inserting: boolean, name: string): Plain {
  const items: Plain[] = values(array)
  for (const [part, branch] of tree) {
    const position = isIndex(part) ? Number(part) : -1
    const current = items[position] as Val | undefined
    const result = after(current, branch, inserting, part)
    if (result === current) continue
    if (position < 0) throw notViable(array, part, name)
    if (position > items.length) throw notImplemented(`filling the array '${name}' up to position ${part}`)
    items[position] = result ?? toVal(null) // an array keeps the places of its items
  }
  return items
}

/** The value of a field or an element after its change. */
function after (current: Val | undefined, branch: Tree | Change, inserting: boolean, part: string): Plain {
  return typeof branch === 'function' ? branch(current, inserting) : changed(current, branch, inserting, part)
}

function notViable (value: Val, part: string, name: string): MongoError {
  return new MongoError(28, `Cannot create field '${part}' in element {${name}: ${show(value)}}`)
}
