import { createHash } from 'node:crypto'
import { MongoError } from './errors.js'
import { type Field, T, Val, field, values } from './bson.js'
import { type Path, parsePath } from './path.js'
import { KeyWriter, RANK } from './keystring.js'

/** The fields of an index or a sort, in order. */
export interface KeyPart { path: Path, descending: boolean }

/** LMDB takes keys of 1,978 bytes: a longer one keeps this much, and a hash stands for all of it. */
export const MAX_KEY = 1900

const writer = new KeyWriter()
const EMPTY = 'empty array'
type Slot = Val | undefined | typeof EMPTY

export interface Keys {
  /** Without prefix and record number, each once. */
  keys: Buffer[]
  /** Which parts met an array. */
  multikey: boolean[]
  /** Whether a key was too long, so that its order is that of its first bytes only. */
  cut: boolean
}

export function keyParts (pattern: Field[]): KeyPart[] { return pattern.map(([path, direction]) => ({ path: parsePath(path), descending: direction.number < 0 })) }

/**
 * The keys of a document: one for each element where a path meets an array, elements of one array going together, as MongoDB's BtreeKeyGenerator does.
 * Throws CannotIndexParallelArrays (171) for two arrays side by side and BadValue (2) for types without an order here.
 */
export function keysOf (parts: KeyPart[], doc: Val): Keys {
  const only = keyWithoutArrays(parts, doc)
  if (only !== undefined && only.length <= MAX_KEY) return { keys: [only], multikey: NO_ARRAYS, cut: false }
  const multikey = parts.map(() => false)
  const long = rowsOf(parts, doc, multikey).map(row => assemble(parts, row))
  const keys = long.map(key => key.length <= MAX_KEY ? key : Buffer.concat([key.subarray(0, MAX_KEY), createHash('sha256').update(key).digest()]))
  const once = keys.length === 1 ? keys : [...new Map(keys.map(key => [key.toString('latin1'), key])).values()]
  return { keys: once, multikey, cut: long.some(key => key.length > MAX_KEY) }
}

const NO_ARRAYS: boolean[] = []

/** The short way, for most documents: undefined as soon as an array is met. */
function keyWithoutArrays (parts: KeyPart[], doc: Val): Buffer | undefined {
  writer.reset()
  for (const { path: { names }, descending } of parts) {
    let value: Val | undefined = doc
    for (let i = 0; value !== undefined && i < names.length; i++) {
      value = value.isObject ? field(value, names[i] as Buffer) : undefined
      if (value?.isArray === true) return undefined
    }
    writer.value(value, descending)
  }
  return writer.take()
}

/** The values of each key. */
function rowsOf (parts: KeyPart[], doc: Val, multikey: boolean[]): Slot[][] {
  const out: Slot[][] = []
  expand(parts, doc, parts.map(() => 0), parts.map(() => undefined), multikey, out)
  return out
}

/** `at`: for each part the next component of its path, or -1 where its value is found. */
function expand (parts: KeyPart[], doc: Val, at: number[], row: Slot[], multikey: boolean[], out: Slot[][]): void {
  let array: Val | undefined
  const inArray: number[] = []
  for (const [i, { path }] of parts.entries()) {
    for (let current = doc, position = at[i] as number; position >= 0;) {
      const next = field(current, path.names[position++] as Buffer)
      at[i] = position
      if (next?.type === T.array) {
        if (array !== undefined && array.start !== next.start) throw new MongoError(171, `cannot index parallel arrays [${path.text}] [${parts[inArray[0] as number]?.path.text ?? ''}]`)
        array = next
        inArray.push(i)
        break
      }
      const ended = position === path.names.length
      if (next?.isObject === true && !ended) current = next
      else {
        row[i] = ended ? next : undefined
        position = at[i] = -1
      }
    }
  }
  if (array === undefined) out.push(row)
  else expandArray(parts, array, inArray, at, row, multikey, out)
}

function expandArray (parts: KeyPart[], array: Val, inArray: number[], at: number[], row: Slot[], multikey: boolean[], out: Slot[][]): void {
  for (const i of inArray) {
    multikey[i] = true
    const { path } = parts[i] as KeyPart
    if (path.digits[at[i] as number] === true) throw new MongoError(2, `the position of an array element in an index or a sort is not supported by the embedded server: ${path.text}`)
  }
  const items: Array<Val | typeof EMPTY> = values(array)
  if (items.length === 0) items.push(EMPTY)
  for (const item of items) {
    const nextAt = [...at]
    const nextRow = [...row]
    for (const i of inArray) {
      const ended = at[i] === parts[i]?.path.names.length
      if (ended) nextRow[i] = item
      if (ended || item === EMPTY || !item.isObject) nextAt[i] = -1
    }
    if (item === EMPTY) out.push(nextRow)
    else expand(parts, item, nextAt, nextRow, multikey, out)
  }
}

function assemble (parts: KeyPart[], row: Slot[]): Buffer {
  writer.reset()
  for (const [i, { descending }] of parts.entries()) {
    const slot = row[i]
    if (slot === EMPTY) writer.byte(descending ? 255 - RANK.emptyArray : RANK.emptyArray)
    else writer.value(slot, descending)
  }
  return writer.take()
}

/** The values that made this key of the document; missing ones are undefined. */
export function slotsOf (parts: KeyPart[], doc: Val, key: Buffer): Array<Val | undefined> {
  const rows = rowsOf(parts, doc, [])
  return (rows.find(row => assemble(parts, row).equals(key)) ?? rows[0] ?? []).map(slot => slot === EMPTY ? undefined : slot)
}

/** What a sort compares: the document's key that comes first in the sort's order. Throws BadValue (2) for parallel arrays. */
export function sortKey (parts: KeyPart[], doc: Val): Buffer {
  try {
    return rowsOf(parts, doc, []).map(row => assemble(parts, row)).reduce((least, key) => key.compare(least) < 0 ? key : least)
  } catch (error) {
    throw error instanceof MongoError && error.code === 171 ? new MongoError(2, 'cannot sort with keys that are parallel arrays') : error
  }
}
