import { MongoError } from './errors.js'
import { T, type Val, fields } from './bson.js'
import { Bytes } from './build.js'

/** First byte of an encoded value: the types in MongoDB's comparison order (manual, "Comparison/Sort Order"). An index and a sort hold `emptyArray` for []. */
export const RANK = { emptyArray: 4, null: 8, number: 16, string: 24, object: 32, array: 40, binary: 48, objectId: 56, bool: 64, date: 72 } as const

const rankOfType = new Map<number, number>([
  [T.undefined, RANK.null], [T.null, RANK.null], [T.double, RANK.number], [T.int, RANK.number], [T.long, RANK.number], [T.decimal, RANK.number], [T.string, RANK.string], [T.symbol, RANK.string], [T.object, RANK.object],
  [T.array, RANK.array], [T.binary, RANK.binary], [T.objectId, RANK.objectId], [T.bool, RANK.bool], [T.date, RANK.date], [T.minKey, 1], [T.timestamp, 80], [T.regex, 88], [T.dbPointer, 96], [T.code, 104], [T.codeWithScope, 112], [T.maxKey, 254]
])

/** Only values of one rank compare with `$gt` and its like. Missing ranks as null. */
export const rankOf = (value: Val | undefined): number => value === undefined ? RANK.null : rankOfType.get(value.type) as number

/** A key under construction: the order of its bytes (memcmp) is the order of the values. */
export class KeyWriter extends Bytes {
  /** Appends a value, or null for a missing one; `descending` turns its bytes round. Throws BadValue (2) for types that have no order here. */
  value (value: Val | undefined, descending = false): this {
    const start = this.pos
    this.byte(rankOf(value))
    if (value !== undefined) this.payload(value)
    return descending ? this.turn(start) : this
  }

  /** Appends an already encoded value. */
  encoded (bytes: Buffer, descending: boolean): this {
    const start = this.pos
    this.raw(bytes)
    return descending ? this.turn(start) : this
  }

  private turn (start: number): this {
    for (let i = start; i < this.pos; i++) this.buf[i] = 255 - (this.buf[i] as number)
    return this
  }

  private payload (value: Val): void {
    const { buf, start, end } = value
    switch (value.type) {
      case T.null: return
      case T.double: case T.int: this.number(value.number, 0); return
      case T.long: this.long(value.long); return
      case T.string: this.escaped(buf, start + 4, end - 1); return
      case T.object: case T.array:
        // Of two documents MongoDB compares the fields one after the other by type, name and value; of two arrays by type and value.
        for (const [name, item] of fields(value)) (value.isArray ? this.byte(rankOf(item)) : this.byte(rankOf(item)).text(name)).payload(item)
        this.byte(0)
        return
      case T.binary: this.uint64(BigInt(buf.readInt32LE(start))).raw(buf, start + 4, end); return
      case T.objectId: case T.bool: this.raw(buf, start, end); return
      case T.date: this.uint64(BigInt.asUintN(64, value.long) ^ (1n << 63n)); return
      default: throw new MongoError(2, `comparing, sorting or indexing values of type ${value.typeName} is not supported by the embedded server`)
    }
  }

  /** A double in the order of its bytes; from 2^53 on followed by what a Long has above it, so that neighbours that share a double stay apart. */
  private number (value: number, above: number): void {
    const at = this.room(8)
    this.buf.writeDoubleBE(value === 0 ? 0 : value, at) // -0 equals 0
    if (Number.isNaN(value)) this.buf.fill(0, at, at + 8) // NaN is less than every other number
    else if (value < 0) this.turn(at)
    else this.buf[at] = (this.buf[at] as number) | 0x80
    if (Math.abs(value) >= 2 ** 53) this.byte(above >> 8).byte(above & 255)
  }

  private long (value: bigint): void {
    let below = Number(value)
    // Number() rounds to the nearest double: step to the one that is not above the value (they are at most 1,024 apart up to 2^63).
    for (let gap = 1; BigInt(below) > value; gap *= 2) below = Number(value - BigInt(gap))
    this.number(below, Number(value - BigInt(below)))
  }

  private uint64 (value: bigint): this {
    const at = this.room(8)
    this.buf.writeBigUInt64BE(value, at)
    return this
  }

  /** Bytes 0 and 1 are escaped, so that 0 can end the text and a text sorts before its continuations. */
  private escaped (buf: Buffer, start: number, end: number): void {
    let from = start
    for (let i = start; i < end; i++) {
      const byte = buf[i] as number
      if (byte > 1) continue
      this.raw(buf, from, i).byte(1).byte(byte + 1)
      from = i + 1
    }
    this.raw(buf, from, end).byte(0)
  }

  compare (bytes: Buffer): number { return this.buf.compare(bytes, 0, bytes.length, 0, this.pos) }
  /** A copy of the bytes written so far. */
  take (): Buffer { return Buffer.from(this.buf.subarray(0, this.pos)) }
  reset (): this {
    this.pos = 0
    return this
  }
}

const shared = new KeyWriter()

/** The value's bytes in MongoDB's order: for two values, memcmp of these is the comparison, equality included. */
export const encode = (value: Val | undefined): Buffer => shared.reset().value(value).take()
/** The same as a string, for sets. */
export const identity = (value: Val | undefined): string => encode(value).toString('latin1')
/** The order of a value and an encoded one: below, at or above 0. */
export const compareEncoded = (value: Val | undefined, key: Buffer): number => shared.reset().value(value).compare(key)

/** The first key after all keys that begin with these bytes. */
export function after (prefix: Buffer): Buffer {
  let last = prefix.length - 1
  while (prefix[last] === 255) last--
  const out = Buffer.from(prefix.subarray(0, last + 1))
  out[last] = (out[last] as number) + 1
  return out
}
