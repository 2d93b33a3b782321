import { MongoError } from './errors.js'
import { T, type Val, Writer, fields } from './bson.js'

/** First byte of an encoded value: the types in MongoDB's comparison order (manual, "Comparison/Sort Order"). An index and a sort hold `emptyArray` for []. */
export const RANK = { emptyArray: 4, null: 8, number: 16, string: 24, object: 32, array: 40, binary: 48, objectId: 56, bool: 64, date: 72, none: 80 } as const
const { null: nil, number, string, object, array, binary, objectId, bool, date, none } = RANK
/** In the order of T; values of rank `none` are not compared here. */
const RANKS = [none, number, string, object, array, binary, nil, objectId, bool, date, nil, none, none, none, string, none, number, none, number, number]
/** Only values of one rank compare with `$gt` and its like. Missing ranks as null. */
export const rankOf = (value: Val | undefined): number => value === undefined ? nil : RANKS[value.type] ?? none
/** A key under construction: the order of its bytes (memcmp) is the order of the values. */
export class KeyWriter extends Writer {
  /** Appends a value, null for a missing one, or an encoded one; `descending` turns its bytes round. Throws BadValue (2) for types that have no order here. */
  value (value: Val | Buffer | undefined, descending = false): this {
    const start = this.pos
    if (Buffer.isBuffer(value)) this.raw(value)
    else this.byte(rankOf(value)).payload(value)
    if (descending) this.turn(start)
    return this
  }

  private turn (start: number): void { for (let i = start; i < this.pos; i++) this.buf[i] = 255 - (this.buf[i] as number) }
  private payload (value: Val | undefined): this {
    if (value === undefined) return this
    const { type, buf, start, end } = value
    switch (type) {
      case T.null: return this
      case T.double: case T.int: case T.long: return this.number(value)
      case T.string: return this.escaped(buf, start + 4, end - 1)
      case T.object: case T.array:
        // Of two documents MongoDB compares the fields one after the other by type, name and value; of two arrays by type and value.
        for (const [name, item] of fields(value)) type === T.array ? this.value(item) : this.byte(rankOf(item)).text(name).payload(item)
        return this.byte(0)
      case T.binData: return this.put('writeBigUInt64BE', BigInt(buf.readInt32LE(start))).raw(buf, start + 4, end)
      case T.objectId: case T.bool: return this.raw(buf, start, end)
      case T.date: return this.put('writeBigUInt64BE', value.long + (1n << 63n))
      default: throw new MongoError(2, `comparing, sorting or indexing values of type ${value.typeName} is not supported by the embedded server`)
    }
  }

  /** A double in the order of its bytes; from 2^53 on followed by what a Long has above it, so that neighbours that share a double stay apart. */
  private number (value: Val): this {
    if (Number.isNaN(value.number)) return this.put('writeBigUInt64BE', 0n) // less than every other number
    let below = value.number
    // Number() rounds to the nearest double: step to the one that is not above the value (they are at most 1,024 apart up to 2^63).
    if (value.type === T.long) for (let gap = 1; BigInt(below) > value.long; gap *= 2) below = Number(value.long - BigInt(gap))
    const start = this.put('writeDoubleBE', below + 0).pos - 8 // -0 equals 0
    if (below < 0) this.turn(start)
    else this.buf[start] = (this.buf[start] as number) | 0x80
    if (Math.abs(below) < 2 ** 53) return this
    const above = value.type === T.long ? Number(value.long - BigInt(below)) : 0
    return this.byte(above >> 8).byte(above & 255)
  }

  /** Bytes 0 and 1 are escaped, so that 0 can end the text and a text sorts before its continuations. */
  private escaped (buf: Buffer, start: number, end: number): this {
    for (let i = start; i < end; i++) buf[i] as number > 1 ? this.byte(buf[i] as number) : this.byte(1).byte(buf[i] as number + 1)
    return this.byte(0)
  }

  compare (bytes: Buffer): number { return this.buf.compare(bytes, 0, bytes.length, 0, this.pos) }
  /** A copy of the bytes written so far. */
  take (): Buffer { return Buffer.from(this.done()) }
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
  const out = Buffer.from(prefix.subarray(0, prefix.findLastIndex(byte => byte !== 255) + 1))
  out[out.length - 1] = (out.at(-1) as number) + 1
  return out
}
