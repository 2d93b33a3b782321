// What applications read with the official driver, on drivers 7 and 6.
// The answers are those of MongoDB's manual.
import { connect, createServer, type Socket } from 'node:net'
import type * as driver7 from 'mongodb'
import { test } from 'tap'
import { DRIVERS, type Item, failure, numbered, open } from './driver.js'
import { start } from './helper.js'

for (const [version, driver] of DRIVERS) {
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
