/**
 * Numbered migrations: each brings the data of the version before into the form of the next one. Their
 * numbers are recorded in the collection `migrations`; a lock there keeps two processes from migrating at
 * once. Each goes on where it was killed.
 */
import type { BaseLogger } from 'pino'
import { setTimeout as delay } from 'node:timers/promises'
import { isDuplicateKey } from './documents.js'
import { mongodb } from './driver.js'
import type { Migration } from './migration.js'
import { toTwoNumbers } from './two-numbers.js'

type Logger = Pick<BaseLogger, 'info'>

/** In the order of their numbers, from 1. */
const MIGRATIONS: { name: string, run: Migration }[] = [
  { name: 'messages become entries of a log with two numbers', run: toTwoNumbers }
]

/**
 * A process that holds the lock for longer without progress was killed. A batch takes a second at most, and
 * its writes wait 5 s for a majority.
 */
const LOCK_MS = 20_000
/** How often a waiting process looks whether the other one is ready. */
const WAIT_MS = 500
/** The time between two lines about the progress. */
const PROGRESS_MS = 5_000

/** Marks a database that src/maintenance/move.ts is filling. */
export const MOVE = 'move'

export interface MigrationDocument {
  /** "lock", "move", or the number of a migration */
  _id: string
  /** of the lock: who holds it, and until when */
  owner?: string
  until?: Date
  /** of a migration */
  name?: string
  finishedAt?: Date
}

/** The data was written by a newer version. */
class NewerFormatError extends Error {
  override name = 'NewerFormatError'
}

/**
 * Migrates a database.
 * @throws NewerFormatError where a newer version of this server wrote to it
 */
export async function migrate (db: mongodb.Db, logger: Logger): Promise<void> {
  const migrations = db.collection<MigrationDocument>('migrations')
  const owner = new mongodb.ObjectId().toHexString()
  let waits = false
  while (!await isUpToDate(migrations)) {
    if (!await lock(migrations, owner)) {
      if (!waits) logger.info('waiting: another process migrates the data, or was killed while it did')
      waits = true
      await delay(WAIT_MS)
      continue
    }
    try {
      await runMissing(db, migrations, owner, logger)
    } finally {
      await migrations.deleteOne({ _id: 'lock', owner })
    }
  }
}

async function finished (migrations: mongodb.Collection<MigrationDocument>): Promise<Set<number>> {
  const documents = await migrations.find({ finishedAt: { $exists: true } }).toArray()
  return new Set(documents.map(({ _id }) => Number(_id)))
}

async function isUpToDate (migrations: mongodb.Collection<MigrationDocument>): Promise<boolean> {
  if (await migrations.findOne({ _id: MOVE }) !== null) {
    throw new Error('a move into this database is not finished: run npm run db:move again')
  }
  const done = await finished(migrations)
  const newest = Math.max(0, ...done)
  if (newest > MIGRATIONS.length) {
    throw new NewerFormatError(`the data has format ${newest}, which a newer version of this server wrote; ` +
      `this version knows formats up to ${MIGRATIONS.length}`)
  }
  return MIGRATIONS.every((_migration, index) => done.has(index + 1))
}

/** Takes the lock, or keeps it; false where another process holds it. */
async function lock (migrations: mongodb.Collection<MigrationDocument>, owner: string): Promise<boolean> {
  const now = new Date()
  const isFree = { $or: [{ owner }, { until: { $lt: now } }] }
  const update = { $set: { owner, until: new Date(now.getTime() + LOCK_MS) } }
  try {
    await migrations.updateOne({ _id: 'lock', ...isFree }, update, { upsert: true })
    return true
  } catch (error) {
    // The lock exists, and is not free.
    if (isDuplicateKey(error)) return false
    throw error
  }
}

async function runMissing (
  db: mongodb.Db, migrations: mongodb.Collection<MigrationDocument>, owner: string, logger: Logger
): Promise<void> {
  const done = await finished(migrations)
  for (const [index, { name, run }] of MIGRATIONS.entries()) {
    const number = index + 1
    if (done.has(number)) continue
    logger.info(`migration ${number}: ${name}`)
    let logged = Date.now()
    await run(db, async text => {
      if (!await lock(migrations, owner)) throw new Error('another process took over the migration')
      if (Date.now() - logged < PROGRESS_MS) return
      logged = Date.now()
      logger.info(`migration ${number}: ${text}`)
    })
    const record = { $set: { name, finishedAt: new Date() } }
    await migrations.updateOne({ _id: String(number) }, record, { upsert: true })
  }
}
