/** MongoDB's error codes (src/mongo/base/error_codes.yml) with their names, those that this server can answer. */
const names: Record<number, string> = {
  1: 'InternalError',
  2: 'BadValue',
  9: 'FailedToParse',
  14: 'TypeMismatch',
  15: 'Overflow',
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
  10334: 'BSONObjectTooLarge',
  11000: 'DuplicateKey',
  14031: 'OutOfDiskSpace',
  40415: 'IDLUnknownField',
  40414: 'IDLFailedToParse'
}

/** An error that is answered to the client with MongoDB's code; `extra` are further fields of the answer. */
export class MongoError extends Error {
  readonly code: number
  readonly extra: Record<string, unknown> | undefined
  constructor (code: number, message: string, extra?: Record<string, unknown>) {
    super(message)
    this.code = code
    this.extra = extra
  }

  get codeName (): string {
    return names[this.code] ?? `Location${this.code}`
  }
}

/** Something that MongoDB does and this server, on purpose, does not. */
export function notImplemented (what: string): MongoError {
  return new MongoError(238, `${what} is not supported by the embedded server`)
}
