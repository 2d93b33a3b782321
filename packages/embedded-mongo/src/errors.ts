import type { Plain } from './bson-value.js'

/** Error codes that this server answers with, by MongoDB's names (src/mongo/base/error_codes.yml). */
const CODE_NAMES: Readonly<Record<number, string>> = {
  1: 'InternalError',
  2: 'BadValue',
  9: 'FailedToParse',
  13: 'Unauthorized',
  14: 'TypeMismatch',
  15: 'Overflow',
  16: 'InvalidLength',
  17: 'ProtocolError',
  20: 'IllegalOperation',
  22: 'InvalidBSON',
  26: 'NamespaceNotFound',
  27: 'IndexNotFound',
  28: 'PathNotViable',
  40: 'ConflictingUpdateOperators',
  43: 'CursorNotFound',
  48: 'NamespaceExists',
  50: 'MaxTimeMSExpired',
  52: 'DollarPrefixedFieldName',
  53: 'InvalidIdField',
  54: 'NotSingleValueField',
  56: 'EmptyFieldName',
  59: 'CommandNotFound',
  66: 'ImmutableField',
  67: 'CannotCreateIndex',
  72: 'InvalidOptions',
  73: 'InvalidNamespace',
  85: 'IndexOptionsConflict',
  86: 'IndexKeySpecsConflict',
  171: 'CannotIndexParallelArrays',
  175: 'QueryPlanKilled',
  197: 'InvalidIndexSpecificationOption',
  238: 'NotImplemented',
  246: 'SnapshotUnavailable',
  292: 'QueryExceededMemoryLimitNoDiskUseAllowed',
  352: 'UnsupportedOpQueryCommand',
  11000: 'DuplicateKey',
  12051: 'CursorInUse',
  14031: 'OutOfDiskSpace',
  17280: 'KeyTooLong',
  40414: 'IDLFailedToParse',
  40415: 'IDLUnknownField'
}

/** An error that is sent to the client with MongoDB's code. */
export class MongoError extends Error {
  /** @param extra further fields of the reply */
  constructor (readonly code: number, message: string, readonly extra: Record<string, Plain> = {}) {
    super(message)
  }

  /** MongoDB answers codes without a name as `Location` and the number. */
  get codeName (): string { return CODE_NAMES[this.code] ?? `Location${this.code}` }
}

/** Makes the error NotImplemented (238), for a feature of MongoDB that this server leaves out on purpose. */
export function notImplemented (what: string): MongoError {
  return new MongoError(238, `${what} is not supported by the embedded server`)
}
