import { T, Val } from './bson.js'

type Doc = Map<string, Plain> | { [name: string]: Plain }
/** What {@link build} turns into BSON: raw values and whole documents (Buffer) as they are, whole numbers as int32 where they fit, bigint as int64. */
export type Plain = Val | Buffer | string | number | bigint | boolean | null | undefined | Date | Plain[] | Doc

/** Bytes under construction. */
export class Bytes {
  buf = Buffer.allocUnsafe(512)
  pos = 0

  /** Makes room and tells where; it may replace `buf`, so it is called before `buf` is touched. */
  room (size: number): number {
    const at = this.pos
    this.pos += size
    if (this.pos > this.buf.length) {
      const old = this.buf
      this.buf = Buffer.allocUnsafe(Math.max(old.length * 2, this.pos))
      old.copy(this.buf, 0, 0, at)
    }
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

  /** With its final 0. */
  text (value: string): this {
    const at = this.room(Buffer.byteLength(value))
    this.buf.write(value, at)
    return this.byte(0)
  }
}

/** A buffer for BSON documents and whole wire messages. */
export class Writer extends Bytes {
  document (doc: Plain[] | Doc): void {
    const start = this.room(4)
    if (Array.isArray(doc)) for (let i = 0; i < doc.length; i++) this.element(String(i), doc[i])
    else for (const [name, value] of doc instanceof Map ? doc : Object.entries(doc)) this.element(name, value)
    this.byte(0).buf.writeInt32LE(this.pos - start, start)
  }

  element (name: string, value: Plain): void {
    if (value === undefined) return
    if (value instanceof Val) this.byte(value.type).text(name).raw(value.buf, value.start, value.end)
    else if (Buffer.isBuffer(value)) this.byte(T.object).text(name).raw(value)
    else if (typeof value === 'string') this.byte(T.string).text(name).int32(Buffer.byteLength(value) + 1).text(value)
    else if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31) this.byte(T.int).text(name).int32(value)
    else if (typeof value === 'number') this.element(name, doubleVal(value))
    else if (typeof value === 'boolean') this.byte(T.bool).text(name).byte(value ? 1 : 0)
    else if (value === null) this.byte(T.null).text(name)
    else if (typeof value === 'bigint' || value instanceof Date) {
      const at = this.byte(value instanceof Date ? T.date : T.long).text(name).room(8)
      this.buf.writeBigInt64LE(BigInt(value.valueOf()), at)
    } else this.byte(Array.isArray(value) ? T.array : T.object).text(name).document(value)
  }

  done (): Buffer { return this.buf.subarray(0, this.pos) }
}

export function build (doc: Doc): Buffer {
  const writer = new Writer()
  writer.document(doc)
  return writer.done()
}

/** One value by itself. */
export function toVal (value: Plain): Val {
  if (value instanceof Val) return value
  const buf = build({ '': value })
  return new Val(buf[4] as number, buf, 6, buf.length - 1)
}

export function doubleVal (value: number): Val {
  const buf = Buffer.allocUnsafe(8)
  buf.writeDoubleLE(value)
  return new Val(T.double, buf, 0, 8)
}
