/** Element types of https://bsonspec.org/spec.html, with the names that MongoDB's `$type` operator uses. */
export enum T {
  double = 1,
  string,
  object,
  array,
  binData,
  undefined,
  objectId,
  bool,
  date,
  null,
  regex,
  dbPointer,
  javascript,
  symbol,
  javascriptWithScope,
  int,
  timestamp,
  long,
  decimal,
  maxKey = 127,
  minKey = 255
}

/**
 * One BSON value at its place in a message or a stored document. Nothing is decoded before it is needed, so a
 * value of any type keeps its bytes.
 */
export class Val {
  constructor (readonly type: number, readonly buf: Buffer, readonly start: number, readonly end: number) {}

  get typeName (): string { return T[this.type] as string }

  get bytes (): Buffer { return this.buf.subarray(this.start, this.end) }

  get isNumber (): boolean { return this.type === T.int || this.type === T.double || this.type === T.long }

  get isObject (): boolean { return this.type === T.object }

  get isArray (): boolean { return this.type === T.array }

  get string (): string { return this.buf.toString('utf8', this.start + 4, this.end - 1) }

  /** A long beyond 2^53 loses digits: use this for options and for arithmetic on doubles only. */
  get number (): number {
    if (this.type === T.double) return this.buf.readDoubleLE(this.start)
    return this.type === T.int ? this.#int : Number(this.long)
  }

  get long (): bigint {
    return this.type === T.int ? BigInt(this.#int) : this.buf.readBigInt64LE(this.start)
  }

  get #int (): number { return this.buf.readInt32LE(this.start) }

  /**
   * Truth as MongoDB defines it for options: a number other than 0, true, any value except null and
   * undefined.
   */
  get truthy (): boolean {
    if (this.isNumber) return this.number !== 0
    if (this.type === T.bool) return this.buf[this.start] === 1
    return this.type !== T.null && this.type !== T.undefined
  }
}

export type Field = [name: string, value: Val]

export type Doc = Map<string, Plain> | { [name: string]: Plain }

/**
 * A value that can be written as BSON: raw values and whole documents (Buffer) as they are, whole numbers as
 * int32 where they fit, bigint as int64.
 */
export type Plain =
  Val | Buffer | string | number | bigint | boolean | null | undefined | Date | Plain[] | Doc

/** Views a whole BSON document as a value. */
export const docVal = (buf: Buffer): Val => new Val(T.object, buf, 0, buf.length)
