import { MongoError, notImplemented } from './errors.js'
import { type Field, T, Val, get, values } from './bson.js'

/** What an option may be. `ignored` can't change an answer here; `refused` is what only MongoDB has. */
export type Kind = 'any' | 'object' | 'array' | 'string' | 'bool' | 'count' | 'integer' | 'hint' | 'ignored' | 'refused'
export type Spec = Readonly<Record<string, Kind>>

/** Options of every command. */
export const COMMON: Spec = {
  $db: 'ignored', lsid: 'ignored', $clusterTime: 'ignored', $readPreference: 'ignored', comment: 'ignored', readConcern: 'object', writeConcern: 'object', maxTimeMS: 'count', apiVersion: 'ignored', apiDeprecationErrors: 'ignored'
}

export const EMPTY = new Val(T.object, Buffer.from([5, 0, 0, 0, 0]), 0, 5)

const fits: Record<Kind, (value: Val) => boolean> = {
  any: () => true,
  ignored: () => true,
  refused: () => true,
  object: value => value.isObject,
  array: value => value.isArray,
  string: value => value.type === T.string,
  bool: value => value.type === T.bool || value.isNumber,
  count: value => value.isNumber,
  integer: value => value.isNumber,
  hint: value => value.type === T.string || value.isObject
}

/** The options of a command or of one of its statements, checked against what it takes. */
export class Options {
  private readonly found = new Map<string, Val>()

  /**
   * Throws IDLUnknownField (40415) for what nobody knows, NotImplemented (238) for what is refused, TypeMismatch (14), and 51024 for a number below zero.
   * @param where name of the command or statement, for messages
   * @param sequences lists that were sent beside the body
   */
  constructor (private readonly where: string, given: Field[], takes: Spec, private readonly sequences: Map<string, Val[]> = new Map()) {
    for (const name of sequences.keys()) if (takes[name] !== 'array') throw this.unknown(name)
    for (const [name, value] of given) {
      const kind = Object.hasOwn(takes, name) ? takes[name] : undefined
      if (kind === undefined) throw this.unknown(name)
      if (kind === 'ignored' || value.type === T.null || value.type === T.undefined) continue
      this.check(name, value, kind)
      this.found.set(name, value)
    }
  }

  val (name: string): Val | undefined { return this.found.get(name) }
  bool (name: string): boolean { return this.found.get(name)?.truthy === true }
  number (name: string): number | undefined { return this.found.get(name)?.number }
  /** A document; without it an empty one. */
  doc (name: string): Val { return this.found.get(name) ?? EMPTY }
  /** A field of an option that is a document. */
  inner (name: string, field: string): Val | undefined { return get(this.found.get(name), field) }

  list (name: string): Val[] | undefined {
    const value = this.found.get(name)
    return this.sequences.get(name) ?? (value === undefined ? undefined : values(value))
  }

  required<R> (name: string, value: R | undefined): R {
    if (value === undefined) throw new MongoError(40414, `BSON field '${this.where}.${name}' is missing but a required field`)
    return value
  }

  private unknown (name: string): MongoError { return new MongoError(40415, `BSON field '${this.where}.${name}' is an unknown field.`) }

  private check (name: string, value: Val, kind: Kind): void {
    if (!fits[kind](value)) throw new MongoError(14, `BSON field '${this.where}.${name}' is the wrong type '${value.typeName}', expected type '${kind}'`)
    if (kind === 'refused' && value.truthy) throw notImplemented(`'${name}'`)
    if (kind !== 'count' && kind !== 'integer') return
    if (!Number.isInteger(value.number)) throw new MongoError(2, `BSON field '${name}' must be a whole number, actual value '${value.number}'`)
    if (kind === 'count' && value.number < 0) throw new MongoError(51024, `BSON field '${name}' value must be >= 0, actual value '${value.number}'`)
  }
}
