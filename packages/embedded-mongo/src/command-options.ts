import { type Spec, specOf } from './options.js'

/** Options that every command takes. */
const COMMON = specOf({
  ignored: [
    '$db', 'lsid', '$clusterTime', '$readPreference', 'comment', 'apiVersion', 'apiDeprecationErrors'
  ],
  object: ['readConcern', 'writeConcern'],
  count: ['maxTimeMS'],
  transaction: ['txnNumber', 'startTransaction', 'autocommit']
})

const WRITE: Parameters<typeof specOf>[0] = {
  bool: ['ordered'],
  ignored: ['bypassDocumentValidation'],
  refused: ['let', 'stmtId', 'stmtIds']
}

/** The options of one statement of an update. */
export const UPDATE = specOf({
  object: ['q'],
  any: ['u'],
  bool: ['multi', 'upsert'],
  hint: ['hint'],
  refused: ['c', 'collation', 'arrayFilters']
})

/** The options of one statement of a delete. */
export const DELETE = specOf({
  object: ['q'],
  integer: ['limit'],
  hint: ['hint'],
  refused: ['collation']
})

/** The options of one index of createIndexes. */
export const INDEX = specOf({
  string: ['name'],
  object: ['key'],
  bool: ['unique'],
  ignored: ['v', 'background', 'ns', 'dropDups'],
  refused: [
    'sparse', 'partialFilterExpression', 'expireAfterSeconds', 'hidden', 'collation', 'storageEngine',
    'clustered', 'prepareUnique'
  ]
})

/** The options of each command besides the common ones. Every other option is refused by name. */
const OWN: Record<string, Parameters<typeof specOf>[0]> = {
  ping: {},
  endSessions: {},
  buildInfo: {},
  find: {
    object: ['filter', 'sort', 'projection'],
    count: ['skip', 'limit', 'batchSize'],
    bool: ['singleBatch'],
    hint: ['hint'],
    ignored: ['allowDiskUse', 'allowPartialResults', 'oplogReplay'],
    refused: [
      'collation', 'let', 'noCursorTimeout', 'min', 'max', 'returnKey', 'showRecordId', 'tailable',
      'awaitData'
    ]
  },
  getMore: { string: ['collection'], count: ['batchSize'] },
  killCursors: { array: ['cursors'] },
  count: {
    object: ['query'],
    hint: ['hint'],
    count: ['skip'],
    integer: ['limit'],
    ignored: ['fields'],
    refused: ['collation', 'let']
  },
  distinct: { object: ['query'], string: ['key'], refused: ['collation', 'let'] },
  aggregate: {
    array: ['pipeline'],
    object: ['cursor'],
    hint: ['hint'],
    ignored: ['allowDiskUse'],
    refused: ['collation', 'let', 'explain']
  },
  insert: { array: ['documents'], ...WRITE },
  update: { array: ['updates'], ...WRITE },
  delete: { array: ['deletes'], ...WRITE },
  findAndModify: {
    object: ['query', 'sort', 'fields'],
    bool: ['remove', 'new', 'upsert'],
    any: ['update'],
    hint: ['hint'],
    ignored: ['bypassDocumentValidation'],
    refused: ['collation', 'let', 'arrayFilters']
  },
  create: {
    refused: [
      'capped', 'size', 'max', 'validator', 'viewOn', 'pipeline', 'collation', 'timeseries',
      'expireAfterSeconds', 'clusteredIndex'
    ]
  },
  drop: {},
  dropDatabase: {},
  listCollections: { object: ['filter', 'cursor'], bool: ['nameOnly'], ignored: ['authorizedCollections'] },
  listDatabases: { bool: ['nameOnly'], ignored: ['authorizedDatabases'], refused: ['filter'] },
  listIndexes: { object: ['cursor'] },
  createIndexes: { array: ['indexes'], ignored: ['commitQuorum'] },
  dropIndexes: { any: ['index'] },
  validate: { ignored: ['full', 'metadata'] },
  explain: { object: ['explain'], string: ['verbosity'] }
}

/** All options of each command. The first field of a command is its name, with a value of any type. */
const ALL = new Map<string, Spec>()
for (const [name, own] of Object.entries(OWN)) {
  ALL.set(name, { ...COMMON, [name]: 'any', ...specOf(own) })
}

/** Returns the options that a command takes; none for an unknown command. */
export const optionsOf = (command: string): Spec => ALL.get(command) ?? {}
