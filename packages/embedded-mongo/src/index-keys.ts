import { field, values } from './bson.js'
import { Val } from './bson-value.js'
import { MongoError } from './errors.js'
import { KeyWriter, RANK } from './keystring.js'
import { type KeyPart, isIndex } from './path.js'

/** What a part of a key is made of; undefined stands for a missing value. */
type Slot = Val | Buffer | undefined

/**
 * Longest key of an index, in bytes. With prefix and record number it fits into LMDB's longest key of 1,978
 * bytes.
 */
const MAX_KEY = 1900

/** The element that an empty array is indexed as. */
export const EMPTY_ARRAY = Buffer.from([RANK.emptyArray])

const writer = new KeyWriter()

/** Sorts keys and leaves out repeated ones. */
export function distinct (keys: Buffer[]): Buffer[] {
  if (keys.length < 2) return keys
  return keys.sort(Buffer.compare).filter((key, i) => keys[i - 1]?.equals(key) !== true)
}

/**
 * Makes the keys of a document in an index.
 *
 * @param multikey gets true for each part that met an array
 * @throws MongoError KeyTooLong (17280), CannotIndexParallelArrays (171) for two arrays side by side, or
 *   BadValue (2) for types that have no order here
 */
export function keysOf (parts: KeyPart[], doc: Val, multikey?: boolean[]): Buffer[] {
  const keys = allKeys(parts, doc, multikey)
  if (keys.every(({ length }) => length <= MAX_KEY)) return keys
  const paths = parts.map(({ path }) => path.text).join(', ')
  throw new MongoError(17280, `key too large to index, the embedded server allows ${MAX_KEY} bytes: ${paths}`)
}

/** Makes the key by which a sort compares a document: the one that comes first in the sort's order. */
export const sortKey = (parts: KeyPart[], doc: Val): Buffer => allKeys(parts, doc)[0] as Buffer

/** Finds the values that made this key of the document; missing values are undefined. */
export function slotsOf (parts: KeyPart[], doc: Val, key: Buffer): Array<Val | undefined> {
  const row = rowsOf(parts, doc, undefined).find(row => assemble(parts, row).equals(key)) ?? []
  return row.map(slot => slot instanceof Val ? slot : undefined)
}

function allKeys (parts: KeyPart[], doc: Val, multikey?: boolean[]): Buffer[] {
  return distinct(rowsOf(parts, doc, multikey).map(row => assemble(parts, row)))
}

function assemble (parts: KeyPart[], row: Slot[]): Buffer {
  writer.reset()
  for (let i = 0; i < parts.length; i++) writer.value(row[i], parts[i]?.descending)
  return writer.take()
}

/** Marks a part of a key whose value has been found. */
const FOUND = -1

/** How far the parts of a key have been resolved. */
interface Progress {
  /** For each part the next component of its path, or FOUND. */
  positions: number[]
  row: Slot[]
}

/**
 * Collects the values of each key of a document: one key for each element where a path meets an array. Paths
 * that meet the same array are resolved together for each element (MongoDB source, BtreeKeyGenerator).
 *
 * @throws MongoError CannotIndexParallelArrays (171), without `multikey` BadValue (2), for two arrays side by
 *   side
 */
function rowsOf (parts: KeyPart[], doc: Val, multikey: boolean[] | undefined): Slot[][] {
  return extendRows(parts, doc, multikey, { positions: parts.map(() => 0), row: parts.map(() => undefined) })
}

function extendRows (
  parts: KeyPart[], doc: Val, multikey: boolean[] | undefined, progress: Progress
): Slot[][] {
  const array = resolveDocument(parts, doc, multikey, progress)
  if (array === undefined) return [progress.row]
  const items = values(array)
  if (items.length === 0) return [resolveElement(parts, progress, EMPTY_ARRAY).row]
  return items.flatMap(item => {
    const filled = resolveElement(parts, progress, item)
    return item.isObject ? extendRows(parts, item, multikey, filled) : [filled.row]
  })
}

/**
 * Follows every open path into a document, up to its value or to an array.
 *
 * @returns the array that paths have met, undefined if all values were found
 */
function resolveDocument (
  parts: KeyPart[], doc: Val, multikey: boolean[] | undefined, { positions, row }: Progress
): Val | undefined {
  let array: Val | undefined
  for (let i = 0; i < parts.length; i++) {
    const { names, parts: components, text } = (parts[i] as KeyPart).path
    let position = positions[i] as number
    if (position === FOUND) continue
    let value = field(doc, names[position] as Buffer)
    position++
    while (value?.isObject === true && position < names.length) {
      value = field(value, names[position] as Buffer)
      position++
    }
    if (value?.isArray !== true) {
      positions[i] = FOUND
      if (position === names.length) row[i] = value
      continue
    }
    if (array !== undefined && array.start !== value.start) {
      throw new MongoError(multikey === undefined ? 2 : 171, `parallel arrays: ${text}`)
    }
    if (isIndex(components[position])) throw arrayPosition(text)
    positions[i] = position
    array = value
    if (multikey !== undefined) multikey[i] = true
  }
  return array
}

function arrayPosition (path: string): MongoError {
  const what = 'an array position in an index or a sort'
  return new MongoError(2, `${what} is not supported by the embedded server: ${path}`)
}

/** The progress for one element of an array: it is the value of the paths that end at the array. */
function resolveElement (parts: KeyPart[], { positions, row }: Progress, element: Val | Buffer): Progress {
  const ends = parts.map(({ path }, i) => positions[i] === path.names.length)
  return {
    positions: positions.map((position, i) => ends[i] === true ? FOUND : position),
    row: row.map((slot, i) => ends[i] === true ? element : slot)
  }
}
