import { MongoError } from './errors.js'
import { type Val, fields } from './bson.js'
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

interface Command { run: Handler, takes: Spec }

const all = (kind: Kind, names: string): Spec => Object.fromEntries(names.split(' ').map(name => [name, kind]))

const QUERY: Spec = { ...all('object', 'filter query sort projection fields'), ...all('count', 'skip batchSize'), ...all('refused', 'collation let'), hint: 'hint' }
const pick = (names: string): Spec => Object.fromEntries(names.split(' ').map(name => [name, QUERY[name] as Kind]))
const WRITE: Spec = { ordered: 'bool', bypassDocumentValidation: 'ignored', ...all('refused', 'let stmtId stmtIds') }

/** Every command with the options that it takes beside the common ones; everything else is refused by name. */
const commands = new Map<string, Command>(([
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
  ['distinct', [reads.distinct, { ...pick('query collation let'), key: 'string' }]],
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
  ['explain', [explain(explained), { verbosity: 'string' }]]
] as Array<[string, [Handler, Spec]]>).map(([name, [run, takes]]): [string, Command] => [name, { run, takes: { ...COMMON, ...takes, [name]: 'any' } }]))

function explained (name: string, command: Val): Options { return new Options(name, fields(command), (commands.get(name) as Command).takes) }

const GREETINGS = ['hello', 'isMaster', 'ismaster']
const TRANSACTION = ['txnNumber', 'startTransaction', 'autocommit']

/** Runs one command. Throws MongoError. */
export async function runCommand ({ store, cursors, connection }: Pick<Context, 'store' | 'cursors' | 'connection'>, { body, sequences, opCode }: Pick<Request, 'body' | 'sequences' | 'opCode'>): Promise<Plain> {
  const given = fields(body)
  const [command = '', target = body] = given[0] ?? []
  const db = given.find(([name]) => name === '$db')?.[1]
  const context: Context = { store, cursors, connection, command, target, db: opCode === OP_QUERY ? 'admin' : db?.string ?? '', turn: new Turn(0) }
  if (GREETINGS.includes(command)) return admin.hello(context)
  if (opCode === OP_QUERY) throw new MongoError(352, `Unsupported OP_QUERY command: ${command}. The client driver may require an upgrade.`)
  if (db === undefined) throw new MongoError(40414, 'OP_MSG requests require a $db argument')
  if (context.db === '' || Buffer.byteLength(context.db) > 63 || /[/\\. "$*<>:|?\0]/.test(context.db)) throw new MongoError(73, `Invalid database name: '${context.db}'`)
  const found = commands.get(command)
  if (found === undefined) throw new MongoError(59, `no such command: '${command}'`)
  if (given.some(([name]) => TRANSACTION.includes(name))) throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
  const options = new Options(command, given, found.takes, sequences)
  checkConcerns(options)
  context.turn = new Turn(options.number('maxTimeMS') ?? 0)
  return await found.run(context, options)
}
