/** Copies a database into another one, such as an embedded one into MongoDB, or back. */
import { createIndexes } from '../database/indexes.js'
import { mongodb } from '../database/driver.js'
import { MOVE, type MigrationDocument } from '../database/migrations.js'

/** Documents that are read and written at a time; the longest message has 40 KB. */
const BATCH = 200
/** The types of BSON stay as they are, and so do the fields in their order. */
const EXACT = { promoteValues: false, promoteLongs: false, promoteBuffers: false } as const

/** Is told how far the work is. */
export type Progress = (text: string) => void

/** The target has data that does not come from this move. */
class NotEmptyError extends Error {
  override name = 'NotEmptyError'
}

/** The copy is not equal to its source, such as where a server still writes to it. */
class DifferentError extends Error {
  override name = 'DifferentError'
}

/**
 * Copies all collections from one database to another one, and compares every document afterwards. A copy
 * that was killed goes on where it was: each collection is copied in the order of its ids. No server may use
 * either of them meanwhile; a server refuses to start on a target that is not complete.
 * @throws NotEmptyError, DifferentError
 */
export async function move (from: mongodb.Db, to: mongodb.Db, progress: Progress): Promise<void> {
  await begin(from, to)
  await createIndexes(to)
  const names = await collectionsOf(from)
  for (const name of names) await copy(from, to, name, progress)
  for (const name of names) await compare(from, to, name, progress)
  await to.collection<MigrationDocument>('migrations').deleteOne({ _id: MOVE })
}

async function collectionsOf (db: mongodb.Db): Promise<string[]> {
  const found = await db.listCollections({}, { nameOnly: true }).toArray()
  return found.map(({ name }) => name).filter(name => !name.startsWith('system.')).sort()
}

/** Marks the target as incomplete. */
async function begin (from: mongodb.Db, to: mongodb.Db): Promise<void> {
  if (await from.collection<MigrationDocument>('migrations').findOne({ _id: MOVE }) !== null) {
    throw new DifferentError('the source is itself the target of a move that is not finished')
  }
  const migrations = to.collection<MigrationDocument>('migrations')
  if (await migrations.findOne({ _id: MOVE }) !== null) return
  for (const name of await collectionsOf(to)) {
    if (await to.collection(name).findOne() !== null) {
      throw new NotEmptyError(`the target is not empty: its collection ${name} has documents`)
    }
  }
  await migrations.insertOne({ _id: MOVE })
}

/** What is copied: not the locks of the two databases. */
function contentOf (name: string): mongodb.Filter<mongodb.Document> {
  const locks: unknown[] = [MOVE, 'lock']
  return name === 'migrations' ? { _id: { $nin: locks as mongodb.ObjectId[] } } : {}
}

async function copy (from: mongodb.Db, to: mongodb.Db, name: string, progress: Progress): Promise<void> {
  const [source, target] = [from.collection(name), to.collection(name)]
  const total = await source.countDocuments(contentOf(name))
  let done = await target.countDocuments(contentOf(name))
  const [newest] = await target.find(contentOf(name), EXACT).sort({ _id: -1 }).limit(1).toArray()
  let last = newest?._id
  for (;;) {
    const above = last === undefined ? {} : { _id: { $gt: last } }
    const filter = { $and: [contentOf(name), above] }
    const batch = await source.find(filter, { ...EXACT, sort: { _id: 1 }, limit: BATCH }).toArray()
    if (batch.length === 0) return
    await target.insertMany(batch, { ordered: true })
    last = batch.at(-1)!._id
    done += batch.length
    progress(`${name}: ${done} of ${total} documents`)
  }
}

/** Compares the bytes of every document, in the order of the ids. */
async function compare (from: mongodb.Db, to: mongodb.Db, name: string, progress: Progress): Promise<void> {
  const bytesOf = (db: mongodb.Db) =>
    db.collection(name).find(contentOf(name), { raw: true, sort: { _id: 1 } }) as unknown as
      mongodb.FindCursor<Buffer>
  const [source, target] = [bytesOf(from), bytesOf(to)]
  try {
    for (let count = 0; ; count++) {
      const [mine, theirs] = [await source.next(), await target.next()]
      if (mine === null && theirs === null) return
      if (mine === null || theirs === null || !mine.equals(theirs)) {
        throw new DifferentError(`${name}: document ${count + 1} by id is not the same in both databases`)
      }
      if (count % BATCH === 0) progress(`${name}: ${count} documents are equal`)
    }
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}
