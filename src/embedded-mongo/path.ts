import { T, type Val, field, values } from './bson.js'

/** A dotted path, cut at its dots; `digits` tells which parts can be positions in an array. */
export interface Path { text: string, parts: string[], names: Buffer[], digits: boolean[] }

export const isIndex = (part: string): boolean => /^(0|[1-9][0-9]*)$/.test(part)

export function parsePath (text: string): Path {
  const parts = text.split('.')
  return { text, parts, names: parts.map(part => Buffer.from(part)), digits: parts.map(isIndex) }
}

type Emit = (value: Val | undefined) => boolean

/**
 * Hands over every value that the path reaches, as MongoDB's matcher does (BSONElementIterator): on the way through an array the documents in it and the element
 * at a numeric part; of an array at the end the elements, then (`whole`) the array itself. `undefined` is missing. Stops with true when `emit` returns true.
 */
export function walk (doc: Val, path: Path, emit: Emit, whole = true, from = 0): boolean {
  let current = doc
  for (let i = from; ; i++) {
    const next = field(current, path.names[i] as Buffer)
    if (next?.type === T.array) return walkArray(next, path, emit, whole, i + 1)
    if (next === undefined || i + 1 === path.names.length) return emit(next)
    if (!next.isObject) return emit(undefined)
    current = next
  }
}

function walkArray (array: Val, path: Path, emit: Emit, whole: boolean, from: number): boolean {
  const items = values(array)
  const last = path.names.length - 1
  if (from > last) return items.some(item => emit(item)) || (whole && emit(array))
  if (items.some(item => item.isObject && walk(item, path, emit, whole, from))) return true
  const item = path.digits[from] === true ? items[Number(path.parts[from])] : undefined
  if (item === undefined) return false
  if (from === last) return emit(item)
  return item.isObject ? walk(item, path, emit, whole, from + 1) : item.isArray && walkArray(item, path, emit, whole, from + 1)
}
