import { isUtf8 } from 'node:buffer'
import { valueEnd } from './bson.js'
import { T } from './bson-value.js'
import { MongoError } from './errors.js'

/** MongoDB's storage has the same limit (MongoDB manual, MongoDB Limits and Thresholds). */
const MAX_DEPTH = 180
/** Length, type byte of the end. */
const MIN_DOCUMENT = 5
const DB_POINTER_ID = 12

const invalid = (why: string): MongoError => new MongoError(22, `invalid BSON: ${why}`)

/**
 * Checks every length, type, name and text of the document at `start`.
 *
 * @param limit the document must end here or before
 * @returns the end of the document
 * @throws MongoError InvalidBSON (22), or Overflow (15) beyond 180 levels
 */
export function validate (buf: Buffer, start: number, limit: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new MongoError(15, `document exceeds ${MAX_DEPTH} levels of nesting`)
  const end = start + lengthAt(buf, start, limit)
  const last = end - 1
  if (end < start + MIN_DOCUMENT || end > limit || buf[last] !== 0) {
    throw invalid('a document with a wrong length')
  }
  let pos = start + 4
  while (pos < last) {
    const type = buf[pos] as number
    const valueStart = checkName(buf, pos + 1, last)
    pos = checkValue(type, buf, valueStart, last, depth)
    if (pos > last) throw invalid('a value that ends outside its document')
  }
  return end
}

/** @returns the end of the value, which may lie beyond `limit` */
function checkValue (type: number, buf: Buffer, pos: number, limit: number, depth: number): number {
  switch (type) {
    case T.object:
    case T.array:
      return validate(buf, pos, limit, depth + 1)
    case T.string:
    case T.javascript:
    case T.symbol:
      return checkString(buf, pos, limit)
    case T.dbPointer:
      return checkString(buf, pos, limit) + DB_POINTER_ID
    case T.regex: {
      const options = checkName(buf, pos, limit)
      return checkName(buf, options, limit)
    }
    case T.javascriptWithScope:
      return checkCodeWithScope(buf, pos, limit, depth)
    case T.binData:
      if (lengthAt(buf, pos, limit) < 0) throw invalid('binary data with a wrong length')
      break
    case T.bool:
      if ((buf[pos] as number) > 1) throw invalid('a boolean that is neither 0 nor 1')
  }
  return valueEnd(type, buf, pos)
}

function checkCodeWithScope (buf: Buffer, pos: number, limit: number, depth: number): number {
  const end = pos + lengthAt(buf, pos, limit)
  if (end > limit) throw invalid('code with a wrong length')
  const scope = checkString(buf, pos + 4, end)
  if (validate(buf, scope, end, depth + 1) !== end) throw invalid('code with a wrong length')
  return end
}

/** @returns the length at `pos`, or -1, which no value may have, if it does not fit before `limit` */
function lengthAt (buf: Buffer, pos: number, limit: number): number {
  return pos + 4 <= limit ? buf.readInt32LE(pos) : -1
}

/**
 * Checks a text that ends with the 0 at `nul`. Most texts are ASCII; calling Node's UTF-8 check for those
 * costs more than looking at the bytes.
 *
 * @returns the end of the text
 */
function checkText (buf: Buffer, start: number, nul: number, limit: number): number {
  if (nul < start || nul >= limit || buf[nul] !== 0) throw invalid('a text without its end')
  let ascii = start
  while (buf[ascii] as number < 0x80 && ascii < nul) ascii++
  if (ascii < nul && !isUtf8(buf.subarray(ascii, nul))) throw invalid('a text that is not UTF-8')
  return nul + 1
}

/** Names and regular expressions end at their first 0. */
function checkName (buf: Buffer, pos: number, limit: number): number {
  return checkText(buf, pos, buf.indexOf(0, pos), limit)
}

function checkString (buf: Buffer, pos: number, limit: number): number {
  return checkText(buf, pos + 4, pos + 3 + lengthAt(buf, pos, limit), limit)
}
