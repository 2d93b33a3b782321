import { MongoError } from './errors.js'
import { T, Val, docVal, fields, values } from './bson.js'
import type { Plain } from './build.js'
import type { Collection, Index } from './catalog.js'
import { slotsOf } from './index-keys.js'

/** A value as MongoDB's messages show it. */
export function show (value: Val): string {
  switch (value.type) {
    case T.double: return Number.isInteger(value.number) ? value.number.toFixed(1) : String(value.number)
    case T.string: return JSON.stringify(value.string)
    case T.object: return `{ ${fields(value).map(([name, item]) => `${name}: ${show(item)}`).join(', ')} }`
    case T.array: return `[ ${values(value).map(show).join(', ')} ]`
    case T.objectId: return `ObjectId('${value.bytes.toString('hex')}')`
    case T.bool: return String(value.truthy)
    case T.date: return `new Date(${value.buf.readBigInt64LE(value.start)})`
    case T.int: case T.long: return String(value.type === T.int ? value.number : value.buf.readBigInt64LE(value.start))
    default: return value.typeName
  }
}

/** E11000 for a key that another document holds. */
export function duplicateKey (collection: Collection, index: Index, doc: Buffer, key: Buffer): MongoError {
  const slots = slotsOf(index.parts, docVal(doc), key)
  const shown = index.key.map(([path], i) => `${path}: ${slots[i] === undefined ? 'null' : show(slots[i])}`).join(', ')
  const keyValue = new Map<string, Plain>(index.key.map(([path], i) => [path, slots[i] ?? null]))
  return new MongoError(11000, `E11000 duplicate key error collection: ${collection.ns} index: ${index.name} dup key: { ${shown} }`, { keyPattern: new Map(index.key), keyValue })
}
