import { fields } from './bson.js'
import { T, type Val } from './bson-value.js'
import { Writer } from './bson-writer.js'
import { MongoError } from './errors.js'

/**
 * First byte of an encoded value: the types in MongoDB's comparison order (MongoDB manual, Comparison/Sort
 * Order). `emptyArray` stands for [] in indexes and sorts only. `none`: types that this server does not
 * compare.
 */
export const RANK = {
  emptyArray: 4,
  null: 8,
  number: 16,
  string: 24,
  object: 32,
  array: 40,
  binary: 48,
  objectId: 56,
  bool: 64,
  date: 72,
  none: 80
} as const

/** The rank of each type, in the order of T. */
const RANKS = [
  RANK.none, // 0 is not a type
  RANK.number, // double
  RANK.string,
  RANK.object,
  RANK.array,
  RANK.binary,
  RANK.null, // undefined
  RANK.objectId,
  RANK.bool,
  RANK.date,
  RANK.null,
  RANK.none, // regex
  RANK.none, // dbPointer
  RANK.none, // javascript
  RANK.string, // symbol
  RANK.none, // javascriptWithScope
  RANK.number, // int
  RANK.none, // timestamp
  RANK.number // long
]

const SIGN_BIT = 0x80
const INT64_OFFSET = 1n << 63n
/** From here on neighbouring longs share a double. */
const FIRST_INEXACT = 2 ** 53

/** Ranks a value; missing values rank as null. `$gt` and the other ranges compare values of one rank only. */
export function rankOf (value: Val | undefined): number {
  return value === undefined ? RANK.null : RANKS[value.type] ?? RANK.none
}

/** A key under construction. The order of its bytes (memcmp) is the order of the values. */
export class KeyWriter extends Writer {
  /**
   * Appends a value, null for a missing one, or a value that is encoded already.
   *
   * @param descending inverts the bytes
   * @throws MongoError BadValue (2) for a type that has no order here
   */
  value (value: Val | Buffer | undefined, descending = false): this {
    const start = this.pos
    if (Buffer.isBuffer(value)) this.raw(value)
    else this.byte(rankOf(value)).#payload(value)
    if (descending) this.#invert(start)
    return this
  }

  /** Compares the bytes written so far with these: below, at or above 0. */
  compare (bytes: Buffer): number { return this.buf.compare(bytes, 0, bytes.length, 0, this.pos) }

  /** Copies the bytes written so far. */
  take (): Buffer { return Buffer.from(this.done()) }

  reset (): this {
    this.pos = 0
    return this
  }

  #invert (start: number): void {
    for (let i = start; i < this.pos; i++) this.buf[i] = 255 - (this.buf[i] as number)
  }

  #payload (value: Val | undefined): this {
    if (value === undefined) return this
    const { type, buf, start, end } = value
    switch (type) {
      case T.null: return this
      case T.double:
      case T.int:
      case T.long:
        return this.#number(value)
      case T.string: return this.#escaped(buf, start + 4, end - 1)
      case T.object: return this.#object(value)
      case T.array: return this.#array(value)
      case T.binData:
        return this.put('writeBigUInt64BE', BigInt(buf.readInt32LE(start))).raw(buf, start + 4, end)
      case T.objectId:
      case T.bool:
        return this.raw(buf, start, end)
      case T.date: return this.put('writeBigUInt64BE', value.long + INT64_OFFSET)
      default: {
        const what = `comparing, sorting or indexing values of type ${value.typeName}`
        throw new MongoError(2, `${what} is not supported by the embedded server`)
      }
    }
  }

  /** MongoDB compares the fields of two documents in turn: type, then name, then value. */
  #object (value: Val): this {
    for (const [name, item] of fields(value)) this.byte(rankOf(item)).text(name).#payload(item)
    return this.byte(0)
  }

  /** MongoDB compares the elements of two arrays in turn: type, then value. */
  #array (value: Val): this {
    for (const [, item] of fields(value)) this.value(item)
    return this.byte(0)
  }

  /**
   * Writes a double whose bytes are in the order of the numbers. From 2^53 on, what a long exceeds the double
   * by follows, so that neighbouring longs that share a double differ.
   */
  #number (value: Val): this {
    // MongoDB sorts NaN below all other numbers.
    if (Number.isNaN(value.number)) return this.put('writeBigUInt64BE', 0n)
    const below = value.type === T.long ? doubleBelow(value.long) : value.number
    const start = this.pos
    this.put('writeDoubleBE', below + 0) // adding 0 turns -0 into 0, which it equals
    if (below < 0) this.#invert(start)
    else this.buf[start] = (this.buf[start] as number) | SIGN_BIT
    if (Math.abs(below) < FIRST_INEXACT) return this
    const above = value.type === T.long ? Number(value.long - BigInt(below)) : 0
    return this.byte(above >> 8).byte(above & 255)
  }

  /** Escapes the bytes 0 and 1: then 0 can end the text, and a text sorts before its continuations. */
  #escaped (buf: Buffer, start: number, end: number): this {
    for (let i = start; i < end; i++) {
      const byte = buf[i] as number
      if (byte > 1) this.byte(byte)
      else this.byte(1).byte(byte + 1)
    }
    return this.byte(0)
  }
}

/** Finds the greatest double that is not above a long. Number() rounds to the nearest, which may be above. */
function doubleBelow (long: bigint): number {
  let below = Number(long)
  // Neighbouring doubles are at most 1,024 apart up to 2^63.
  for (let gap = 1; BigInt(below) > long; gap *= 2) below = Number(long - BigInt(gap))
  return below
}

const shared = new KeyWriter()

/**
 * Encodes a value in MongoDB's order: memcmp of two encoded values compares the values, equality included.
 */
export const encode = (value: Val | undefined): Buffer => shared.reset().value(value).take()

/** Encodes a value as a string, for use in sets and maps. */
export const identity = (value: Val | undefined): string => encode(value).toString('latin1')

/** Compares a value with an encoded one: below, at or above 0. */
export function compareEncoded (value: Val | undefined, key: Buffer): number {
  return shared.reset().value(value).compare(key)
}

/** Finds the first key after all keys that begin with these bytes. */
export function after (prefix: Buffer): Buffer {
  const lastBelow255 = prefix.findLastIndex(byte => byte !== 255)
  const out = Buffer.from(prefix.subarray(0, lastBelow255 + 1))
  out[lastBelow255] = (out[lastBelow255] as number) + 1
  return out
}
