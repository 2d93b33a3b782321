import { values } from './bson.js'
import { type Field, T, Val } from './bson-value.js'
import { MongoError, notImplemented } from './errors.js'

const NUMBER: number[] = [T.double, T.int, T.long]

/**
 * What an option may be. `count` is a whole number from 0 on, `integer` any whole number, `hint` the name or
 * the key of an index. An `ignored` option cannot change an answer of this server. Only MongoDB has `refused`
 * options and those of a `transaction`.
 */
export type Kind =
  'any' | 'object' | 'array' | 'string' | 'bool' | 'count' | 'integer' | 'hint' |
  'ignored' | 'refused' | 'transaction'

/** The options of a command, or of one of its statements, by name. */
export type Spec = Readonly<Record<string, Kind>>

/** The BSON types of each kind; the kinds that are not listed take all types. */
const TYPES: Partial<Record<Kind, number[]>> = {
  object: [T.object],
  array: [T.array],
  string: [T.string],
  hint: [T.string, T.object],
  bool: [T.bool, ...NUMBER],
  count: NUMBER,
  integer: NUMBER
}

const CODE_UNKNOWN_FIELD = 40415

export const EMPTY = new Val(T.object, Buffer.from([5, 0, 0, 0, 0]), 0, 5)

/** Reads a specification that lists the option names by their kind. */
export function specOf (byKind: Partial<Record<Kind, string[]>>): Spec {
  const spec: Record<string, Kind> = {}
  for (const [kind, names] of Object.entries(byKind)) {
    for (const name of names) spec[name] = kind as Kind
  }
  return spec
}

/** The checked options of a command, or of one of its statements. */
export class Options {
  readonly #where: string
  readonly #sequences: Map<string, Val[]>
  readonly #found = new Map<string, Val>()

  /**
   * @param where names the command in error messages
   * @param sequences lists that were sent beside the body (OP_MSG, document sequences)
   * @param unknown the error code for an unknown option
   * @throws MongoError IDLUnknownField (40415) or `unknown`, NotImplemented (238) for a refused option,
   *   TypeMismatch (14), BadValue (2), or 51024 for a number below 0
   */
  constructor (
    where: string, given: Field[], takes: Spec,
    sequences = new Map<string, Val[]>(), unknown = CODE_UNKNOWN_FIELD
  ) {
    this.#where = where
    this.#sequences = sequences
    for (const name of sequences.keys()) {
      if (takes[name] !== 'array') throw this.#bad(CODE_UNKNOWN_FIELD, name, 'is an unknown field.')
    }
    for (const [name, value] of given) {
      const kind = Object.hasOwn(takes, name) ? takes[name] : undefined
      if (kind === undefined) throw this.#bad(unknown, name, 'is an unknown field.')
      const isGiven = kind !== 'ignored' && value.type !== T.null && value.type !== T.undefined
      if (!isGiven) continue
      this.#check(name, value, kind)
      this.#found.set(name, value)
    }
  }

  val (name: string): Val | undefined { return this.#found.get(name) }

  bool (name: string): boolean { return this.val(name)?.truthy === true }

  number (name: string): number | undefined { return this.val(name)?.number }

  doc (name: string): Val { return this.val(name) ?? EMPTY }

  /** @throws MongoError IDLFailedToParse (40414) if the option is missing */
  list (name: string): Val[] { return this.#sequences.get(name) ?? values(this.required(name)) }

  /**
   * Returns a list of documents.
   *
   * @throws MongoError TypeMismatch (14) for other elements, IDLFailedToParse (40414) if the option is
   *   missing
   */
  docs (name: string): Val[] {
    const list = this.list(name)
    const other = list.find(item => !item.isObject)
    if (other === undefined) return list
    throw this.#bad(14, name, `holds the wrong type '${other.typeName}', expected type 'object'`)
  }

  /** @throws MongoError IDLFailedToParse (40414) if the option is missing */
  required (name: string): Val {
    const value = this.val(name)
    if (value === undefined) throw this.#bad(40414, name, 'is missing but a required field')
    return value
  }

  #check (name: string, value: Val, kind: Kind): void {
    if (kind === 'transaction') {
      throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
    }
    if (kind === 'refused' && value.truthy) throw notImplemented(`'${name}'`)
    if (TYPES[kind]?.includes(value.type) === false) {
      throw this.#bad(14, name, `is the wrong type '${value.typeName}', expected type '${kind}'`)
    }
    if (kind !== 'count' && kind !== 'integer') return
    const { number } = value
    if (!Number.isInteger(number)) throw this.#bad(2, name, `must be a whole number, not ${number}`)
    if (kind === 'count' && number < 0) {
      throw this.#bad(51024, name, `value must be >= 0, actual value '${number}'`)
    }
  }

  #bad (code: number, name: string, why: string): MongoError {
    return new MongoError(code, `BSON field '${this.#where}.${name}' ${why}`)
  }
}
