import { fields } from './bson.js'
import { T, type Val } from './bson-value.js'
import type { Index } from './collection.js'

export function sameKey (a: Index['key'], b: Index['key']): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/**
 * Reads an index key from a document, its directions unchanged; NaN stands for a direction that is not a
 * number.
 */
export function patternOf (key: Val): Index['key'] {
  return fields(key).map(([path, direction]) => [path, direction.isNumber ? direction.number : NaN])
}

/** Finds the index that a client means by its name or its key. */
export function findIndex (indexes: Index[], wanted: Val): Index | undefined {
  if (wanted.type === T.string) return indexes.find(({ name }) => name === wanted.string)
  if (!wanted.isObject) return undefined
  const pattern = patternOf(wanted)
  return indexes.find(({ key }) => sameKey(key, pattern))
}
