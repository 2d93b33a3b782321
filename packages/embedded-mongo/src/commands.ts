import { MongoError } from './errors.js'
import { type Plain, fields, get, show } from './bson.js'
import * as admin from './admin.js'
import { type Context, type Handler, Options, namespaceOf, specOf } from './context.js'
import * as indexes from './indexes.js'
import { type Examined, type Query, Turn, drain, planOf, run } from './query.js'
import * as reads from './reads.js'
import { OP_QUERY, type Request } from './wire.js'
import * as writes from './writes.js'

const COMMON = specOf('ignored $db lsid $clusterTime $readPreference comment apiVersion apiDeprecationErrors; object readConcern writeConcern; ' +
  'count maxTimeMS; transaction txnNumber startTransaction autocommit')
const WRITE = 'bool ordered; ignored bypassDocumentValidation; refused let stmtId stmtIds'
/** Every command with the options that it takes beside the common ones; everything else is refused by name. */
const table: Record<string, [run: Handler, takes: string]> = {
  ping: [() => ({ ok: 1 }), ''],
  endSessions: [() => ({ ok: 1 }), ''],
  buildInfo: [admin.buildInfo, ''],
  find: [reads.find, 'object filter sort projection; count skip limit batchSize; bool singleBatch; hint hint; ' +
    'ignored allowDiskUse allowPartialResults oplogReplay; refused collation let noCursorTimeout min max returnKey showRecordId tailable awaitData'],
  getMore: [reads.getMore, 'string collection; count batchSize'],
  killCursors: [reads.killCursors, 'array cursors'],
  count: [reads.count, 'object query; hint hint; count skip; integer limit; ignored fields; refused collation let'],
  distinct: [reads.distinct, 'object query; string key; refused collation let'],
  aggregate: [reads.aggregate, 'array pipeline; object cursor; hint hint; ignored allowDiskUse; refused collation let explain'],
  insert: [writes.insert, `array documents; ${WRITE}`],
  update: [writes.update, `array updates; ${WRITE}`],
  delete: [writes.remove, `array deletes; ${WRITE}`],
  findAndModify: [writes.findAndModify, 'object query sort fields; bool remove new upsert; any update; hint hint; ' +
    'ignored bypassDocumentValidation; refused collation let arrayFilters'],
  create: [admin.create, 'refused capped size max validator viewOn pipeline collation timeseries expireAfterSeconds clusteredIndex'],
  drop: [admin.drop, ''],
  dropDatabase: [admin.dropDatabase, ''],
  listCollections: [admin.listCollections, 'object filter cursor; bool nameOnly; ignored authorizedCollections'],
  listDatabases: [admin.listDatabases, 'bool nameOnly; ignored authorizedDatabases; refused filter'],
  listIndexes: [admin.listIndexes, 'object cursor'],
  createIndexes: [indexes.createIndexes, 'array indexes; ignored commitQuorum'],
  dropIndexes: [indexes.dropIndexes, 'any index'],
  validate: [admin.validate, 'ignored full metadata'],
  explain: [explain, 'object explain; string verbosity']
}
const commands = new Map(Object.entries(table).map(([name, [run, takes]]) => [name, { run, takes: { ...COMMON, [name]: 'any' as const, ...specOf(takes) } }]))
/** The option that holds the filter, of the commands that can be explained. */
const FILTERS = new Map(Object.entries({ find: 'filter', count: 'query', distinct: 'query', findAndModify: 'query', aggregate: '', update: 'q', delete: 'q' }))
/** Tells how a command would find its documents, of several statements the first: by which index, or by a scan.
  * Unless only the plan is asked for, the documents are read and counted; nothing is changed. */
async function explain (context: Context, outer: Options): Promise<Plain> {
  const given = fields(context.target)
  const [command, target] = given[0] ?? ['', context.target]
  const filter = FILTERS.get(command)
  if (filter === undefined) throw new MongoError(59, `Explain failed due to unknown command: ${command}`)
  const inner = { ...context, command, target }
  let options = new Options(command, given, commands.get(command)?.takes ?? {})
  const [statement] = command === 'update' || command === 'delete' ? options.docs(`${command}s`) : []
  if (statement !== undefined) options = new Options(command, fields(statement), command === 'update' ? writes.UPDATE : writes.DELETE)
  const query = command === 'aggregate' ? reads.pipelineQuery(inner, options).query : reads.queryOf(inner, options, filter)
  const chosen = planOf(context.store, query)
  const [index, direction] = [chosen?.index, chosen?.reverse === true ? 'backward' : 'forward']
  const scan: Plain = { stage: 'IXSCAN', indexName: index?.name, keyPattern: new Map(index?.key), isMultiKey: index?.multikey.some(Boolean), direction }
  const all: Plain = chosen === undefined ? { stage: 'EOF' } : { stage: 'COLLSCAN', direction }
  const source = index === undefined ? all : { stage: 'FETCH', inputStage: scan }
  const winningPlan = chosen?.sorted === false ? { stage: 'SORT', inputStage: source } : source
  const planOnly = outer.val('verbosity')?.string === 'queryPlanner'
  const executionStats = planOnly ? undefined : await execute(context, query)
  const queryPlanner = { namespace: namespaceOf(inner), winningPlan, rejectedPlans: [] }
  return { explainVersion: '1', queryPlanner, executionStats, command: context.target, ok: 1 }
}

/** Reads a query's documents to count what that takes. */
async function execute ({ store, turn }: Context, query: Query): Promise<Plain> {
  const examined: Examined = { keys: 0, docs: 0 }
  let nReturned = 0
  await drain(run(store, query, examined), turn, () => ++nReturned > 0)
  const { keys, docs } = examined
  return { executionSuccess: true, nReturned, totalKeysExamined: keys, totalDocsExamined: docs }
}

/** Runs one command. Throws MongoError. */
export async function runCommand (base: Pick<Context, 'store' | 'cursors' | 'connection'>, { body, sequences, opCode }: Request): Promise<Plain> {
  const { store, cursors, connection } = base // spreading it instead takes microseconds
  const given = fields(body)
  const [command, target] = given[0] ?? ['', body]
  if (['hello', 'isMaster', 'ismaster'].includes(command)) return admin.hello(command, connection)
  if (opCode === OP_QUERY) throw new MongoError(352, `Unsupported OP_QUERY command: ${command}. The client driver may require an upgrade.`)
  const db = get(body, '$db')?.string
  if (db === undefined) throw new MongoError(40414, 'OP_MSG requests require a $db argument')
  if (db === '' || Buffer.byteLength(db) > 63 || /[/\\. "$*<>:|?\0]/.test(db)) throw new MongoError(73, `Invalid database name: '${db}'`)
  const found = commands.get(command)
  if (found === undefined) throw new MongoError(59, `no such command: '${command}'`)
  const options = new Options(command, given, found.takes, sequences)
  // A write is answered when it is on the disk of this one server: more can't be promised.
  const [w, level] = [get(options.val('writeConcern'), 'w'), get(options.val('readConcern'), 'level')]
  const here = w === undefined || (w.isNumber && w.number <= 1) || show(w) === '"majority"'
  if (!here) throw new MongoError(2, `cannot use 'w' ${show(w)} when a host is not replicated`)
  if (level !== undefined && show(level) === '"snapshot"') throw new MongoError(246, 'read concern level snapshot is not supported by the embedded server')
  return await found.run({ store, cursors, connection, command, db, target, turn: new Turn(options.number('maxTimeMS') ?? 0) }, options)
}
