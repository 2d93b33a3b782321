import { field, values } from './bson.js'
import type { Val } from './bson-value.js'

/** A dotted path, split at its dots: as text and as bytes. */
export interface Path {
  text: string
  parts: string[]
  names: Buffer[]
}

/** One field of an index or of a sort. */
export interface KeyPart {
  path: Path
  descending: boolean
}

/** Gets a value, undefined for a missing one. */
export type Test = (value: Val | undefined) => boolean

/** Whether a part of a path can be a position in an array. */
export const isIndex = (part = ''): boolean => /^(0|[1-9][0-9]*)$/.test(part)

export function parsePath (text: string): Path {
  const parts = text.split('.')
  return { text, parts, names: parts.map(part => Buffer.from(part)) }
}

/** Reads the pattern of an index or a sort. */
export function keyParts (pattern: Array<[path: string, direction: number]>): KeyPart[] {
  return pattern.map(([path, direction]) => ({ path: parsePath(path), descending: direction < 0 }))
}

/** Whether a path can be indexed and sorted by: no empty part, no part that begins with a dollar sign. */
export function isPlainPath (path: string): boolean {
  return path.split('.').every(part => part !== '' && !part.startsWith('$'))
}

/**
 * Emits every value that the path reaches, as MongoDB's matcher does (BSONElementIterator). On the way
 * through an array these are the documents in it and the element at a numeric part; at the end of the path
 * the elements of an array, then the array itself. A missing value is emitted as undefined.
 *
 * @param emit stops the walk by returning true
 * @param whole whether an array at the end is emitted itself too
 * @param at the next part of the path
 * @returns whether `emit` stopped the walk
 */
export function walk (value: Val | undefined, path: Path, emit: Test, whole = true, at = 0): boolean {
  if (value?.isArray === true) return walkArray(value, path, emit, whole, at)
  if (value === undefined || at === path.names.length) return emit(value)
  const child = value.isObject ? field(value, path.names[at] as Buffer) : undefined
  return walk(child, path, emit, whole, at + 1)
}

function walkArray (array: Val, path: Path, emit: Test, whole: boolean, at: number): boolean {
  const left = path.names.length - at
  const items = values(array)
  if (left === 0) return items.some(emit) || (whole && emit(array))
  if (items.some(item => item.isObject && walk(item, path, emit, whole, at))) return true
  const part = path.parts[at]
  const item = isIndex(part) ? items[Number(part)] : undefined
  if (item === undefined) return false
  if (left === 1) return emit(item)
  return (item.isObject || item.isArray) && walk(item, path, emit, whole, at + 1)
}
