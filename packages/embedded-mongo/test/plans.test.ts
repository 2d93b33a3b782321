// Plans: which index a query uses, how much it reads, and what explain says about it.
import type { Collection, Document, Sort } from 'mongodb'
import { test } from 'tap'
import { start } from './helper.js'

/** Lists the stages of a plan from the outermost inwards, index scans with their index and direction. */
function stages (plan: Document): string[] {
  const { stage, indexName, direction, inputStage } = plan
  return [
    stage === 'IXSCAN' ? `IXSCAN ${indexName} ${direction}` : stage,
    ...(inputStage ? stages(inputStage) : [])
  ]
}

const PLANS: Array<
  [filter: Document, sort: Sort, hint: Document | string | undefined, expected: string[]]
> = [
  [{ _id: 1 as never }, {}, undefined, ['FETCH', 'IXSCAN _id_ forward']],
  [{ a: 1 }, {}, undefined, ['FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{ a: 1 }, { b: -1 }, undefined, ['FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{ a: 1 }, { b: 1 }, undefined, ['FETCH', 'IXSCAN a_1_b_-1 backward']],
  [{ a: 1, b: { $lt: 5, $gte: 1 } }, { b: 1 }, undefined, ['FETCH', 'IXSCAN a_1_b_-1 backward']],
  [{ a: { $in: [1, 2] } }, {}, undefined, ['FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{ c: { $gt: 1 } }, { c: -1 }, undefined, ['FETCH', 'IXSCAN c_1 backward']],
  [{ $and: [{ a: 1 }, { b: 2 }] }, {}, undefined, ['FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{ tags: 1 }, { c: -1 }, undefined, ['FETCH', 'IXSCAN tags_1_c_-1 forward']],
  [{}, { a: 1, b: -1 }, undefined, ['FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{}, { a: 1, b: 1 }, undefined, ['SORT', 'COLLSCAN']],
  [{ a: 1 }, { c: 1 }, 'a_1_b_-1', ['SORT', 'FETCH', 'IXSCAN a_1_b_-1 forward']],
  [{ b: 1 }, {}, undefined, ['COLLSCAN']],
  [{}, {}, undefined, ['COLLSCAN']],
  [{ a: 1 }, {}, { c: 1 }, ['FETCH', 'IXSCAN c_1 forward']]
]

test('explain names the index, its direction, and a sort in memory', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  await items.insertMany([{ a: 1, b: 2, c: 3, tags: [1, 2] }])
  await items.createIndexes([
    { key: { a: 1, b: -1 } },
    { key: { c: 1 }, unique: true },
    { key: { tags: 1, c: -1 } }
  ])
  for (const [filter, sort, hint, expected] of PLANS) {
    const { queryPlanner } = await items
      .find(filter, { sort, ...(hint === undefined ? {} : { hint }) })
      .explain('queryPlanner')
    t.same(
      stages(queryPlanner.winningPlan),
      expected,
      `${JSON.stringify(filter)} sorted by ${JSON.stringify(sort)}, hint ${JSON.stringify(hint)}`
    )
  }
})

test('explain takes every command that searches, and changes nothing', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  await items.insertMany([{ a: 1, b: 2, c: 3, tags: [1, 2] }])
  await items.createIndex({ a: 1, b: -1 })
  const query = { a: 1 }
  const pipeline = [{ $match: query }, { $group: { _id: 1, n: { $sum: 1 } } }]
  for (const command of [
    { count: 'items', query },
    { distinct: 'items', key: 'a', query },
    { aggregate: 'items', pipeline, cursor: {} },
    { update: 'items', updates: [{ q: query, u: { $set: { z: 1 } } }] },
    { delete: 'items', deletes: [{ q: query, limit: 0 }] },
    { findAndModify: 'items', query, remove: true }
  ]) {
    const { queryPlanner } = await db.command({ explain: command, verbosity: 'queryPlanner' })
    t.same(
      stages(queryPlanner.winningPlan),
      ['FETCH', 'IXSCAN a_1_b_-1 forward'],
      `explain of ${Object.keys(command)[0]}`
    )
  }
  t.equal(await items.countDocuments(), 1, 'explain changes nothing')
})

interface Stats {
  nReturned: number
  totalKeysExamined: number
  totalDocsExamined: number
}

async function execute (items: Collection<never>, filter: Document, sort: Sort = {}): Promise<Stats> {
  return (await items.find(filter, { sort }).explain('executionStats')).executionStats
}

test('the tightest of several bounds of a field limit what is read', async t => {
  const { db } = await start(t)
  const items = db.collection<never>('items')
  await items.insertMany(Array.from({ length: 1_000 }, (_, n) => ({ n, down: n, text: `t${n}` })) as never[])
  await items.createIndexes([{ key: { n: 1 } }, { key: { down: -1 } }])
  for (const field of ['n', 'down']) {
    const filters: Array<[filter: Document, entries: number]> = [
      [{ [field]: { $gte: 0, $gt: 989 } }, 10],
      [{ [field]: { $gt: 989, $gte: 0, $lt: 5_000, $lte: 994 } }, 5],
      [{ $and: [{ [field]: { $lt: 990 } }, { [field]: { $lt: 5 } }, { [field]: { $lte: 5 } }] }, 5],
      [{ [field]: { $gte: 5, $gt: 5, $lte: 7, $lt: 7 } }, 1],
      [{ [field]: { $gt: 5, $lt: 5 } }, 0]
    ]
    for (const [filter, entries] of filters) {
      const stats = await execute(items, filter, { [field]: 1 })
      t.match(
        stats,
        { nReturned: entries, totalKeysExamined: entries, totalDocsExamined: entries },
        JSON.stringify(filter)
      )
    }
  }
})

test('a range is preferred to the equality of a longer index if it reads fewer entries', async t => {
  const { db } = await start(t)
  const items = db.collection<never>('items')
  await items.insertMany(
    Array.from({ length: 3_000 }, (_, seq) => ({ room: 1, seq, by: seq % 3, id: 5_000 - seq })) as never[]
  )
  await items.createIndexes([
    { key: { room: 1, seq: 1 }, unique: true },
    { key: { room: 1, by: 1, id: 1 }, unique: true }
  ])
  const filters: Array<[filter: Document, index: string, entries: number]> = [
    [{ room: 1, seq: { $gt: 2_989 }, by: 1 }, 'room_1_seq_1', 10],
    [{ room: 1, seq: { $gt: 10 }, by: 1 }, 'room_1_by_1_id_1', 1_000],
    [{ room: 1, seq: { $gt: 2_989 } }, 'room_1_seq_1', 10],
    [{ room: 1, by: 7, seq: { $gt: 2_900 } }, 'room_1_by_1_id_1', 0]
  ]
  for (const [filter, index, entries] of filters) {
    const { queryPlanner, executionStats } = await items.find(filter).explain('executionStats')
    t.equal(queryPlanner.winningPlan.inputStage.indexName, index, JSON.stringify(filter))
    t.equal(executionStats.totalKeysExamined, entries, JSON.stringify(filter))
  }
})

test('two elements of an array may meet two conditions together, with and without an index', async t => {
  const { db } = await start(t)
  const items = db.collection('items')
  await items.insertOne({
    c: [
      { x: 1, y: 0 },
      { x: 0, y: 1 }
    ],
    a: [1, 9]
  })
  const filters = [
    { 'c.x': 1, 'c.y': 1 },
    { 'c.x': 1, 'c.y': { $gt: 0 } },
    { 'c.x': { $gte: 1, $lt: 1 } },
    { a: { $gt: 5, $lt: 5 } },
    { a: { $in: [9] }, 'c.x': 0 }
  ]
  await items.createIndexes([
    { key: { 'c.x': 1, 'c.y': 1 } },
    { key: { 'c.y': -1, 'c.x': 1 } },
    { key: { a: 1 } }
  ])
  for (const filter of filters) {
    t.equal((await items.find(filter).toArray()).length, 1, JSON.stringify(filter))
  }
})
