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
    case T.object: return value.end - value.start === 5 ? '{}' : `{ ${fields(value).map(([name, item]) => `${name}: ${show(item)}`).join(', ')} }`
    case T.array: return value.end - value.start === 5 ? '[]' : `[ ${values(value).map(show).join(', ')} ]`
    case T.objectId: return `ObjectId('${value.bytes.toString('hex')}')`
    case T.bool: return String(value.truthy)
    case T.date: return `new Date(${value.buf.readBigInt64LE(value.start)})`
    case T.int: return String(value.number)
    case T.long: return String(value.buf.readBigInt64LE(value.start))
    case T.null: return 'null'
    case T.binary: return `BinData(${value.buf[value.start + 4]}, ${value.buf.toString('hex', value.start + 5, value.end).toUpperCase()})`
    default: return value.typeName
  }
}

/** E11000 for a key that another document holds already. */
export function duplicateKey (collection: Collection, index: Index, doc: Buffer, key: Buffer): MongoError {
  const slots = slotsOf(index.parts, docVal(doc), key)
  const keyValue = new Map<string, Plain>(index.key.map(([path], i) => [path, slots[i] ?? null]))
  const shown = index.key.map(([path], i) => `${path}: ${slots[i] === undefined ? 'null' : show(slots[i])}`)
  const message = `E11000 duplicate key error collection: ${collection.ns} index: ${index.name} dup key: { ${shown.join(', ')} }`
  return new MongoError(11000, message, { keyPattern: Object.fromEntries(index.key), keyValue })
}
