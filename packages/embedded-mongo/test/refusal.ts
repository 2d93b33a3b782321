// What the cases of refusals share.
import { Binary, type Document } from 'mongodb'

// The codes are those of MongoDB's src/mongo/base/error_codes.yml, and for stages of the manual, Aggregation
// Pipeline.
export const BAD_VALUE = 2
export const FAILED_TO_PARSE = 9
export const TYPE_MISMATCH = 14
export const ILLEGAL_OPERATION = 20
export const PATH_NOT_VIABLE = 28
export const CONFLICTING_UPDATE = 40
export const COMMAND_NOT_FOUND = 59
export const IMMUTABLE_FIELD = 66
export const CANNOT_CREATE_INDEX = 67
export const INVALID_OPTIONS = 72
export const INVALID_NAMESPACE = 73
export const INVALID_INDEX_OPTION = 197
export const INVALID_LENGTH = 16
export const SORT_ORDER = 15975
export const NOT_IMPLEMENTED = 238
export const DOLLAR_PREFIXED = 52
export const UNKNOWN_STAGE = 40324
export const UNKNOWN_FIELD = 40415

/** A command, the codes that refuse it, and what the error must mention. */
export type Refusal = [command: Document, codes: number | number[], mention: string]

export const find = (filter: Document): Document => ({ find: 'items', filter })
export const update = (u: Document | Document[], more: Document = {}): Document => ({
  update: 'items',
  updates: [{ q: {}, u, ...more }]
})
export const index = (key: Document, more: Document = {}): Document => ({
  createIndexes: 'items',
  indexes: [{ key, name: 'refused', ...more }]
})
export const aggregate = (...pipeline: Document[]): Document => ({ aggregate: 'items', pipeline, cursor: {} })
// Bytes that, read as a document, lead back to their beginning: a field with an empty name, and a length of
// -2.
export const ENDLESS = new Binary(Buffer.from([0, 0xfe, 0xff, 0xff, 0xff]), 3)
export const COUNT = { $group: { _id: 1, n: { $sum: 1 } } }
