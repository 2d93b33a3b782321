import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { MongoError } from './errors.js'

/** Element types of https://bsonspec.org/spec.html, named as MongoDB's `$type` names them. */
export enum T {
  double = 1, string, object, array, binData, undefined, objectId, bool, date, null, regex, dbPointer, javascript, symbol, javascriptWithScope, int, timestamp,
  long, decimal, maxKey = 127, minKey = 255
}

/** Bytes of a value in the order of T; the `SIZED` begin with a length, and these come on top of it. */
const BYTES = [undefined, 8, 4, 0, 0, 5, 0, 12, 1, 8, 0, undefined, 16, 4, 4, 0, 4, 8, 8, 16]
const SIZED = new Set<number>([T.string, T.object, T.array, T.binData, T.dbPointer, T.javascript, T.symbol, T.javascriptWithScope])
/** One BSON value where it lies in its message or stored document: nothing is decoded, so every type keeps its bytes. */
export class Val {
  constructor (readonly type: number, readonly buf: Buffer, readonly start: number, readonly end: number) {}
  get typeName (): string { return T[this.type] as string }
  get bytes (): Buffer { return this.buf.subarray(this.start, this.end) }
  get isNumber (): boolean { return this.type === T.int || this.type === T.double || this.type === T.long }
  get isObject (): boolean { return this.type === T.object }
  get isArray (): boolean { return this.type === T.array }
  get string (): string { return this.buf.toString('utf8', this.start + 4, this.end - 1) }
  /** A Long beyond 2^53 loses digits: for options and arithmetic on doubles only. */
  get number (): number { return this.type === T.double ? this.buf.readDoubleLE(this.start) : this.type === T.int ? this.int : Number(this.long) }
  get long (): bigint { return this.type === T.int ? BigInt(this.int) : this.buf.readBigInt64LE(this.start) }
  private get int (): number { return this.buf.readInt32LE(this.start) }
  /** Truth as MongoDB has it in options. */
  get truthy (): boolean { return this.isNumber ? this.number !== 0 : this.type === T.bool ? this.bytes[0] === 1 : !/null|undefined/.test(this.typeName) }
}

export type Field = [name: string, value: Val]
export const docVal = (buf: Buffer): Val => new Val(T.object, buf, 0, buf.length)
/** Where the value that starts at `pos` ends; trusts the bytes, see {@link validate}. */
function valueEnd (type: number, buf: Buffer, pos: number): number {
  if (type === T.regex) return buf.indexOf(0, buf.indexOf(0, pos) + 1) + 1
  const bytes = type === T.minKey || type === T.maxKey ? 0 : BYTES[type]
  if (bytes === undefined) throw new MongoError(22, `unknown BSON type 0x${type.toString(16)}`)
  return pos + bytes + (SIZED.has(type) ? buf.readInt32LE(pos) : 0)
}

/** The fields of a document or array, in order; without `named` their names are empty, which is faster. */
export function fields ({ buf, start, end }: Val, named = true): Field[] {
  const out: Field[] = []
  for (let pos = start + 4; pos < end - 1;) {
    const type = buf[pos] as number
    const nul = buf.indexOf(0, pos + 1)
    const next = valueEnd(type, buf, nul + 1)
    out.push([named ? buf.toString('utf8', pos + 1, nul) : '', new Val(type, buf, nul + 1, next)])
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
/** A length; -1, which nothing may have, where there is no room for one. */
const lengthAt = (buf: Buffer, pos: number, limit: number): number => pos + 4 <= limit ? buf.readInt32LE(pos) : -1
/** Checks a text that ends with the 0 at `nul`; most are ASCII, only others are worth a call of Node's check. @returns its end */
function checkText (buf: Buffer, start: number, nul: number, limit: number): number {
  if (nul < start || nul >= limit || buf[nul] !== 0) throw bad('text without its end')
  let ascii = start
  while (buf[ascii] as number < 0x80 && ascii < nul) ascii++
  if (ascii < nul && !isUtf8(buf.subarray(ascii, nul))) throw bad('text that is not UTF-8')
  return nul + 1
}

const checkName = (buf: Buffer, pos: number, limit: number): number => checkText(buf, pos, buf.indexOf(0, pos), limit)
const checkString = (buf: Buffer, pos: number, limit: number): number => checkText(buf, pos + 4, pos + 3 + lengthAt(buf, pos, limit), limit)
/** Checks every length, type, name and text of the document at `start`; throws InvalidBSON (22) or Overflow (15). @returns its end */
export function validate (buf: Buffer, start: number, limit: number, depth = 0): number {
  if (depth > 180) throw new MongoError(15, 'document exceeds 180 levels of nesting') // as in MongoDB's storage
  const end = start + lengthAt(buf, start, limit)
  const last = end - 1
  if (end < start + 5 || end > limit || buf[last] !== 0) throw bad('document with a wrong length')
  for (let pos = start + 4; pos < last;) {
    const type = buf[pos] as number
    pos = checkName(buf, pos + 1, last)
    if (type === T.object || type === T.array) pos = validate(buf, pos, last, depth + 1)
    else if (type === T.string || type === T.javascript || type === T.symbol) pos = checkString(buf, pos, last)
    else if (type === T.dbPointer) pos = checkString(buf, pos, last) + 12
    else if (type === T.regex) pos = checkName(buf, checkName(buf, pos, last), last)
    else if (type === T.javascriptWithScope) {
      const whole = pos + lengthAt(buf, pos, last)
      if (whole > last || validate(buf, checkString(buf, pos + 4, whole), whole, depth + 1) !== whole) throw bad('code with a wrong length')
      pos = whole
    } else {
      if ((type === T.binData && lengthAt(buf, pos, last) < 0) || (type === T.bool && buf[pos] as number > 1)) throw bad('binary or boolean')
      pos = valueEnd(type, buf, pos)
    }
    if (pos > last) throw bad('value outside its document')
  }
  return end
}

const lastId = randomBytes(12)
/** A new ObjectId: seconds, random bytes of the process, counter. */
export function newObjectId (): Val {
  lastId.writeUInt32BE(Math.floor(Date.now() / 1000))
  lastId.writeUIntBE((lastId.readUIntBE(9, 3) + 1) & 0xffffff, 9, 3)
  return new Val(T.objectId, Buffer.from(lastId), 0, 12)
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

type Doc = Map<string, Plain> | { [name: string]: Plain }
/** What {@link build} makes BSON of: raw values and whole documents (Buffer) as they are, whole numbers as int32 where they fit, bigint as int64. */
export type Plain = Val | Buffer | string | number | bigint | boolean | null | undefined | Date | Plain[] | Doc
/** Bytes under construction: BSON documents, whole wire messages, keys. */
export class Writer {
  buf = Buffer.allocUnsafe(512)
  pos = 0
  done (): Buffer { return this.buf.subarray(0, this.pos) }
  int32 (value: number): this { return this.put('writeInt32LE', value) }
  /** The buffer, with room for so many bytes more. */
  private need (size: number): Buffer {
    if (this.pos + size > this.buf.length) this.buf = Buffer.concat([this.done()], Math.max(this.buf.length * 2, this.pos + size))
    return this.buf
  }

  byte (value: number): this {
    this.need(1)[this.pos++] = value
    return this
  }

  raw (bytes: Buffer, start = 0, end = bytes.length): this {
    this.pos += bytes.copy(this.need(end - start), this.pos, start, end)
    return this
  }

  /** A number, by Buffer's method of that name. */
  put (method: 'writeInt32LE' | 'writeDoubleLE' | 'writeDoubleBE' | 'writeBigInt64LE' | 'writeBigUInt64BE', value: number | bigint): this {
    this.pos = this.need(8)[method](value as never, this.pos)
    return this
  }

  /** With its final 0. */
  text (value: string): this {
    this.pos += this.need(value.length * 3).write(value, this.pos)
    return this.byte(0)
  }

  document (doc: Plain[] | Doc): this {
    const start = this.int32(0).pos - 4
    if (doc instanceof Map) for (const [name, value] of doc) this.element(name, value)
    else for (const name in doc) this.element(name, (doc as Record<string, Plain>)[name])
    this.byte(0).buf.writeInt32LE(this.pos - start, start)
    return this
  }

  private element (name: string, value: Plain): this {
    if (value === undefined) return this
    if (value instanceof Val) return this.byte(value.type).text(name).raw(value.buf, value.start, value.end)
    if (Buffer.isBuffer(value)) return this.byte(T.object).text(name).raw(value)
    if (typeof value === 'string') return this.byte(T.string).text(name).int32(Buffer.byteLength(value) + 1).text(value)
    if (typeof value === 'number' && value === (value | 0)) return this.byte(T.int).text(name).int32(value)
    if (typeof value === 'number') return this.byte(T.double).text(name).put('writeDoubleLE', value)
    if (typeof value === 'bigint') return this.byte(T.long).text(name).put('writeBigInt64LE', value)
    if (typeof value === 'boolean') return this.byte(T.bool).text(name).byte(value ? 1 : 0)
    if (value === null) return this.byte(T.null).text(name)
    if (value instanceof Date) return this.byte(T.date).text(name).put('writeBigInt64LE', BigInt(value.getTime()))
    return this.byte(Array.isArray(value) ? T.array : T.object).text(name).document(value)
  }
}

export const build = (doc: Doc): Buffer => new Writer().document(doc).done()
export const doubleVal = (value: number): Val => new Val(T.double, new Writer().put('writeDoubleLE', value).done(), 0, 8)
/** One value by itself. */
export const toVal = (value: Plain): Val => value instanceof Val ? value : values(docVal(build({ '': value })))[0] as Val
