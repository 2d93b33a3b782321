import { MongoError, notImplemented } from './errors.js'
import { type Field, type Plain, T, Val, fields, show, values } from './bson.js'
import type { Collection } from './catalog.js'
import { type KeyPart, keyParts } from './index-keys.js'
import type { Turn } from './query.js'
import type { Cursors } from './reads.js'
import type { Store } from './store.js'

/** One command under way; `target` is the value of its first field. */
export interface Context { store: Store, cursors: Cursors, command: string, db: string, target: Val, connection: number, turn: Turn }
export type Handler = (context: Context, options: Options) => Plain | Promise<Plain>
const NUMBER: number[] = [T.double, T.int, T.long]
const TYPES: Partial<Record<Kind, number[]>> = {
  object: [T.object], array: [T.array], string: [T.string], hint: [T.string, T.object], bool: [T.bool, ...NUMBER], count: NUMBER, integer: NUMBER
}

/** What an option may be. `ignored` can't change an answer here; `refused`, and options of a `transaction`, are what only MongoDB has. */
export type Kind = 'any' | 'object' | 'array' | 'string' | 'bool' | 'count' | 'integer' | 'hint' | 'ignored' | 'refused' | 'transaction'
export type Spec = Readonly<Record<string, Kind>>
/** Reads `kind name name; kind name`. */
export const specOf = (text: string): Spec => Object.fromEntries(text.split('; ').flatMap(part => {
  const [kind, ...names] = part.split(' ')
  return names.map(name => [name, kind as Kind])
}))
export const EMPTY = new Val(T.object, Buffer.from([5, 0, 0, 0, 0]), 0, 5)
/** The options of a command or of one of its statements; `sequences` are lists that were sent beside the body, `where` is a name for messages. */
export class Options {
  private readonly found = new Map<string, Val>()
  /** Throws IDLUnknownField (40415) or `unknown`, NotImplemented (238) for what is refused, TypeMismatch (14), 51024 for a number below zero. */
  constructor (private readonly where: string, given: Field[], takes: Spec, private readonly sequences: Map<string, Val[]> = new Map(), unknown = 40415) {
    const bad = (code: number, name: string, why: string): MongoError => new MongoError(code, `BSON field '${where}.${name}' ${why}`)
    for (const name of sequences.keys()) if (takes[name] !== 'array') throw bad(40415, name, 'is an unknown field.')
    for (const [name, value] of given) {
      const kind = Object.hasOwn(takes, name) ? takes[name] : undefined
      if (kind === undefined) throw bad(unknown, name, 'is an unknown field.')
      if (kind === 'ignored' || value.type === T.null || value.type === T.undefined) continue
      if (kind === 'transaction') throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
      if (kind === 'refused' && value.truthy) throw notImplemented(`'${name}'`)
      if (TYPES[kind]?.includes(value.type) === false) throw bad(14, name, `is the wrong type '${value.typeName}', expected type '${kind}'`)
      if ((kind === 'count' || kind === 'integer') && !Number.isInteger(value.number)) throw bad(2, name, `must be a whole number, not ${value.number}`)
      if (kind === 'count' && value.number < 0) throw bad(51024, name, `value must be >= 0, actual value '${value.number}'`)
      this.found.set(name, value)
    }
  }

  val (name: string): Val | undefined { return this.found.get(name) }
  bool (name: string): boolean { return this.val(name)?.truthy === true }
  number (name: string): number | undefined { return this.val(name)?.number }
  doc (name: string): Val { return this.val(name) ?? EMPTY }
  list (name: string): Val[] { return this.sequences.get(name) ?? values(this.required(name)) }
  /** A list of documents. Throws TypeMismatch (14). */
  docs (name: string): Val[] {
    const list = this.list(name)
    const odd = list.find(item => !item.isObject)
    if (odd === undefined) return list
    throw new MongoError(14, `BSON field '${this.where}.${name}' holds the wrong type '${odd.typeName}', expected type 'object'`)
  }

  required (name: string): Val {
    const value = this.val(name)
    if (value !== undefined) return value
    throw new MongoError(40414, `BSON field '${this.where}.${name}' is missing but a required field`)
  }
}

/** The namespace that the command gives: database, dot, collection. Throws InvalidNamespace (73). */
export function namespaceOf ({ store, command, target, db }: Context): string {
  const name = target.type === T.string ? target.string : ''
  const ns = `${db}.${name}`
  if (store.catalog.collections.has(ns) || !(/^$|^\.|[$\0]|^system\./.test(name) || Buffer.byteLength(ns) > 255)) return ns
  throw new MongoError(73, `Invalid namespace specified '${ns}' for ${command}`)
}
export const findCollection = (context: Context): Collection | undefined => context.store.catalog.collections.get(namespaceOf(context))
/** Reads a sort document: paths with 1 or -1. Throws BadValue (2) or 15975. */
export function compileSort (sort: Val): KeyPart[] {
  const given = fields(sort)
  for (const [path, direction] of given) {
    if (/(^|\.)(\$|\.|$)/.test(path)) throw new MongoError(2, `Illegal key in $sort specification, or not supported by the embedded server: ${path}`)
    if (direction.isNumber && Math.abs(direction.number) === 1) continue
    throw new MongoError(15975, `$sort key ordering must be 1 (for ascending) or -1 (for descending), not ${show(direction)}: ${path}`)
  }
  return keyParts(given.map(([path, { number }]) => [path, number]))
}
