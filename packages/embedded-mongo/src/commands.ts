import * as admin from './admin.js'
import { fields, get, show } from './bson.js'
import type { Plain } from './bson-value.js'
import { optionsOf } from './command-options.js'
import type { Context, Handler } from './context.js'
import { MongoError } from './errors.js'
import { explain } from './explain.js'
import { hello } from './hello.js'
import * as indexes from './indexes.js'
import { Options } from './options.js'
import * as reads from './reads.js'
import { Turn } from './turn.js'
import { validateCollection } from './validate-collection.js'
import { OP_QUERY, type Request } from './wire.js'
import * as writes from './writes.js'

const acknowledge: Handler = () => ({ ok: 1 })

/** All commands besides hello. Their options are in command-options.ts. */
const handlers = new Map<string, Handler>([
  ['ping', acknowledge],
  ['endSessions', acknowledge],
  ['buildInfo', admin.buildInfo],
  ['find', reads.find],
  ['getMore', reads.getMore],
  ['killCursors', reads.killCursors],
  ['count', reads.count],
  ['distinct', reads.distinct],
  ['aggregate', reads.aggregate],
  ['insert', writes.insert],
  ['update', writes.update],
  ['delete', writes.remove],
  ['findAndModify', writes.findAndModify],
  ['create', admin.create],
  ['drop', admin.drop],
  ['dropDatabase', admin.dropDatabase],
  ['listCollections', admin.listCollections],
  ['listDatabases', admin.listDatabases],
  ['listIndexes', indexes.listIndexes],
  ['createIndexes', indexes.createIndexes],
  ['dropIndexes', indexes.dropIndexes],
  ['validate', validateCollection],
  ['explain', explain]
])

/** The command that every connection begins with, and its names before MongoDB 5.0. */
const HELLO = ['hello', 'isMaster', 'ismaster']

/** MongoDB's limit of a database name, in bytes (MongoDB manual, MongoDB Limits and Thresholds). */
const MAX_DATABASE_NAME = 63
const INVALID_IN_DATABASE_NAME = /[/\\. "$*<>:|?\0]/

/**
 * Runs one command.
 *
 * @returns the command's reply
 * @throws MongoError
 */
export async function runCommand (
  base: Pick<Context, 'store' | 'cursors' | 'connection'>, { body, sequences, opCode }: Request
): Promise<Plain> {
  const { store, cursors, connection } = base // faster than spreading it
  const given = fields(body)
  const [command, target] = given[0] ?? ['', body]
  if (HELLO.includes(command)) return hello(command, connection)
  if (opCode === OP_QUERY) {
    const advice = 'The client driver may require an upgrade.'
    throw new MongoError(352, `Unsupported OP_QUERY command: ${command}. ${advice}`)
  }
  const db = get(body, '$db')?.string
  checkDatabase(db)
  const handler = handlers.get(command)
  if (handler === undefined) throw new MongoError(59, `no such command: '${command}'`)
  const options = new Options(command, given, optionsOf(command), sequences)
  checkConcerns(options)
  const turn = new Turn(options.number('maxTimeMS') ?? 0)
  return await handler({ store, cursors, connection, command, db, target, turn }, options)
}

function checkDatabase (db: string | undefined): asserts db is string {
  if (db === undefined) throw new MongoError(40414, 'OP_MSG requests require a $db argument')
  const fits = db !== '' && Buffer.byteLength(db) <= MAX_DATABASE_NAME
  const isValid = fits && !INVALID_IN_DATABASE_NAME.test(db)
  if (!isValid) throw new MongoError(73, `Invalid database name: '${db}'`)
}

/**
 * Every write is on the disk of this one server when it is answered. A write concern that wants more is
 * refused.
 */
function checkConcerns (options: Options): void {
  const w = get(options.val('writeConcern'), 'w')
  if (w !== undefined) {
    const isMet = (w.isNumber && w.number <= 1) || show(w) === '"majority"'
    if (!isMet) throw new MongoError(2, `cannot use 'w' ${show(w)} when a host is not replicated`)
  }
  const level = get(options.val('readConcern'), 'level')
  if (level !== undefined && show(level) === '"snapshot"') {
    throw new MongoError(246, 'read concern level snapshot is not supported by the embedded server')
  }
}
