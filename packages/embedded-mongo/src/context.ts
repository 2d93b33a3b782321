import { fields, show } from './bson.js'
import { type Plain, T, type Val } from './bson-value.js'
import type { Collection } from './collection.js'
import type { Cursors } from './cursors.js'
import { MongoError } from './errors.js'
import type { Options } from './options.js'
import { type KeyPart, isPlainPath, keyParts } from './path.js'
import type { Store } from './store.js'
import type { Turn } from './turn.js'

/** One command in progress. */
export interface Context {
  store: Store
  cursors: Cursors
  /** The number of the connection. */
  connection: number
  command: string
  db: string
  /** The value of the command's first field, which names a collection in most commands. */
  target: Val
  turn: Turn
}

export type Handler = (context: Context, options: Options) => Plain | Promise<Plain>

/** MongoDB's limit of a namespace, in bytes (MongoDB manual, MongoDB Limits and Thresholds). */
const MAX_NAMESPACE = 255

/**
 * Returns the command's namespace: database, dot, collection.
 *
 * @throws MongoError InvalidNamespace (73)
 */
export function namespaceOf ({ store, command, target, db }: Context): string {
  const name = target.type === T.string ? target.string : ''
  const ns = `${db}.${name}`
  if (store.catalog.collections.has(ns) || isValidNamespace(ns, name)) return ns
  throw new MongoError(73, `Invalid namespace specified '${ns}' for ${command}`)
}

function isValidNamespace (ns: string, name: string): boolean {
  return name !== '' && !name.startsWith('.') && !name.startsWith('system.') && !/[$\0]/.test(name) &&
    Buffer.byteLength(ns) <= MAX_NAMESPACE
}

/** @throws MongoError InvalidNamespace (73) */
export function findCollection (context: Context): Collection | undefined {
  return context.store.catalog.collections.get(namespaceOf(context))
}

/** @throws MongoError NamespaceNotFound (26), InvalidNamespace (73) */
export function existing (context: Context): Collection {
  const collection = findCollection(context)
  if (collection === undefined) throw new MongoError(26, `ns does not exist: ${namespaceOf(context)}`)
  return collection
}

/**
 * Reads a sort document: paths with 1 or -1.
 *
 * @throws MongoError BadValue (2) or 15975
 */
export function compileSort (sort: Val): KeyPart[] {
  const given = fields(sort)
  for (const [path, direction] of given) {
    if (!isPlainPath(path)) {
      const what = 'Illegal key in $sort specification, or not supported by the embedded server'
      throw new MongoError(2, `${what}: ${path}`)
    }
    const isDirection = direction.isNumber && Math.abs(direction.number) === 1
    if (!isDirection) {
      const rule = '$sort key ordering must be 1 (for ascending) or -1 (for descending)'
      throw new MongoError(15975, `${rule}, not ${show(direction)}: ${path}`)
    }
  }
  return keyParts(given.map(([path, { number }]) => [path, number]))
}
