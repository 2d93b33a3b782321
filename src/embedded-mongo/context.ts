import { MongoError } from './errors.js'
import { T, type Val, fields, show } from './bson.js'
import type { Plain } from './build.js'
import type { Collection } from './catalog.js'
import type { Cursors } from './cursors.js'
import { type KeyPart, keyParts } from './index-keys.js'
import type { Options } from './options.js'
import type { Turn } from './query.js'
import type { Store } from './store.js'

/** One command under way; `target` is the value of its first field. */
export interface Context { store: Store, cursors: Cursors, command: string, db: string, target: Val, connection: number, turn: Turn }

export type Handler = (context: Context, options: Options) => Plain | Promise<Plain>

/** The collection's name that the command gives; throws InvalidNamespace (73). */
export function collectionName ({ command, target, db }: Context): string {
  if (target.type !== T.string) throw new MongoError(73, `collection name has invalid type ${target.typeName}`)
  const name = target.string
  if (/^$|^\.|[$\0]|^system\./.test(name) || Buffer.byteLength(`${db}.${name}`) > 255) throw new MongoError(73, `Invalid namespace specified '${db}.${name}' for ${command}`)
  return name
}

export function findCollection (context: Context): Collection | undefined { return context.store.catalog.get(context.db, collectionName(context)) }

/** Reads a sort document: paths with 1 or -1. Throws BadValue (2) or 15975. */
export function compileSort (sort: Val): KeyPart[] {
  const given = fields(sort)
  for (const [path, direction] of given) {
    if (path.split('.').some(part => part === '' || part.startsWith('$'))) throw new MongoError(2, `Illegal key in $sort specification, or not supported by the embedded server: ${path}`)
    if (!direction.isNumber || Math.abs(direction.number) !== 1) throw new MongoError(15975, `$sort key ordering must be 1 (for ascending) or -1 (for descending), not ${show(direction)}: ${path}`)
  }
  return keyParts(given)
}

/** A write is answered when it is on the disk of this one server: more can't be promised. */
export function checkConcerns (options: Options): void {
  const w = options.inner('writeConcern', 'w')
  if (w?.isNumber === true && w.number > 1) throw new MongoError(2, "cannot use 'w' > 1 when a host is not replicated")
  if (w?.type === T.string && w.string !== 'majority') throw new MongoError(2, `cannot use non-majority 'w' mode '${w.string}' when a host is not a member of a replica set`)
  const level = options.inner('readConcern', 'level')
  if (level?.type === T.string && level.string === 'snapshot') throw new MongoError(246, 'read concern level snapshot is not supported by the embedded server')
}
