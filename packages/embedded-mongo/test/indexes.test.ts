// Indexes: how they are made and dropped, and what they refuse.
import type { Collection, Document, MongoServerError } from 'mongodb'
import { test, type Test } from 'tap'
import { start } from './helper.js'

const code = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (err: MongoServerError) => err.code
  )

test('createIndexes: the same index changes nothing, the same name is 86, the same key 85', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  t.equal(await items.createIndex({ a: 1, b: -1 }), 'a_1_b_-1')
  t.equal(await items.createIndex({ a: 1, b: -1 }), 'a_1_b_-1')
  t.equal(await code(items.createIndex({ c: 1 }, { name: 'a_1_b_-1' })), 86)
  t.equal(await code(items.createIndex({ a: 1, b: -1 }, { unique: true })), 86)
  t.equal(await code(items.createIndex({ a: 1, b: -1 }, { name: 'other' })), 85)
  t.equal(
    await items.createIndex({ b: -1, a: 1 }),
    'b_-1_a_1',
    'another order of the fields is another index'
  )
  t.same(
    (await items.indexes()).map(({ name, key, unique }) => [name, key, unique]),
    [
      ['_id_', { _id: 1 }, undefined],
      ['a_1_b_-1', { a: 1, b: -1 }, undefined],
      ['b_-1_a_1', { b: -1, a: 1 }, undefined]
    ]
  )
})

test('createIndexes makes all indexes of a command, or none', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  await items.insertMany([
    { a: 1, b: 1 },
    { a: 2, b: 1 }
  ])
  t.equal(await code(items.createIndexes([{ key: { a: 1 } }, { key: { b: 1 }, unique: true }])), 11000)
  t.same(
    (await items.indexes()).map(({ name }) => name),
    ['_id_']
  )
  t.same(await items.createIndexes([{ key: { a: 1 }, unique: true }, { key: { b: 1 } }]), ['a_1', 'b_1'])
  t.match(await db.command({ validate: 'items' }), { valid: true, nrecords: 2, nIndexes: 3 })
})

test('dropIndexes: by name, by key or all; a missing index is 27, a missing collection 26', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  await items.createIndexes([{ key: { a: 1 } }, { key: { b: 1 } }, { key: { c: 1 } }])
  await items.dropIndex('a_1')
  await db.command({ dropIndexes: 'items', index: { b: 1 } })
  t.same(
    (await items.indexes()).map(({ name }) => name),
    ['_id_', 'c_1']
  )
  t.equal(await code(items.dropIndex('a_1')), 27)
  t.equal(await code(items.dropIndex('_id_')), 72)
  await items.dropIndexes()
  t.same(
    (await items.indexes()).map(({ name }) => name),
    ['_id_']
  )
  t.equal(await code(db.collection('missing').dropIndex('a_1')), 26)
  t.equal(await code(db.collection('missing').listIndexes().toArray()), 26)
})

test('a unique index that is built during writes refuses duplicates, or is refused', async t => {
  const { db } = await start(t)
  const items = db.collection<{ _id: number; n: number }>('items')
  await items.insertMany(Array.from({ length: 5_000 }, (_, _id) => ({ _id, n: _id })))
  const building = items.createIndex({ n: 1 }, { unique: true })
  const duplicates = await Promise.all(
    Array.from({ length: 200 }, (_, i) => code(items.insertOne({ _id: 10_000 + i, n: i })))
  )
  const built = await code(building)
  const stored = duplicates.filter(outcome => outcome === 'no error').length
  if (built === 11000) t.ok(stored > 0, 'refused: there was a duplicate')
  else t.equal(stored, 0, 'built without duplicates')
  t.match(await db.command({ validate: 'items' }), { valid: true, nrecords: 5_000 + stored })
})

interface LongKeys { _id: number | string, a?: string | string[], b?: string, n?: number }

/** Checks that queries for a text of this length find the same with and without an index. */
async function checkLong (t: Test, items: Collection<LongKeys>, length: number): Promise<void> {
  const text = 'x'.repeat(length)
  const check = async (filter: Document): Promise<void> => {
    const found = (await items.find(filter).toArray()).map(({ _id }) => _id)
    const scanned = (await items.find({ $nor: [{ $nor: [filter] }] }).toArray()).map(({ _id }) => _id)
    t.same(new Set(found), new Set(scanned), JSON.stringify(filter).replace(text, `${length} bytes`))
  }
  for (const field of ['_id', 'b']) {
    for (const operator of ['$eq', '$gt', '$gte', '$lt', '$lte']) {
      await check({ [field]: { [operator]: text } })
    }
    await check({ [field]: { $in: [text, 'x', text + 'y'] } })
    await check({ [field]: { $gt: text, $lt: text + 'y' } })
    await check({ [field]: text, a: { $gte: text } })
  }
}

test('a key that is too long for an index is refused (17280); a query for it finds nothing', async t => {
  const { db } = await start(t)
  const items = db.collection<LongKeys>('items')
  await items.createIndexes([{ key: { a: 1 }, unique: true }, { key: { b: -1, a: 1 } }, { key: { n: 1 } }])
  const longest = 'x'.repeat(1898)
  const lengths = [1890, 1896, 1897, 1898, 1899, 1900, 1960, 1965, 1970, 1975, 1980, 2100, 100_000]
  await items.insertMany([
    { _id: 1, a: 'a', b: 'x', n: 1 },
    { _id: 2, a: ['b', 'c'], n: 2 }
  ])
  await items.updateOne({ _id: 2 }, { $set: { b: 'x'.repeat(1890) } })
  for (const text of ['x'.repeat(1899), 'x'.repeat(5_000)]) {
    t.equal(await code(items.insertOne({ _id: 3, n: 3, a: text })), 17280)
    t.equal(await code(items.insertOne({ _id: 3, n: 3, b: text })), 17280)
    t.equal(await code(items.insertOne({ _id: text, n: 3 })), 17280)
    t.equal(await code(items.updateOne({ _id: 2 }, { $set: { n: 4, a: ['d', text] } })), 17280)
  }
  await items.insertOne({ _id: longest, a: 'e' })
  await items.dropIndex('a_1')
  for (const length of lengths) await checkLong(t, items, length)
  await items.dropIndexes()
  await items.insertOne({ _id: 5, a: 'x'.repeat(1899) })
  t.equal(await code(items.createIndex({ a: 1 })), 17280)
  t.match(await db.command({ validate: 'items' }), { valid: true, nrecords: 4, nIndexes: 1 })
})
