// What applications do with the official driver, on drivers 7 and 6. The answers are those of MongoDB's
// manual.
import { connect, createServer, type Socket } from 'node:net'
import * as driver7 from 'mongodb'
import * as driver6 from 'mongodb6'
import { test, type Test } from 'tap'
import { start } from './helper.js'

type Driver = Pick<typeof driver7, 'MongoClient' | 'MongoBulkWriteError' | 'Long'>
interface Item {
  _id: number
  x?: number
  tag?: string
  list?: unknown[]
}
interface Place {
  driver: Driver
  client: driver7.MongoClient
  db: driver7.Db
  items: driver7.Collection<Item>
  url: string
  commands: driver7.CommandStartedEvent[]
}

/** Starts a server and a client of this driver, and records its commands. */
async function open (t: Test, driver: Driver, options: driver7.MongoClientOptions = {}): Promise<Place> {
  const {
    url,
    db: { databaseName }
  } = await start(t)
  const client = new driver.MongoClient(url, { monitorCommands: true, ...options })
  t.teardown(() => client.close())
  const commands: driver7.CommandStartedEvent[] = []
  client.on('commandStarted', event => commands.push(event))
  const db = client.db(databaseName)
  return { driver, client, db, items: db.collection<Item>('items'), url, commands }
}

const numbered = (count: number): Item[] => Array.from({ length: count }, (_, _id) => ({ _id, x: _id % 10 }))

/** The error that the promise rejects with; throws if it does not reject. */
async function failure (
  t: Test,
  work: Promise<unknown>
): Promise<driver7.MongoServerError & { writeErrors?: unknown }> {
  try {
    await work
  } catch (err) {
    return err as driver7.MongoServerError
  }
  t.fail('this must be refused')
  return new driver7.MongoServerError({ message: 'nothing was refused' })
}

for (const [version, driver] of [
  ['7', driver7],
  ['6', driver6 as unknown as Driver]
] as const) {
  test(`driver ${version}: 200 operations at once on 5 connections get their own answers`, async t => {
    const { items, client } = await open(t, driver, { maxPoolSize: 5 })
    let connections = 0
    client.on('connectionCreated', () => connections++)
    await Promise.all(numbered(200).map(item => items.insertOne(item)))
    const found = await Promise.all(numbered(200).map(({ _id }) => items.findOne({ _id })))
    t.same(found, numbered(200))
    t.ok(connections <= 5, `${connections} connections`)
  })

  test(`driver ${version}: a cursor fetches its batches in order, and skips and limits over all`, async t => {
    const { items, commands } = await open(t, driver)
    await items.insertMany(numbered(1000))
    commands.length = 0
    const all = await items.find({}, { sort: { _id: 1 }, batchSize: 70 }).toArray()
    t.same(
      all.map(item => item._id),
      numbered(1000).map(item => item._id)
    )
    t.same(
      commands.map(event => event.commandName),
      ['find', ...Array<string>(14).fill('getMore')]
    )
    t.same(
      (await items.find({}, { sort: { _id: -1 }, skip: 3, limit: 150, batchSize: 40 }).toArray()).map(
        item => item._id
      ),
      Array.from({ length: 150 }, (_, i) => 996 - i)
    )
    t.equal((await items.find({}, { limit: 25, singleBatch: true }).toArray()).length, 25)
    t.equal((await items.find({ x: 3 }).toArray()).length, 100, 'the default first batch is 101 documents')
    t.equal(
      (await items.find({}, { batchSize: 0 }).toArray()).length,
      1000,
      'an empty first batch is allowed'
    )
  })

  test(`driver ${version}: a closed cursor is gone; an unknown one is CursorNotFound (43)`, async t => {
    const { db, items, commands } = await open(t, driver)
    await items.insertMany(numbered(50))
    // A cursor id is an int64 and must be sent as one.
    const { cursor } = await db.command({ find: 'items', batchSize: 5 }, { promoteLongs: false })
    const more = await db.command({ getMore: cursor.id, collection: 'items', batchSize: 5 })
    t.same(
      more.cursor.nextBatch.map((item: Item) => item._id),
      [5, 6, 7, 8, 9]
    )
    const other = await failure(t, db.command({ getMore: cursor.id, collection: 'others' }))
    t.equal(other.code, 13, 'Unauthorized: the cursor belongs to another collection')
    const killed = await db.command({
      killCursors: 'items',
      cursors: [cursor.id, driver.Long.fromNumber(12345)]
    })
    t.same(
      [killed.cursorsKilled, killed.cursorsNotFound].map(list => list.map(String)),
      [[String(cursor.id)], ['12345']]
    )
    const { code, codeName } = await failure(t, db.command({ getMore: cursor.id, collection: 'items' }))
    t.same([code, codeName], [43, 'CursorNotFound'])
    commands.length = 0
    const open2 = items.find({}, { batchSize: 5 })
    await open2.next()
    await open2.close()
    t.same(
      commands.map(event => event.commandName),
      ['find', 'killCursors']
    )
  })

  test(`driver ${version}: an ordered bulkWrite stops at its first error and reports its index`, async t => {
    const { items } = await open(t, driver)
    const err = (await failure(
      t,
      items.bulkWrite([
        { insertOne: { document: { _id: 1, x: 1 } } },
        { updateOne: { filter: { _id: 1 }, update: { $inc: { x: 1 } } } },
        { insertOne: { document: { _id: 2 } } },
        { insertOne: { document: { _id: 1 } } },
        { deleteMany: { filter: {} } }
      ])
    )) as unknown as driver7.MongoBulkWriteError
    t.ok(err instanceof driver.MongoBulkWriteError)
    t.same([err.code, err.insertedCount, err.modifiedCount, err.deletedCount], [11000, 2, 1, 0])
    t.same(
      [err.writeErrors].flat().map(each => each.index),
      [3]
    )
    t.same(await items.find().toArray(), [{ _id: 1, x: 2 }, { _id: 2 }])
  })

  test(`driver ${version}: an unordered bulkWrite goes on and reports the index of each failure`, async t => {
    const { items } = await open(t, driver)
    await items.createIndex({ tag: 1 }, { unique: true })
    const err = (await failure(
      t,
      items.bulkWrite(
        [
          { insertOne: { document: { _id: 1, tag: 'a' } } },
          { insertOne: { document: { _id: 2, tag: 'a' } } },
          { updateOne: { filter: { _id: 1 }, update: { $set: { x: 5 } } } },
          { insertOne: { document: { _id: 1, tag: 'b' } } },
          { replaceOne: { filter: { _id: 9 }, replacement: { tag: 'c' }, upsert: true } },
          { updateOne: { filter: { _id: 8 }, update: { $set: { tag: 'c' } }, upsert: true } },
          { deleteOne: { filter: { _id: 7 } } }
        ],
        { ordered: false }
      )
    )) as unknown as driver7.MongoBulkWriteError
    t.same(
      [err.writeErrors]
        .flat()
        .map(each => [each.index, each.code])
        .sort(),
      [
        [1, 11000],
        [3, 11000],
        [5, 11000]
      ]
    )
    t.same(
      [err.insertedCount, err.modifiedCount, err.upsertedCount, Object.values(err.result.upsertedIds)],
      [1, 1, 1, [9]]
    )
    t.same(await items.find().toArray(), [
      { _id: 1, tag: 'a', x: 5 },
      { _id: 9, tag: 'c' }
    ])
  })

  test(`driver ${version}: a duplicate key error names document, index, key and value`, async t => {
    const { items } = await open(t, driver)
    await items.createIndex({ tag: 1, x: -1 }, { unique: true, name: 'once' })
    const docs = [0, 1, 2, 3, 4].map(_id => ({ _id, tag: 't', x: _id === 3 ? 1 : _id }))
    const unordered = (await failure(
      t,
      items.insertMany(docs, { ordered: false })
    )) as unknown as driver7.MongoBulkWriteError
    t.same(
      [unordered.writeErrors].flat().map(each => each.index),
      [3]
    )
    t.equal(unordered.insertedCount, 4)
    const err = await failure(t, items.insertOne({ _id: 9, tag: 't', x: 1 }))
    t.same([err.code, err.keyPattern, err.keyValue], [11000, { tag: 1, x: -1 }, { tag: 't', x: 1 }])
    t.equal(
      err.message,
      `E11000 duplicate key error collection: ${items.namespace} index: once dup key: { tag: "t", x: 1 }`
    )
    const byId = await failure(t, items.insertOne({ _id: 1 }))
    t.same([byId.keyPattern, byId.keyValue], [{ _id: 1 }, { _id: 1 }])
    const modified = await failure(t, items.findOneAndUpdate({ _id: 0 }, { $set: { x: 1 } }))
    t.same(
      [modified.code, modified.keyPattern, modified.keyValue],
      [11000, { tag: 1, x: -1 }, { tag: 't', x: 1 }]
    )
  })

  test(`driver ${version}: findOneAnd… answers the document before or after its change`, async t => {
    const { items } = await open(t, driver)
    await items.insertMany(numbered(30))
    t.same(await items.findOneAndUpdate({ x: 3 }, { $set: { tag: 'a' } }, { sort: { _id: -1 } }), {
      _id: 23,
      x: 3
    })
    t.same(
      await items.findOneAndUpdate(
        { _id: 23 },
        { $inc: { x: 2 } },
        { returnDocument: 'after', projection: { tag: 1, x: 1, _id: 0 } }
      ),
      { x: 5, tag: 'a' }
    )
    t.equal(await items.findOneAndUpdate({ _id: 99 }, { $set: { x: 1 } }), null)
    t.equal(
      await items.findOneAndUpdate({ _id: 99 }, { $set: { x: 1 } }, { upsert: true }),
      null,
      'before an upsert there was nothing'
    )
    t.same(await items.findOneAndReplace({ _id: 100 }, { x: 7 }, { upsert: true, returnDocument: 'after' }), {
      _id: 100,
      x: 7
    })
    t.same(await items.findOneAndReplace({ _id: 100 }, { tag: 'z' }), { _id: 100, x: 7 })
    t.same(await items.findOneAndDelete({ x: 4 }, { sort: { _id: 1 }, projection: { x: 1 } }), {
      _id: 4,
      x: 4
    })
    t.equal(await items.findOneAndDelete({ _id: 4 }), null)
    const whole = await items.findOneAndUpdate(
      { _id: 200 },
      { $setOnInsert: { x: 1 } },
      { upsert: true, returnDocument: 'after', includeResultMetadata: true }
    )
    t.same(whole.lastErrorObject, { n: 1, updatedExisting: false, upserted: 200 })
    const again = await items.findOneAndUpdate(
      { _id: 200 },
      { $setOnInsert: { x: 2 } },
      { upsert: true, includeResultMetadata: true }
    )
    t.same(
      [again.lastErrorObject, again.value],
      [
        { n: 1, updatedExisting: true },
        { _id: 200, x: 1 }
      ]
    )
  })

  test(`driver ${version}: update results count matched, modified and upserted documents`, async t => {
    const { items } = await open(t, driver)
    await items.insertMany(numbered(20))
    const counts = ({ matchedCount, modifiedCount, upsertedCount, upsertedId }: driver7.UpdateResult) => [
      matchedCount,
      modifiedCount,
      upsertedCount,
      upsertedId
    ]
    t.same(
      counts(await items.updateMany({ x: { $lt: 2 } }, { $set: { x: 1 } })),
      [4, 2, 0, null],
      'setting what is there modifies nothing'
    )
    t.same(counts(await items.updateOne({ x: 1 }, { $set: { tag: 'a' } })), [1, 1, 0, null])
    t.same(
      counts(await items.updateOne({ _id: 77 }, { $set: { tag: 'a' } }, { upsert: true })),
      [0, 0, 1, 77]
    )
    t.same(
      counts(await items.replaceOne({ _id: 77 }, { tag: 'a' })),
      [1, 0, 0, null],
      'the same replacement modifies nothing'
    )
    t.same((await items.deleteMany({ x: 1 })).deletedCount, 4)
    t.same((await items.deleteOne({ x: { $gte: 0 } })).deletedCount, 1)
  })

  test(`driver ${version}: countDocuments, estimatedDocumentCount and distinct`, async t => {
    const { items, db } = await open(t, driver)
    t.same(
      [await items.countDocuments(), await items.estimatedDocumentCount(), await items.distinct('x')],
      [0, 0, []]
    )
    await items.insertMany([
      ...numbered(40),
      { _id: 50, list: [1, 'a', 1] },
      { _id: 51, list: [] },
      { _id: 52, list: [null, [2]] }
    ])
    t.equal(await items.countDocuments({ x: 3 }), 4)
    t.equal(await items.countDocuments({ x: { $gte: 5 } }, { skip: 3, limit: 10 }), 10)
    t.equal(await items.countDocuments({ x: 3 }, { skip: 3 }), 1)
    t.equal(await items.countDocuments({ x: 99 }), 0)
    t.equal(await items.estimatedDocumentCount(), 43)
    t.same((await items.distinct('x', { _id: { $lt: 4 } })).sort(), [0, 1, 2, 3])
    t.same(await items.distinct('list', { _id: 50 }), [1, 'a'])
    t.same(
      (await items.distinct('list')).map(value => JSON.stringify(value)).sort(),
      ['"a"', '1', '[2]', 'null'],
      'an array counts as its elements'
    )
    t.same((await db.command({ count: 'items', query: { x: 3 }, limit: -2 })).n, 2)
  })

  test(`driver ${version}: a read is retried on another connection if its own breaks`, async t => {
    const { socketPath, db } = await start(t)
    await db.collection<Item>('items').insertMany(numbered(5))
    let cut = 0
    const proxy = createServer(near => {
      const far = connect(socketPath)
      const forward = (bytes: Buffer) => {
        if (cut === 0 && bytes.includes('\x02find\0')) {
          cut++
          near.destroy()
          far.destroy()
        } else far.write(bytes)
      }
      near
        .on('data', forward)
        .on('error', () => far.destroy())
        .on('close', () => far.destroy())
      far
        .on('data', (bytes: Buffer) => near.write(bytes))
        .on('error', () => near.destroy())
        .on('close', () => near.destroy())
      sockets.push(near)
    })
    const sockets: Socket[] = []
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    const client = new driver.MongoClient(
      `mongodb://127.0.0.1:${(proxy.address() as { port: number }).port}/`,
      {
        // After a retry, driver 6 keeps its timer for this long, and with it the process.
        serverSelectionTimeoutMS: 3_000
      }
    )
    t.teardown(async () => {
      await client.close()
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => proxy.close(resolve))
    })
    t.same(await client.db(db.databaseName).collection<Item>('items').findOne({ _id: 3 }), { _id: 3, x: 3 })
    t.equal(cut, 1)
  })

  test(`driver ${version}: accepts sessions, and refuses transactions before any write`, async t => {
    const { client, items } = await open(t, driver)
    await client.withSession(async session => {
      await items.insertOne({ _id: 1 }, { session })
      t.same(await items.findOne({}, { session }), { _id: 1 })
      session.startTransaction()
      const err = await failure(t, items.insertOne({ _id: 2 }, { session }))
      // The driver adds advice of its own to the server's answer.
      t.equal(((err.originalError as driver7.MongoServerError) ?? err).code, 20, 'IllegalOperation')
      await session.abortTransaction().catch(() => {})
    })
    t.equal(await items.countDocuments(), 1)
  })
}
