import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { MongoError } from './errors.js'

/** Element types of https://bsonspec.org/spec.html */
export const T = {
  double: 1, string: 2, object: 3, array: 4, binary: 5, undefined: 6, objectId: 7, bool: 8, date: 9, null: 10, regex: 11, dbPointer: 12, code: 13, symbol: 14, codeWithScope: 15, int: 16, timestamp: 17, long: 18, decimal: 19, maxKey: 127, minKey: 255
} as const

/** Names as MongoDB's `$type` has them. */
const typeNames = ' double string object array binData undefined objectId bool date null regex dbPointer javascript symbol javascriptWithScope int timestamp long decimal'.split(' ')

/** Nesting that a document may have, MongoDB's own limit for storage. */
const MAX_DEPTH = 180

/** One BSON value where it lies in its message or stored document: nothing is decoded, so every type keeps its bytes. */
export class Val {
  constructor (readonly type: number, readonly buf: Buffer, readonly start: number, readonly end: number) {}

  get typeName (): string { return typeNames[this.type] ?? (this.type === T.maxKey ? 'maxKey' : 'minKey') }
  get bytes (): Buffer { return this.buf.subarray(this.start, this.end) }
  get isNumber (): boolean { return this.type === T.int || this.type === T.double || this.type === T.long }
  get isObject (): boolean { return this.type === T.object }
  get isArray (): boolean { return this.type === T.array }
  get string (): string { return this.buf.toString('utf8', this.start + 4, this.end - 1) }
  /** A Long beyond 2^53 loses digits: for options and arithmetic on doubles only. */
  get number (): number { return this.type === T.int ? this.buf.readInt32LE(this.start) : this.type === T.double ? this.buf.readDoubleLE(this.start) : Number(this.long) }
  get long (): bigint { return this.type === T.int ? BigInt(this.buf.readInt32LE(this.start)) : this.buf.readBigInt64LE(this.start) }
  /** Truth as MongoDB has it in options. */
  get truthy (): boolean { return this.isNumber ? this.number !== 0 : this.type === T.bool ? this.buf[this.start] === 1 : this.type !== T.null && this.type !== T.undefined }
  equals (other: Val): boolean { return this.type === other.type && this.bytes.equals(other.bytes) }
}

export const docVal = (buf: Buffer): Val => new Val(T.object, buf, 0, buf.length)

/** Where the value that starts at `pos` ends; trusts the bytes, see {@link validate}. */
function valueEnd (type: number, buf: Buffer, pos: number): number {
  switch (type) {
    case T.double: case T.date: case T.timestamp: case T.long: return pos + 8
    case T.string: case T.code: case T.symbol: return pos + 4 + buf.readInt32LE(pos)
    case T.object: case T.array: case T.codeWithScope: return pos + buf.readInt32LE(pos)
    case T.binary: return pos + 5 + buf.readInt32LE(pos)
    case T.objectId: return pos + 12
    case T.bool: return pos + 1
    case T.undefined: case T.null: case T.minKey: case T.maxKey: return pos
    case T.regex: return buf.indexOf(0, buf.indexOf(0, pos) + 1) + 1
    case T.dbPointer: return pos + 16 + buf.readInt32LE(pos)
    case T.int: return pos + 4
    case T.decimal: return pos + 16
    default: throw new MongoError(22, `unknown BSON type 0x${type.toString(16)}`)
  }
}

export type Field = [name: string, value: Val]

/** The fields of a document or array, in order; without `names` they are empty, which is faster. */
export function fields ({ buf, start, end }: Val, names = true): Field[] {
  const out: Field[] = []
  for (let pos = start + 4; pos < end - 1;) {
    const type = buf[pos] as number
    const nul = buf.indexOf(0, pos + 1)
    const next = valueEnd(type, buf, nul + 1)
    out.push([names ? buf.toString('utf8', pos + 1, nul) : '', new Val(type, buf, nul + 1, next)])
    pos = next
  }
  return out
}

export const values = (doc: Val): Val[] => fields(doc, false).map(([, value]) => value)

/** The field of that name (its UTF-8 bytes), without making strings of the others. */
export function field ({ buf, start, end }: Val, name: Buffer): Val | undefined {
  for (let pos = start + 4; pos < end - 1;) {
    const type = buf[pos] as number
    let nul = pos + 1
    let same = true
    for (let i = 0; buf[nul] !== 0; nul++, i++) if (buf[nul] !== name[i]) same = false
    const next = valueEnd(type, buf, nul + 1)
    if (same && nul - pos - 1 === name.length) return new Val(type, buf, nul + 1, next)
    pos = next
  }
  return undefined
}

/** The field of that name, for options. */
export const get = (doc: Val | undefined, name: string): Val | undefined => doc?.isObject === true ? field(doc, Buffer.from(name)) : undefined

const bad = (why: string): MongoError => new MongoError(22, `invalid BSON: ${why}`)

/** Most texts are short and ASCII: only others are worth a call of Node's check. @returns the end, after the final 0 */
function checkUtf8 (buf: Buffer, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    if (buf[i] as number < 0x80) continue
    if (!isUtf8(buf.subarray(i, end))) throw bad('text that is not UTF-8')
    break
  }
  return end + 1
}

function cstring (buf: Buffer, pos: number, limit: number): number {
  const nul = buf.indexOf(0, pos)
  if (nul < 0 || nul >= limit) throw bad('name without its end')
  return checkUtf8(buf, pos, nul)
}

/** Reads a length; `more` bytes beyond it belong to the value too. */
function sized (buf: Buffer, pos: number, limit: number, least: number, more = 0): number {
  const size = pos + 4 <= limit ? buf.readInt32LE(pos) : -1
  if (size < least || pos + size + more > limit) throw bad('length outside its document')
  return size
}

function checkText (buf: Buffer, pos: number, limit: number): number {
  const end = pos + 3 + sized(buf, pos, limit, 1, 4)
  if (buf[end] !== 0) throw bad('string without its end')
  return checkUtf8(buf, pos + 4, end)
}

/** Checks every length, type, name and text of the document at `start`; throws InvalidBSON (22) or Overflow (15). @returns its end */
export function validate (buf: Buffer, start: number, limit: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new MongoError(15, `document exceeds ${MAX_DEPTH} levels of nesting`)
  const end = start + sized(buf, start, limit, 5)
  const last = end - 1
  if (buf[last] !== 0) throw bad('document without its end')
  for (let pos = start + 4; pos < last;) {
    const type = buf[pos] as number
    pos = cstring(buf, pos + 1, last)
    if (type === T.object || type === T.array) pos = validate(buf, pos, last, depth + 1)
    else if (type === T.string || type === T.code || type === T.symbol) pos = checkText(buf, pos, last)
    else if (type === T.regex) pos = cstring(buf, cstring(buf, pos, last), last)
    else if (type === T.dbPointer) pos = checkText(buf, pos, last) + 12
    else if (type === T.codeWithScope) {
      const whole = pos + sized(buf, pos, last, 14)
      pos = validate(buf, checkText(buf, pos + 4, whole), whole, depth + 1)
      if (pos !== whole) throw bad('code with scope')
    } else {
      if (type === T.binary) sized(buf, pos, last, 0, 5)
      if (type === T.bool && buf[pos] as number > 1) throw bad('boolean that is neither 0 nor 1')
      pos = valueEnd(type, buf, pos)
    }
    if (pos > last) throw bad('value outside its document')
  }
  return end
}

const processUnique = randomBytes(5)
let counter = randomBytes(3).readUIntBE(0, 3)

/** A new ObjectId: seconds, 5 random bytes of the process, counter (BSON ObjectId specification). */
export function newObjectId (): Val {
  const buf = Buffer.allocUnsafe(12)
  buf.writeUInt32BE(Math.floor(Date.now() / 1000))
  processUnique.copy(buf, 4)
  buf.writeUIntBE(counter = (counter + 1) & 0xffffff, 9, 3)
  return new Val(T.objectId, buf, 0, 12)
}

/** A value as MongoDB's messages show it. */
export function show (value: Val): string {
  switch (value.type) {
    case T.double: return Number.isInteger(value.number) ? value.number.toFixed(1) : String(value.number)
    case T.string: return JSON.stringify(value.string)
    case T.object: return `{ ${fields(value).map(([name, item]) => `${name}: ${show(item)}`).join(', ')} }`
    case T.array: return `[ ${values(value).map(show).join(', ')} ]`
    case T.objectId: return `ObjectId('${value.bytes.toString('hex')}')`
    case T.bool: return String(value.truthy)
    case T.date: return `new Date(${value.long})`
    case T.int: case T.long: return String(value.long)
    default: return value.typeName
  }
}
