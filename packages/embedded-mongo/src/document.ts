import { field, fields, newObjectId, toVal } from './bson.js'
import { type Plain, T, type Val, docVal } from './bson-value.js'
import { validate } from './bson-validate.js'
import { build } from './bson-writer.js'
import { MongoError } from './errors.js'
import { identity } from './keystring.js'
import { MAX_DOCUMENT } from './limits.js'

const ID = Buffer.from('_id')
/**
 * Bytes before the value of a document's first field if its name is _id: length, type, name with its final 0.
 */
const BEFORE_FIRST_ID = 9

export function idOf (doc: Buffer | undefined): Val | undefined {
  return doc === undefined ? undefined : field(docVal(doc), ID)
}

/**
 * Makes the document that an insert stores: its first field is _id.
 *
 * @throws MongoError BadValue (2) for a document that is too large, and the errors of `finishDocument`
 */
export function prepareInsert (doc: Val): Buffer {
  const size = doc.end - doc.start
  if (size > MAX_DOCUMENT) {
    throw new MongoError(2, `object to insert too large: ${size} bytes, max size: ${MAX_DOCUMENT}`)
  }
  const id = field(doc, ID)
  const isFirst = id?.start === doc.start + BEFORE_FIRST_ID
  if (id === undefined || !isFirst) return finishDocument(new Map(fields(doc)))
  checkId(id)
  return doc.bytes
}

/**
 * Makes a document that can be stored: puts _id first, and makes one if there is none.
 *
 * @param old the _id that the document must keep
 * @throws MongoError ImmutableField (66) for another _id, InvalidIdField (53) or DollarPrefixedFieldName (52)
 *   for one that cannot be stored, 17419 for a document that is too large, Overflow (15) for one that is
 *   nested too deep
 */
export function finishDocument (doc: Map<string, Plain>, old?: Val): Buffer {
  const given = doc.get('_id')
  if (old !== undefined) {
    const isSame = given !== undefined && identity(toVal(given)) === identity(old)
    if (!isSame) throw new MongoError(66, "The field '_id' is immutable")
  }
  const id = toVal(given ?? newObjectId())
  checkId(id)
  const ordered = new Map<string, Plain>([['_id', id], ...doc])
  ordered.set('_id', id)
  const bytes = build(ordered)
  if (bytes.length > MAX_DOCUMENT) {
    throw new MongoError(17419, `Resulting document after update is larger than ${MAX_DOCUMENT}`)
  }
  validate(bytes, 0, bytes.length)
  return bytes
}

function checkId (id: Val): void {
  if (id.isArray || id.type === T.regex || id.type === T.undefined) {
    throw new MongoError(53, `The '_id' value cannot be of type ${id.typeName}`)
  }
  const dollar = id.isObject ? fields(id).find(([name]) => name.startsWith('$'))?.[0] : undefined
  if (dollar === undefined) return
  const rule = "_id fields may not contain '$'-prefixed fields"
  throw new MongoError(52, `${rule}: ${dollar} is not valid for storage.`)
}
