import { MongoError } from './errors.js'
import { type Val, fields, get } from './bson.js'
import type { Plain } from './build.js'
import * as admin from './admin.js'
import { type Context, type Handler, checkConcerns } from './context.js'
import * as indexes from './indexes.js'
import { explain, validate } from './inspect.js'
import { COMMON, type Kind, Options, type Spec } from './options.js'
import { Turn } from './query.js'
import * as reads from './reads.js'
import { OP_QUERY, type Request } from './wire.js'
import * as writes from './writes.js'

const all = (kind: Kind, names: string): Spec => Object.fromEntries(names.split(' ').map(name => [name, kind]))

const QUERY: Spec = { ...all('object', 'filter query sort projection fields'), ...all('count', 'skip batchSize'), ...all('refused', 'collation let'), hint: 'hint' }
const pick = (names: string): Spec => Object.fromEntries(names.split(' ').map(name => [name, QUERY[name] as Kind]))
const WRITE: Spec = { ordered: 'bool', bypassDocumentValidation: 'ignored', ...all('refused', 'let stmtId stmtIds') }

/** Every command with the options that it takes; everything else is refused by name. */
const commands = new Map<string, [run: Handler, takes: Spec]>([
  ['ping', [admin.ok, {}]],
  ['endSessions', [admin.ok, {}]],
  ['buildInfo', [admin.buildInfo, {}]],
  ['buildinfo', [admin.buildInfo, {}]],
  ['find', [reads.find, {
    ...pick('filter sort projection skip batchSize hint collation let'),
    limit: 'count',
    singleBatch: 'bool',
    ...all('ignored', 'allowDiskUse allowPartialResults oplogReplay'),
    ...all('refused', 'noCursorTimeout min max returnKey showRecordId tailable awaitData')
  }]],
  ['getMore', [reads.getMore, { collection: 'string', batchSize: 'count' }]],
  ['killCursors', [reads.killCursors, { cursors: 'array' }]],
  ['count', [reads.count, { ...pick('query skip hint collation let'), limit: 'integer', fields: 'ignored' }]],
  ['distinct', [reads.distinct, { ...pick('query hint collation let'), key: 'string' }]],
  ['aggregate', [reads.aggregate, { ...pick('hint collation let'), pipeline: 'array', cursor: 'object', explain: 'bool', ...all('ignored', 'allowDiskUse bypassDocumentValidation') }]],
  ['insert', [writes.insert, { documents: 'array', ...WRITE }]],
  ['update', [writes.update, { updates: 'array', ...WRITE }]],
  ['delete', [writes.remove, { deletes: 'array', ...WRITE }]],
  ['findAndModify', [writes.findAndModify, { ...pick('query sort fields hint collation let'), ...all('bool', 'remove new upsert'), update: 'any', bypassDocumentValidation: 'ignored', arrayFilters: 'refused' }]],
  ['create', [admin.create, all('refused', 'capped size max validator validationLevel validationAction viewOn pipeline collation timeseries expireAfterSeconds clusteredIndex changeStreamPreAndPostImages encryptedFields storageEngine indexOptionDefaults')]],
  ['drop', [admin.drop, {}]],
  ['dropDatabase', [admin.dropDatabase, {}]],
  ['listCollections', [admin.listCollections, { filter: 'object', nameOnly: 'bool', authorizedCollections: 'ignored', cursor: 'object' }]],
  ['listDatabases', [admin.listDatabases, { filter: 'object', nameOnly: 'bool', authorizedDatabases: 'ignored' }]],
  ['listIndexes', [admin.listIndexes, { cursor: 'object' }]],
  ['createIndexes', [indexes.createIndexes, { indexes: 'array', commitQuorum: 'ignored' }]],
  ['dropIndexes', [indexes.dropIndexes, { index: 'any' }]],
  ['validate', [validate, all('ignored', 'full metadata')]],
  ['explain', [explain((name, command) => parse(name, command)), { verbosity: 'string' }]]
])

function parse (name: string, body: Val, sequences?: Map<string, Val[]>): Options { return new Options(name, body, { ...COMMON, ...commands.get(name)?.[1], [name]: 'any' }, sequences) }

/** Runs one command. Throws MongoError. */
export async function runCommand (base: Pick<Context, 'store' | 'cursors' | 'connection'>, { body, sequences, opCode }: Pick<Request, 'body' | 'sequences' | 'opCode'>): Promise<Plain> {
  const [command = '', target = body] = fields(body)[0] ?? []
  const db = get(body, '$db')
  const context: Context = { ...base, command, target, db: opCode === OP_QUERY ? 'admin' : db?.string ?? '', turn: new Turn(0) }
  if (['hello', 'isMaster', 'ismaster'].includes(command)) return admin.hello(context)
  if (opCode === OP_QUERY) throw new MongoError(352, `Unsupported OP_QUERY command: ${command}. The client driver may require an upgrade.`)
  if (db === undefined) throw new MongoError(40414, 'OP_MSG requests require a $db argument')
  if (context.db === '' || Buffer.byteLength(context.db) > 63 || /[/\\. "$*<>:|?\0]/.test(context.db)) throw new MongoError(73, `Invalid database name: '${context.db}'`)
  const run = commands.get(command)?.[0]
  if (run === undefined) throw new MongoError(59, `no such command: '${command}'`)
  if (['txnNumber', 'startTransaction', 'autocommit'].some(name => get(body, name) !== undefined)) throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
  const options = parse(command, body, sequences)
  checkConcerns(options)
  context.turn = new Turn(options.number('maxTimeMS') ?? 0)
  return await run(context, options)
}
