import { MongoError, notImplemented } from './errors.js'
import { T, Val, fields, values } from './bson.js'

/** What an option may be. `ignored`: accepted, since it can't change an answer here. `refused`: MongoDB has it, this server has not. */
export type Kind = 'any' | 'object' | 'array' | 'string' | 'bool' | 'count' | 'integer' | 'hint' | 'ignored' | 'refused'

export type Spec = Readonly<Record<string, Kind>>

/** Options of every command. */
const COMMON: Spec = {
  $db: 'ignored',
  lsid: 'ignored',
  $clusterTime: 'ignored',
  $readPreference: 'ignored',
  comment: 'ignored',
  readConcern: 'object',
  writeConcern: 'object',
  maxTimeMS: 'count',
  apiVersion: 'ignored',
  apiDeprecationErrors: 'ignored'
}

/** The options of a command or of one of its statements, checked against what it takes. */
export class Options {
  private readonly found = new Map<string, Val>()
  private readonly lists = new Map<string, Val[]>()

  /**
   * Throws IDLUnknownField (40415) for what neither MongoDB nor this server knows, NotImplemented (238) for what only MongoDB knows, TypeMismatch (14) for a
   * wrong type, IllegalOperation (20) for transactions.
   * @param where name of the command or statement, for messages
   * @param sequences lists that were sent beside the body
   */
  constructor (where: string, body: Val, spec: Spec, common: boolean, sequences?: Map<string, Val[]>) {
    for (const [name, list] of sequences ?? []) {
      if (spec[name] !== 'array') throw new MongoError(40415, `BSON field '${where}.${name}' is an unknown field.`)
      this.lists.set(name, list)
      this.found.set(name, EMPTY)
    }
    for (const [name, value] of fields(body)) {
      if (common && (name === 'txnNumber' || name === 'startTransaction' || name === 'autocommit')) {
        throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
      }
      const kind = Object.hasOwn(spec, name) ? spec[name] : common && Object.hasOwn(COMMON, name) ? COMMON[name] : undefined
      if (kind === undefined) throw new MongoError(40415, `BSON field '${where}.${name}' is an unknown field.`)
      if (kind === 'ignored' || value.type === T.null || value.type === T.undefined) continue
      check(`${where}.${name}`, name, value, kind)
      this.found.set(name, value)
    }
  }

  val (name: string): Val | undefined { return this.found.get(name) }
  bool (name: string): boolean { return this.found.get(name)?.truthy === true }
  number (name: string): number | undefined { return this.found.get(name)?.number }
  list (name: string): Val[] | undefined {
    const value = this.found.get(name)
    return this.lists.get(name) ?? (value === undefined ? undefined : values(value))
  }

  /** A document; without it an empty one. */
  doc (name: string): Val { return this.found.get(name) ?? EMPTY }

  required (name: string, where: string): Val {
    const value = this.found.get(name)
    if (value === undefined) throw new MongoError(40414, `BSON field '${where}.${name}' is missing but a required field`)
    return value
  }
}

export const EMPTY = new Val(T.object, Buffer.from([5, 0, 0, 0, 0]), 0, 5)

function check (where: string, name: string, value: Val, kind: Kind): void {
  const wrong = (expected: string): MongoError => new MongoError(14, `BSON field '${where}' is the wrong type '${value.typeName}', expected type '${expected}'`)
  switch (kind) {
    case 'refused':
      if (value.truthy) throw notImplemented(`'${name}'`)
      return
    case 'object': if (!value.isObject) throw wrong('object')
      return
    case 'array': if (value.type !== T.array) throw wrong('array')
      return
    case 'string': if (value.type !== T.string) throw wrong('string')
      return
    case 'bool': if (value.type !== T.bool && !value.isNumber) throw wrong('bool')
      return
    case 'hint': if (value.type !== T.string && !value.isObject) throw new MongoError(9, 'Hint must be a string or an object')
      return
    case 'count': case 'integer':
      if (!value.isNumber) throw wrong('long')
      if (!Number.isInteger(value.number)) throw new MongoError(2, `BSON field '${where}' must be a whole number, actual value '${value.number}'`)
      if (kind === 'count' && value.number < 0) throw new MongoError(51024, `BSON field '${name}' value must be >= 0, actual value '${value.number}'`)
  }
}
