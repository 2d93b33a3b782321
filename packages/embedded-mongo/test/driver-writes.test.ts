// What applications write with the official driver, on drivers 7 and 6.
// The answers are those of MongoDB's manual.
import type * as driver7 from 'mongodb'
import { test } from 'tap'
import { DRIVERS, failure, numbered, open } from './driver.js'

for (const [version, driver] of DRIVERS) {
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
  })

  test(`driver ${version}: findOneAndUpdate with its metadata tells whether it upserted`, async t => {
    const { items } = await open(t, driver)
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
}
