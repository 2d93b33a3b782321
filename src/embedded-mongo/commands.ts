import { MongoError } from './errors.js'
import { type Val, fields } from './bson.js'
import type { Plain } from './build.js'
import * as admin from './admin.js'
import { type Context, type Handler, checkConcerns, checkDatabaseName } from './context.js'
import * as indexes from './indexes.js'
import { explain, validate } from './inspect.js'
import { Options, type Spec } from './options.js'
import { Turn } from './query.js'
import * as reads from './reads.js'
import * as writes from './writes.js'
import type { Request } from './wire.js'

interface Command { run: Handler, takes: Spec }

const COLLATION = { collation: 'refused', let: 'refused' } as const
const WRITE = { ordered: 'bool', bypassDocumentValidation: 'ignored', let: 'refused', stmtId: 'refused', stmtIds: 'refused', maxTimeMS: 'count' } as const

/** Every command with the options that it takes; everything else is refused by name. */
const commands: Record<string, Command> = {
  ping: { run: admin.ping, takes: {} },
  buildInfo: { run: admin.buildInfo, takes: {} },
  endSessions: { run: admin.noOp, takes: {} },
  find: {
    run: reads.find,
    takes: {
      filter: 'object', sort: 'object', projection: 'object', hint: 'hint', skip: 'count', limit: 'count', batchSize: 'count', singleBatch: 'bool', ...COLLATION, allowDiskUse: 'ignored',
      allowPartialResults: 'ignored', noCursorTimeout: 'refused', oplogReplay: 'ignored', min: 'refused', max: 'refused', returnKey: 'refused', showRecordId: 'refused', tailable: 'refused', awaitData: 'refused'
    }
  },
  getMore: { run: reads.getMore, takes: { collection: 'string', batchSize: 'count' } },
  killCursors: { run: reads.killCursors, takes: { cursors: 'array' } },
  count: { run: reads.count, takes: { query: 'object', limit: 'integer', skip: 'count', hint: 'hint', fields: 'ignored', ...COLLATION } },
  distinct: { run: reads.distinct, takes: { key: 'string', query: 'object', hint: 'hint', ...COLLATION } },
  aggregate: { run: reads.aggregate, takes: { pipeline: 'array', cursor: 'object', hint: 'hint', explain: 'bool', allowDiskUse: 'ignored', bypassDocumentValidation: 'ignored', ...COLLATION } },
  insert: { run: writes.insert, takes: { documents: 'array', ...WRITE } },
  update: { run: writes.update, takes: { updates: 'array', ...WRITE } },
  delete: { run: writes.remove, takes: { deletes: 'array', ...WRITE } },
  findAndModify: {
    run: writes.findAndModify,
    takes: { query: 'object', sort: 'object', remove: 'bool', update: 'any', new: 'bool', fields: 'object', upsert: 'bool', hint: 'hint', bypassDocumentValidation: 'ignored', arrayFilters: 'refused', ...COLLATION }
  },
  create: {
    run: admin.create,
    takes: Object.fromEntries(['capped', 'size', 'max', 'validator', 'validationLevel', 'validationAction', 'viewOn', 'pipeline', 'collation', 'timeseries', 'expireAfterSeconds', 'clusteredIndex', 'changeStreamPreAndPostImages', 'encryptedFields', 'storageEngine', 'indexOptionDefaults', 'autoIndexId'].map(name => [name, 'refused']))
  },
  drop: { run: admin.drop, takes: {} },
  dropDatabase: { run: admin.dropDatabase, takes: {} },
  listCollections: { run: admin.listCollections, takes: { filter: 'object', nameOnly: 'bool', authorizedCollections: 'ignored', cursor: 'object' } },
  listDatabases: { run: admin.listDatabases, takes: { filter: 'object', nameOnly: 'bool', authorizedDatabases: 'ignored' } },
  listIndexes: { run: admin.listIndexes, takes: { cursor: 'object' } },
  createIndexes: { run: indexes.createIndexes, takes: { indexes: 'array', commitQuorum: 'ignored', ignoreUnknownIndexOptions: 'refused' } },
  dropIndexes: { run: indexes.dropIndexes, takes: { index: 'any' } },
  validate: { run: validate, takes: { full: 'ignored', metadata: 'ignored' } },
  explain: { run: explain(explained), takes: { verbosity: 'string' } }
}

const aliases: Record<string, string> = { findandmodify: 'findAndModify', buildinfo: 'buildInfo' }

const GREETINGS = ['hello', 'isMaster', 'ismaster']

function explained (name: string, command: Val): Options { return parseOptions(name, command, new Map()) }

function parseOptions (name: string, body: Val, sequences: Request['sequences']): Options {
  const { takes } = commands[name] as Command
  const first = (fields(body)[0] as [string, Val])[0]
  return new Options(name, body, { ...takes, [first]: 'any' }, true, sequences)
}

/** Runs one command. Throws MongoError with MongoDB's code. */
export async function runCommand (base: Pick<Context, 'store' | 'cursors' | 'connection'>, { body, sequences, opCode }: Pick<Request, 'body' | 'sequences' | 'opCode'>, queryOpCode: number): Promise<Plain> {
  const [given, target] = fields(body)[0] ?? []
  if (given === undefined || target === undefined) throw new MongoError(59, "no such command: ''")
  const name = aliases[given] ?? given
  const database = fields(body).find(([field]) => field === '$db')?.[1]
  const context: Context = { ...base, command: name, target, db: opCode === queryOpCode ? 'admin' : database?.string ?? '', turn: new Turn(0) }
  if (GREETINGS.includes(name)) return admin.hello(context)
  if (opCode === queryOpCode) throw new MongoError(352, `Unsupported OP_QUERY command: ${name}. The client driver may require an upgrade.`)
  if (database === undefined) throw new MongoError(40414, 'OP_MSG requests require a $db argument')
  checkDatabaseName(context.db)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new MongoError(59, `no such command: '${name}'`)
  const options = parseOptions(name, body, sequences)
  checkConcerns(options)
  return await command.run({ ...context, turn: new Turn(options.number('maxTimeMS') ?? 0) }, options)
}
