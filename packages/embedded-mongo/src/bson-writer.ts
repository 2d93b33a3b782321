import { type Doc, type Plain, T, Val } from './bson-value.js'

/** A document of ordinary size is written without a second allocation. */
const FIRST_SIZE = 512
/** Bytes of the largest fixed-size value, and of one UTF-16 unit in UTF-8. */
const MAX_NUMBER_BYTES = 8
const MAX_UNIT_BYTES = 3

type NumberMethod =
  'writeInt32LE' | 'writeDoubleLE' | 'writeDoubleBE' | 'writeBigInt64LE' | 'writeBigUInt64BE'

/** Bytes under construction: BSON documents, whole wire messages, keys. */
export class Writer {
  buf = Buffer.allocUnsafe(FIRST_SIZE)
  pos = 0

  /** The bytes written so far, without a copy. */
  done (): Buffer { return this.buf.subarray(0, this.pos) }

  int32 (value: number): this { return this.put('writeInt32LE', value) }

  byte (value: number): this {
    this.#reserve(1)
    this.buf[this.pos++] = value
    return this
  }

  raw (bytes: Buffer, start = 0, end = bytes.length): this {
    this.#reserve(end - start)
    this.pos += bytes.copy(this.buf, this.pos, start, end)
    return this
  }

  /** Writes a number with the Buffer method of that name. */
  put (method: NumberMethod, value: number | bigint): this {
    this.#reserve(MAX_NUMBER_BYTES)
    this.pos = this.buf[method](value as never, this.pos)
    return this
  }

  /** Writes the text in UTF-8 with a final 0. */
  text (value: string): this {
    this.#reserve(value.length * MAX_UNIT_BYTES)
    this.pos += this.buf.write(value, this.pos)
    return this.byte(0)
  }

  document (doc: Plain[] | Doc): this {
    const start = this.pos
    this.int32(0)
    if (doc instanceof Map) {
      for (const [name, value] of doc) this.#element(name, value)
    } else {
      for (const name in doc) this.#element(name, (doc as Record<string, Plain>)[name])
    }
    this.byte(0)
    this.buf.writeInt32LE(this.pos - start, start)
    return this
  }

  #reserve (size: number): void {
    const needed = this.pos + size
    if (needed <= this.buf.length) return
    this.buf = Buffer.concat([this.done()], Math.max(this.buf.length * 2, needed))
  }

  #element (name: string, value: Plain): this {
    if (value === undefined) return this
    if (value instanceof Val) {
      return this.#head(value.type, name).raw(value.buf, value.start, value.end)
    }
    if (Buffer.isBuffer(value)) return this.#head(T.object, name).raw(value)
    if (typeof value === 'string') {
      return this.#head(T.string, name).int32(Buffer.byteLength(value) + 1).text(value)
    }
    if (typeof value === 'number') {
      const isInt32 = value === (value | 0)
      if (isInt32) return this.#head(T.int, name).int32(value)
      return this.#head(T.double, name).put('writeDoubleLE', value)
    }
    if (typeof value === 'bigint') return this.#head(T.long, name).put('writeBigInt64LE', value)
    if (typeof value === 'boolean') return this.#head(T.bool, name).byte(value ? 1 : 0)
    if (value === null) return this.#head(T.null, name)
    if (value instanceof Date) {
      return this.#head(T.date, name).put('writeBigInt64LE', BigInt(value.getTime()))
    }
    return this.#head(Array.isArray(value) ? T.array : T.object, name).document(value)
  }

  #head (type: T, name: string): this { return this.byte(type).text(name) }
}

export const build = (doc: Doc): Buffer => new Writer().document(doc).done()

export const doubleVal = (value: number): Val =>
  new Val(T.double, new Writer().put('writeDoubleLE', value).done(), 0, 8)
