// Everything outside the subset is refused with MongoDB's code and an error that names it, before anything
// changes.
import { Code, Decimal128, MaxKey, MinKey, Timestamp, type Document, type MongoServerError } from 'mongodb'
import { test } from 'tap'
import { start } from './helper.js'
import { COUNT } from './refusal.js'
import { commandRefusals } from './refusal-command-cases.js'
import { queryRefusals } from './refusal-query-cases.js'

const typed = {
  decimal: Decimal128.fromString('1'),
  timestamp: new Timestamp({ t: 1, i: 1 }),
  reg: /a/,
  javascript: new Code('x'),
  minKey: new MinKey(),
  maxKey: new MaxKey()
}

/** The error of a command, or the first of its write errors; undefined if it succeeded. */
async function refusal (
  command: () => Promise<Document>
): Promise<{ code: number; message: string } | undefined> {
  try {
    const answer = await command()
    const [error] = answer.writeErrors ?? []
    return error && { code: error.code, message: error.errmsg }
  } catch (err) {
    return { code: (err as MongoServerError).code as number, message: (err as MongoServerError).message }
  }
}

for (const [what, list] of Object.entries({ ...queryRefusals, ...commandRefusals })) {
  test(`refuses and changes nothing: ${what}`, async t => {
    const { db } = await start(t)
    await db.collection('items').insertOne({ _id: 1 as never, x: 1, s: 'text', list: [1, 2] })
    await db.collection('indexed').insertOne({ _id: 1 as never, v: 1 })
    await db.collection('indexed').createIndex({ v: 1 })
    await db.collection('typed').insertMany([typed, typed].map((doc, _id) => ({ _id: _id as never, ...doc })))
    const state = async () => {
      const names = (await db.listCollections().toArray()).map(({ name }) => name).sort()
      const contents = await Promise.all(
        names.map(async name => [
          await db.collection(name).find({}, { raw: true }).toArray(),
          await db.collection(name).indexes()
        ])
      )
      return JSON.stringify([names, contents])
    }
    const before = await state()
    for (const [command, codes, mention] of list) {
      const error = await refusal(() => db.command(command))
      const shown = JSON.stringify(command).slice(0, 150)
      // 0: MongoDB succeeds here, because values of another type are outside of the range.
      if (!error) t.ok([codes].flat().includes(0), `${shown} succeeded`)
      else {
        t.ok(
          [codes].flat().includes(error.code) && error.message.toLowerCase().includes(mention.toLowerCase()),
          `${shown}: ${error.code} ${error.message}`
        )
      }
    }
    t.equal(await state(), before, 'nothing has changed')
  })
}

const HARMLESS = {
  comment: { why: ['any type'] },
  maxTimeMS: 5000,
  readConcern: { level: 'local' },
  $readPreference: { mode: 'primaryPreferred' }
}
const HARMLESS_WRITE = {
  comment: 'x',
  maxTimeMS: 5000,
  writeConcern: { w: 'majority', j: true, wtimeout: 1000 }
}

test('harmless options are accepted and change nothing', async t => {
  const { db } = await start(t)
  const read = async (command: Document): Promise<Document> => await db.command({ ...command, ...HARMLESS })
  const write = async (command: Document): Promise<Document> =>
    await db.command({ ...command, ...HARMLESS_WRITE })
  const documents = [{ _id: 1 }]
  const inserted = await write({ insert: 'items', documents, ordered: true, bypassDocumentValidation: true })
  t.equal(inserted.n, 1)
  const found = await read({ find: 'items', allowDiskUse: true, noCursorTimeout: false, batchSize: 10 })
  t.equal(found.cursor.firstBatch.length, 1)
  t.equal((await read({ count: 'items' })).n, 1)
  t.same((await read({ distinct: 'items', key: '_id' })).values, [1])
  const updated = await write({ update: 'items', updates: [{ q: {}, u: { $set: { x: 1 } } }] })
  t.equal(updated.nModified, 1)
  const counted = await read({ aggregate: 'items', pipeline: [COUNT], cursor: {}, allowDiskUse: true })
  t.equal(counted.cursor.firstBatch.length, 1)
  const modified = await write({ findAndModify: 'items', query: {}, update: { $set: { x: 2 } } })
  t.equal(modified.value.x, 1)
  t.equal((await write({ delete: 'items', deletes: [{ q: {}, limit: 1 }] })).n, 1)
})
