import { randomBytes } from 'node:crypto'
import { T, Val } from './bson.js'

/** What {@link build} turns into BSON: raw values and whole documents (Buffer) go in as they are; whole numbers become int32 where they fit, bigint int64. */
export type Plain = Val | Buffer | string | number | bigint | boolean | null | undefined | Date | Map<string, Plain> | Plain[] | { [name: string]: Plain }

/** A growing buffer for BSON documents and whole wire messages. */
export class Writer {
  buf = Buffer.allocUnsafe(512)
  pos = 0

  /** Makes room and returns where it is; it may replace `buf`, so call it before touching that. */
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

  int32 (value: number): void {
    const at = this.room(4)
    this.buf.writeInt32LE(value, at)
  }

  byte (value: number): void {
    const at = this.room(1)
    this.buf[at] = value
  }

  raw (bytes: Buffer, start = 0, end = bytes.length): void {
    const at = this.room(end - start)
    bytes.copy(this.buf, at, start, end)
  }

  private utf8 (value: string): void {
    const at = this.room(Buffer.byteLength(value))
    this.buf.write(value, at)
  }

  private int64 (value: bigint): void {
    const at = this.room(8)
    this.buf.writeBigInt64LE(value, at)
  }

  text (value: string): void {
    this.int32(Buffer.byteLength(value) + 1)
    this.utf8(value)
    this.byte(0)
  }

  private name (type: number, name: string): void {
    this.byte(type)
    this.utf8(name)
    this.byte(0)
  }

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
    if (value instanceof Val) {
      this.name(value.type, name)
      this.raw(value.buf, value.start, value.end)
    } else if (Buffer.isBuffer(value)) {
      this.name(T.object, name)
      this.raw(value)
    } else if (typeof value === 'string') {
      this.name(T.string, name)
      this.text(value)
    } else if (typeof value === 'number') this.number(name, value)
    else if (typeof value === 'bigint' || value instanceof Date) {
      this.name(value instanceof Date ? T.date : T.long, name)
      this.int64(BigInt(value instanceof Date ? value.getTime() : value))
    } else if (typeof value === 'boolean') {
      this.name(T.bool, name)
      this.byte(value ? 1 : 0)
    } else if (value === null) this.name(T.null, name)
    else {
      this.name(Array.isArray(value) ? T.array : T.object, name)
      this.document(value)
    }
  }

  private number (name: string, value: number): void {
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0)) {
      this.name(T.int, name)
      this.int32(value)
    } else {
      this.name(T.double, name)
      this.raw(doubleVal(value).buf)
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
