import type { Plain } from './bson.js'

/** MongoDB's names of the codes that this server answers (src/mongo/base/error_codes.yml). */
const names = new Map(`1 InternalError,2 BadValue,9 FailedToParse,13 Unauthorized,14 TypeMismatch,15 Overflow,16 InvalidLength,17 ProtocolError,
  20 IllegalOperation,22 InvalidBSON,26 NamespaceNotFound,27 IndexNotFound,28 PathNotViable,40 ConflictingUpdateOperators,43 CursorNotFound,48 NamespaceExists,
  50 MaxTimeMSExpired,52 DollarPrefixedFieldName,53 InvalidIdField,54 NotSingleValueField,56 EmptyFieldName,59 CommandNotFound,66 ImmutableField,
  67 CannotCreateIndex,72 InvalidOptions,73 InvalidNamespace,85 IndexOptionsConflict,86 IndexKeySpecsConflict,171 CannotIndexParallelArrays,175 QueryPlanKilled,
  197 InvalidIndexSpecificationOption,238 NotImplemented,246 SnapshotUnavailable,292 QueryExceededMemoryLimitNoDiskUseAllowed,352 UnsupportedOpQueryCommand,
  11000 DuplicateKey,12051 CursorInUse,14031 OutOfDiskSpace,17280 KeyTooLong,40414 IDLFailedToParse,40415 IDLUnknownField`
  .split(/,\s*/).map(entry => [parseInt(entry), entry.split(' ')[1]]))
/** An error that the client is to get, with MongoDB's code; `extra` are further fields of the answer. */
export class MongoError extends Error {
  constructor (readonly code: number, message: string, readonly extra: Record<string, Plain> = {}) { super(message) }
  get codeName (): string { return names.get(this.code) ?? `Location${this.code}` }
}

/** NotImplemented (238): what MongoDB does and this server, on purpose, does not. */
export function notImplemented (what: string): MongoError { return new MongoError(238, `${what} is not supported by the embedded server`) }
