import { randomBytes } from 'node:crypto'
import { T, Val } from './bson.js'

/** What {@link build} turns into BSON: raw values and whole documents (Buffer) as they are, whole numbers as int32 where they fit, bigint as int64. */
export type Plain = Val | Buffer | string | number | bigint | boolean | null | undefined | Date | Map<string, Plain> | Plain[] | { [name: string]: Plain }

/** Bytes under construction. */
export class Bytes {
  buf = Buffer.allocUnsafe(512)
  pos = 0

  /** Makes room and tells where; it may replace `buf`, so it is called before `buf` is touched. */
  room (size: number): number {
    const at = this.pos
    if (at + size > this.buf.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.buf.length * 2, at + size))
      this.buf.copy(grown, 0, 0, at)
      this.buf = grown
    }
    this.pos = at + size
    return at
  }

  byte (value: number): this {
    const at = this.room(1)
    this.buf[at] = value
    return this
  }

  raw (bytes: Buffer, start = 0, end = bytes.length): this {
    const at = this.room(end - start)
    bytes.copy(this.buf, at, start, end)
    return this
  }

  int32 (value: number): this {
    const at = this.room(4)
    this.buf.writeInt32LE(value, at)
    return this
  }

  text (value: string): this {
    const at = this.room(Buffer.byteLength(value))
    this.buf.write(value, at)
    return this.byte(0)
  }
}

/** A buffer for BSON documents and whole wire messages. */
export class Writer extends Bytes {
  document (doc: Map<string, Plain> | Plain[] | { [name: string]: Plain }): void {
    const start = this.room(4)
    if (Array.isArray(doc)) for (let i = 0; i < doc.length; i++) this.element(String(i), doc[i])
    else if (doc instanceof Map) for (const [name, value] of doc) this.element(name, value)
    else for (const name in doc) this.element(name, doc[name])
    this.byte(0)
    this.buf.writeInt32LE(this.pos - start, start)
  }

  element (name: string, value: Plain): void {
    if (value === undefined) return
    if (value instanceof Val) this.byte(value.type).text(name).raw(value.buf, value.start, value.end)
    else if (Buffer.isBuffer(value)) this.byte(T.object).text(name).raw(value)
    else if (typeof value === 'string') this.byte(T.string).text(name).int32(Buffer.byteLength(value) + 1).text(value)
    else if (typeof value === 'number') {
      const int = Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0)
      if (int) this.byte(T.int).text(name).int32(value)
      else this.byte(T.double).text(name).raw(doubleVal(value).buf)
    } else if (typeof value === 'boolean') this.byte(T.bool).text(name).byte(value ? 1 : 0)
    else if (value === null) this.byte(T.null).text(name)
    else if (typeof value === 'bigint' || value instanceof Date) {
      this.byte(value instanceof Date ? T.date : T.long).text(name)
      const at = this.room(8)
      this.buf.writeBigInt64LE(BigInt(value instanceof Date ? value.getTime() : value), at)
    } else {
      this.byte(Array.isArray(value) ? T.array : T.object).text(name)
      this.document(value)
    }
  }

  done (): Buffer { return this.buf.subarray(0, this.pos) }
}

export function build (doc: Map<string, Plain> | { [name: string]: Plain }): Buffer {
  const writer = new Writer()
  writer.document(doc)
  return writer.done()
}

/** One value by itself. */
export function toVal (value: Plain): Val {
  if (value instanceof Val) return value
  const writer = new Writer()
  writer.element('', value)
  const buf = writer.done()
  return new Val(buf[0] as number, buf, 2, buf.length)
}

export function doubleVal (value: number): Val {
  const buf = Buffer.allocUnsafe(8)
  buf.writeDoubleLE(value)
  return new Val(T.double, buf, 0, 8)
}

const processUnique = randomBytes(5)
let counter = randomBytes(3).readUIntBE(0, 3)

/** A new ObjectId: seconds, 5 random bytes of the process, counter (BSON ObjectId specification). */
export function newObjectId (): Val {
  const buf = Buffer.allocUnsafe(12)
  buf.writeUInt32BE(Math.floor(Date.now() / 1000))
  processUnique.copy(buf, 4)
  counter = (counter + 1) & 0xffffff
  buf.writeUIntBE(counter, 9, 3)
  return new Val(T.objectId, buf, 0, 12)
}
