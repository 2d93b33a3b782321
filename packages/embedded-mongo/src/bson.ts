import { randomBytes } from 'node:crypto'
import { type Field, type Plain, T, Val, docVal } from './bson-value.js'
import { build } from './bson-writer.js'
import { MongoError } from './errors.js'

/** Bytes of a value in the order of T. A type in `SIZED` begins with a length, which is added. */
const BYTES = [
  undefined, 8, 4, 0, 0, 5, 0, 12, 1, 8, 0, undefined, 16, 4, 4, 0, 4, 8, 8, 16
]
const SIZED = new Set<number>([
  T.string, T.object, T.array, T.binData, T.dbPointer, T.javascript, T.symbol, T.javascriptWithScope
])

/**
 * Finds the end of the value that starts at `pos`. It trusts the bytes: `validate` has checked them.
 *
 * @throws MongoError InvalidBSON (22) for an unknown type
 */
export function valueEnd (type: number, buf: Buffer, pos: number): number {
  if (type === T.regex) {
    const options = buf.indexOf(0, pos) + 1
    return buf.indexOf(0, options) + 1
  }
  const bytes = type === T.minKey || type === T.maxKey ? 0 : BYTES[type]
  if (bytes === undefined) throw new MongoError(22, `unknown BSON type 0x${type.toString(16)}`)
  return pos + bytes + (SIZED.has(type) ? buf.readInt32LE(pos) : 0)
}

/**
 * Lists the fields of a document or array, in order. Without `named` their names are empty, which is faster.
 */
export function fields ({ buf, start, end }: Val, named = true): Field[] {
  const out: Field[] = []
  for (let pos = start + 4; pos < end - 1;) {
    const type = buf[pos] as number
    const nul = buf.indexOf(0, pos + 1)
    const next = valueEnd(type, buf, nul + 1)
    const name = named ? buf.toString('utf8', pos + 1, nul) : ''
    out.push([name, new Val(type, buf, nul + 1, next)])
    pos = next
  }
  return out
}

export const values = (doc: Val): Val[] => fields(doc, false).map(([, value]) => value)

/** Finds a field by the UTF-8 bytes of its name, without making strings of the other names. */
export function field ({ buf, start, end }: Val, name: Buffer): Val | undefined {
  for (let pos = start + 4; pos < end - 1;) {
    const type = buf[pos] as number
    let nul = pos + 1
    let same = true
    for (let i = 0; buf[nul] !== 0; nul++, i++) {
      if (buf[nul] !== name[i]) same = false
    }
    const next = valueEnd(type, buf, nul + 1)
    if (same && nul - pos - 1 === name.length) return new Val(type, buf, nul + 1, next)
    pos = next
  }
  return undefined
}

/** Finds a field of an option's value; undefined if the value is not a document. */
export function get (doc: Val | undefined, name: string): Val | undefined {
  return doc?.isObject === true ? field(doc, Buffer.from(name)) : undefined
}

/** Converts a single value. */
export function toVal (value: Plain): Val {
  return value instanceof Val ? value : values(docVal(build({ '': value })))[0] as Val
}

/** Seconds (4 bytes), random bytes of the process (5), counter (3): https://bsonspec.org, ObjectId. */
const lastId = randomBytes(12)
const COUNTER_START = 9
const COUNTER_BYTES = 3
const COUNTER_MASK = 0xffffff

export function newObjectId (): Val {
  const counter = (lastId.readUIntBE(COUNTER_START, COUNTER_BYTES) + 1) & COUNTER_MASK
  lastId.writeUInt32BE(Math.floor(Date.now() / 1000))
  lastId.writeUIntBE(counter, COUNTER_START, COUNTER_BYTES)
  return new Val(T.objectId, Buffer.from(lastId), 0, lastId.length)
}

/** Formats a value as MongoDB's error messages do. */
export function show (value: Val): string {
  switch (value.type) {
    case T.double: return Number.isInteger(value.number) ? value.number.toFixed(1) : String(value.number)
    case T.string: return JSON.stringify(value.string)
    case T.object: return `{ ${fields(value).map(([name, item]) => `${name}: ${show(item)}`).join(', ')} }`
    case T.array: return `[ ${values(value).map(show).join(', ')} ]`
    case T.objectId: return `ObjectId('${value.bytes.toString('hex')}')`
    case T.bool: return String(value.truthy)
    case T.date: return `new Date(${value.long})`
    case T.int:
    case T.long:
      return String(value.long)
    default: return value.typeName
  }
}
