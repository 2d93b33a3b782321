import { T, Val, field, values } from './bson.js'

/** A dotted path, cut at its dots. */
export interface Path { text: string, parts: string[], names: Buffer[], digits: boolean[] }

export function parsePath (text: string): Path {
  const parts = text.split('.')
  return { text, parts, names: parts.map(part => Buffer.from(part)), digits: parts.map(isIndex) }
}

/** Whether a path's component can be a position in an array. */
export function isIndex (part: string): boolean { return /^(0|[1-9][0-9]*)$/.test(part) }

type Emit = (value: Val | undefined) => boolean

/**
 * Hands over every value that the path reaches, through arrays as MongoDB's matcher goes through them: the elements of an array at the path's end
 * and then the array itself; on the way, the documents in an array and the element at a numeric component. `undefined` stands for missing.
 * Stops with true as soon as `emit` returns true. @param whole whether an array at the end is handed over itself too
 */
export function walk (doc: Val, path: Path, emit: Emit, whole = true, from = 0): boolean {
  let current = doc
  for (let i = from; ; i++) {
    const next = field(current, path.names[i] as Buffer)
    if (next === undefined) return emit(undefined)
    if (next.type === T.array) return walkArray(next, path, emit, whole, i + 1)
    if (i + 1 === path.names.length) return emit(next)
    if (next.type !== T.object) return emit(undefined)
    current = next
  }
}

function walkArray (array: Val, path: Path, emit: Emit, whole: boolean, from: number): boolean {
  const items = values(array)
  const last = path.names.length - 1
  if (from > last) return items.some(emit) || (whole && emit(array))
  for (const item of items) if (item.isObject && walk(item, path, emit, whole, from)) return true
  const item = path.digits[from] === true ? items[Number(path.parts[from])] : undefined
  if (item === undefined) return false
  if (from === last) return emit(item)
  if (item.isObject) return walk(item, path, emit, whole, from + 1)
  return item.type === T.array && walkArray(item, path, emit, whole, from + 1)
}
