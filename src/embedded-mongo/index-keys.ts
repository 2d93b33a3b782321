import { createHash } from 'node:crypto'
import { MongoError } from './errors.js'
import { type Field, T, Val, field, values } from './bson.js'
import { type Path, parsePath } from './path.js'
import { KeyWriter, RANK } from './keystring.js'

/** The fields of an index or a sort, in order. */
export interface KeyPart { path: Path, descending: boolean }

/** LMDB takes keys of 1,978 bytes: what is longer keeps this much, and a hash stands for the rest. */
const MAX_KEY = 1900

const EMPTY = 'empty array'
type Slot = Val | undefined | typeof EMPTY

export interface Keys {
  /** Without prefix and record id; without repetition. */
  keys: Buffer[]
  /** Which parts met an array. */
  multikey: boolean[]
  /** Whether a key was too long and is cut: then its order is that of its first bytes only. */
  cut: boolean
  /** With `slots`, the values of each key. */
  slots?: Slot[][]
}

export function keyParts (pattern: Field[]): KeyPart[] {
  return pattern.map(([path, direction]) => ({ path: parsePath(path), descending: direction.number < 0 }))
}

const writer = new KeyWriter()

/**
 * The keys of a document: one for each element where a path meets an array, elements of one array going together, as MongoDB's index does.
 * Throws CannotIndexParallelArrays (171) for two arrays side by side and BadValue (2) for types without an order here.
 */
export function keysOf (parts: KeyPart[], doc: Val, slots?: Slot[][]): Keys {
  const found: Keys = { keys: [], multikey: parts.map(() => false), cut: false, slots }
  expand(parts, doc, parts.map(() => 0), parts.map(() => undefined), found)
  if (found.keys.length > 1 && found.slots === undefined) {
    const unique = new Map(found.keys.map(key => [key.toString('latin1'), key]))
    found.keys = [...unique.values()]
  }
  return found
}

/** `at`: for each part the next component of its path, or -1 where its slot holds the value already. */
function expand (parts: KeyPart[], doc: Val, at: number[], slots: Slot[], found: Keys): void {
  let array: Val | undefined
  let first = ''
  const inArray: number[] = []
  for (const [i, { path }] of parts.entries()) {
    let current = doc
    while (at[i] as number >= 0) {
      const next = field(current, path.names[at[i] as number] as Buffer)
      at[i] = at[i] as number + 1
      if (next?.type === T.array) {
        if (array !== undefined && array.start !== next.start) throw new MongoError(171, `cannot index parallel arrays [${path.text}] [${first}]`)
        array = next
        first = path.text
        inArray.push(i)
        break
      }
      const ended = at[i] === path.names.length
      if (next !== undefined && !ended && next.isObject) current = next
      else {
        slots[i] = ended ? next : undefined
        at[i] = -1
      }
    }
  }
  if (array === undefined) found.keys.push(assemble(parts, slots, found))
  else expandArray(parts, array, inArray, at, slots, found)
}

function expandArray (parts: KeyPart[], array: Val, inArray: number[], at: number[], slots: Slot[], found: Keys): void {
  for (const i of inArray) {
    found.multikey[i] = true
    const path = (parts[i] as KeyPart).path
    if (path.digits[at[i] as number] === true) throw new MongoError(2, `the position of an array element in an index or a sort is not supported by the embedded server: ${path.text}`)
  }
  const items: Array<Val | typeof EMPTY> = values(array)
  if (items.length === 0) items.push(EMPTY)
  for (const item of items) {
    const nextAt = [...at]
    const nextSlots = [...slots]
    for (const i of inArray) {
      const ended = at[i] === (parts[i] as KeyPart).path.names.length
      if (ended) nextSlots[i] = item
      if (ended || item === EMPTY || !item.isObject) nextAt[i] = -1
    }
    if (item === EMPTY || nextAt.every(position => position < 0)) found.keys.push(assemble(parts, nextSlots, found))
    else expand(parts, item, nextAt, nextSlots, found)
  }
}

function assemble (parts: KeyPart[], slots: Slot[], found: Keys): Buffer {
  found.slots?.push(slots)
  writer.reset()
  for (const [i, { descending }] of parts.entries()) {
    const slot = slots[i]
    if (slot === EMPTY) writer.byte(descending ? 255 - RANK.emptyArray : RANK.emptyArray)
    else writer.value(slot, descending)
  }
  const key = writer.take()
  if (key.length <= MAX_KEY) return key
  found.cut = true
  return Buffer.concat([key.subarray(0, MAX_KEY), createHash('sha256').update(key).digest()])
}

/** The values that made this key of the document; missing ones and empty arrays are undefined. */
export function slotsOf (parts: KeyPart[], doc: Val, key: Buffer): Array<Val | undefined> {
  const slots: Slot[][] = []
  const { keys } = keysOf(parts, doc, slots)
  return (slots[keys.findIndex(other => other.equals(key))] ?? []).map(slot => slot === EMPTY ? undefined : slot)
}

export function isCut (bound: Buffer): boolean { return bound.length > MAX_KEY }

/** A bound of an index range, cut as the keys are. */
export function cutBound (bound: Buffer): Buffer { return bound.subarray(0, MAX_KEY) }

/** What a sort compares: of the document's keys the first in the sort's order. Throws BadValue (2) for parallel arrays. */
export function sortKey (parts: KeyPart[], doc: Val): Buffer {
  try {
    return keysOf(parts, doc).keys.reduce((least, key) => key.compare(least) < 0 ? key : least)
  } catch (error) {
    if (error instanceof MongoError && error.code === 171) throw new MongoError(2, 'cannot sort with keys that are parallel arrays')
    throw error
  }
}
