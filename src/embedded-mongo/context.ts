import { MongoError } from './errors.js'
import { T, type Val, fields } from './bson.js'
import type { Plain } from './build.js'
import type { Collection } from './catalog.js'
import type { Cursors } from './cursors.js'
import { type KeyPart, keyParts } from './index-keys.js'
import type { Options } from './options.js'
import { Turn } from './query.js'
import type { Store } from './store.js'

/** One command under way. */
export interface Context {
  store: Store
  cursors: Cursors
  command: string
  db: string
  /** The value of the command's first field. */
  target: Val
  connection: number
  turn: Turn
}

export type Handler = (context: Context, options: Options) => Plain | Promise<Plain>

/** The collection's name that the command gives; throws InvalidNamespace (73). */
export function collectionName ({ command, target, db }: Context): string {
  if (target.type !== T.string) throw new MongoError(73, `collection name has invalid type ${target.typeName}`)
  const name = target.string
  if (name === '' || name.startsWith('.') || name.includes('$') || name.includes('\0') || name.startsWith('system.')) {
    throw new MongoError(73, `Invalid namespace specified '${db}.${name}' for ${command}`)
  }
  if (Buffer.byteLength(`${db}.${name}`) > 255) throw new MongoError(73, `Fully qualified namespace is too long: ${db}.${name}`)
  return name
}

export function checkDatabaseName (name: string): void {
  if (name === '' || Buffer.byteLength(name) > 63 || /[/\\. "$*<>:|?\0]/.test(name)) throw new MongoError(73, `Invalid database name: '${name}'`)
}

export function findCollection (context: Context): Collection | undefined {
  return context.store.catalog.get(context.db, collectionName(context))
}

/** Reads a sort document. Throws BadValue (2) for anything but 1 and -1. */
export function compileSort (sort: Val): KeyPart[] {
  const given = fields(sort)
  if (given.length > 32) throw new MongoError(13103, 'too many compound keys')
  for (const [path, direction] of given) {
    if (path === '$natural') throw new MongoError(2, 'sort by $natural is not supported by the embedded server')
    if (path === '' || path.split('.').some(part => part === '' || part.startsWith('$'))) throw new MongoError(2, `Illegal key in $sort specification: ${path}`)
    if (direction.isObject) throw new MongoError(2, `sort by an expression is not supported by the embedded server: ${path}`)
    if (!direction.isNumber || Math.abs(direction.number) !== 1) throw new MongoError(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)')
  }
  return keyParts(given)
}

/** Writes are always acknowledged after they are on the disk of this one server: more can't be promised. */
export function checkConcerns (options: Options): void {
  const w = fieldOf(options.val('writeConcern'), 'w')
  if (w?.isNumber === true && w.number > 1) throw new MongoError(2, "cannot use 'w' > 1 when a host is not replicated")
  if (w?.type === T.string && w.string !== 'majority') throw new MongoError(2, `cannot use non-majority 'w' mode '${w.string}' when a host is not a member of a replica set`)
  const level = fieldOf(options.val('readConcern'), 'level')
  if (level?.type === T.string && level.string === 'snapshot') throw new MongoError(246, 'read concern level snapshot is not supported by the embedded server')
}

function fieldOf (doc: Val | undefined, name: string): Val | undefined {
  return doc === undefined ? undefined : fields(doc).find(([other]) => other === name)?.[1]
}
