// Sorting, matching and finding by an index agree with the reference in reference.ts.
import { inspect } from 'node:util'
import { serialize } from 'bson'
import fc from 'fast-check'
import type { Collection } from 'mongodb'
import { t as tap, test } from 'tap'
import { values as bsonValues } from '../src/bson.js'
import { docVal } from '../src/bson-value.js'
import { compareEncoded, encode, KeyWriter } from '../src/keystring.js'
import { documentLists as lists, filters, indexes, queries, tooLong, type Query } from './arbitraries.js'
import { values } from './arbitrary-values.js'
import { start } from './helper.js'
import { compare, compareBySort, matches, type Doc, type Sort, type Value } from './reference.js'
import { LONG, pickSeed } from './seed.js'

// It takes a minute on a quiet machine, and several times as long on a busy one.
tap.setTimeout(400_000)

const seed = pickSeed()
/** The share of the runs that `npm test` does. */
const SHARE = LONG ? 1 : 0.2
// JavaScript numbers would lose the last digits of a Long and the type of a Double.
const exact = { promoteValues: false, ignoreUndefined: true }

interface Stored {
  _id: number
}
type Twin = Collection<Stored>

/** Stores the same documents in a collection without indexes and in one with these indexes. */
async function fill (plain: Twin, indexed: Twin, docs: Doc[], keys: Sort[]): Promise<void> {
  for (const twin of [plain, indexed]) {
    await twin.deleteMany({})
    if (docs.length) await twin.insertMany(docs.map((doc, _id) => ({ _id, ...doc })))
  }
  await indexed.dropIndexes()
  for (const key of keys) await indexed.createIndex(new Map(key))
}

async function ids (twin: Twin, { filter, sort, skip, limit }: Query, options = {}): Promise<number[]> {
  const found = await twin
    .find(filter as object, { projection: { _id: 1 }, sort: new Map(sort), skip, limit, ...options })
    .toArray()
  return found.map(doc => Number(doc._id))
}

/** Throws unless `found` is an answer that MongoDB could give to the query. */
function check (docs: Doc[], { filter, sort, skip, limit }: Query, found: number[], how: string): void {
  const all = docs.map((doc, _id) => ({ _id, ...doc }) as unknown as Doc).filter(doc => matches(doc, filter))
  const sorted = all
    .toSorted((a, b) => compareBySort(a, b, sort))
    .slice(skip, limit ? skip + limit : undefined)
  const stored = found.map(_id => ({ _id, ...docs[_id] }) as unknown as Doc)
  const wrong = stored.filter(doc => !matches(doc, filter))
  if (wrong.length) {
    throw new Error(`${how} found what the filter does not match: ${wrong.map(doc => Number(doc._id))}`)
  }
  if (new Set(found).size !== found.length) throw new Error(`${how} found a document twice: ${found}`)
  if (found.length !== sorted.length) {
    throw new Error(`${how} found ${found}, not the ${sorted.length} of ${all.map(doc => Number(doc._id))}`)
  }
  const misplaced = stored.findIndex((doc, i) => compareBySort(doc, sorted[i]!, sort) !== 0)
  if (misplaced >= 0) {
    throw new Error(
      `${how} sorted ${found}, which is wrong at ${misplaced}: ${sorted.map(doc => Number(doc._id))}`
    )
  }
}

test(`the order of the reference is antisymmetric and transitive (seed ${seed})`, async () => {
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      if (compare(a, b) !== -compare(b, a) + 0) throw new Error('not antisymmetric')
      if (compare(a, b) <= 0 && compare(b, c) <= 0 && compare(a, c) > 0) throw new Error('not transitive')
    }),
    { seed, numRuns: 2_000 * SHARE }
  )
})

test(`encodes values in the order of the reference, ascending and descending (seed ${seed})`, async () => {
  const val = (value: Value) => bsonValues(docVal(Buffer.from(serialize({ value }))))[0]!
  const descending = (value: Value) => new KeyWriter().value(val(value), true).take()
  fc.assert(
    fc.property(values, values, (a, b) => {
      const expected = compare(a, b)
      for (const [how, order] of [
        ['encode', Buffer.compare(encode(val(a)), encode(val(b)))],
        ['descending', Buffer.compare(descending(b), descending(a))],
        ['compareEncoded', Math.sign(compareEncoded(val(a), encode(val(b))))]
      ] as const) {
        if (order !== expected) {
          throw new Error(`${how} says ${order}, not ${expected}, of ${inspect([a, b], { depth: 9 })}`)
        }
      }
    }),
    { seed, numRuns: 20_000 * SHARE }
  )
})

test(`sorts in the order of the reference, with and without an index, both ways (seed ${seed})`, async t => {
  const { db } = await start(t, exact)
  const [plain, indexed] = [db.collection<Stored>('plain'), db.collection<Stored>('indexed')]
  await indexed.createIndex({ v: 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 2, maxLength: 60 }), async list => {
      // Wrapped, so that arrays are compared as a whole.
      const docs = list.map(value => ({ v: { w: value } }))
      for (const twin of [plain, indexed]) {
        await twin.deleteMany({})
        await twin.insertMany(docs.map((doc, _id) => ({ _id, ...doc })))
        for (const direction of [1, -1] as const) {
          const query: Query = { filter: {}, sort: [['v', direction]], skip: 0, limit: 0 }
          check(docs, query, await ids(twin, query), twin.collectionName)
        }
      }
    }),
    { seed, numRuns: 60 * SHARE }
  )
})

test(`a comparison finds exactly the values on its side of any value (seed ${seed})`, async t => {
  const { db } = await start(t, exact)
  const [plain, indexed] = [db.collection<Stored>('plain'), db.collection<Stored>('indexed')]
  await indexed.createIndex({ v: 1 })
  const operators = fc.constantFrom('$eq', '$gt', '$gte', '$lt', '$lte', '$ne')
  await fc.assert(
    fc.asyncProperty(
      fc.array(values, { minLength: 2, maxLength: 30 }),
      fc.array(fc.tuple(operators, fc.oneof({ weight: 9, arbitrary: values }, tooLong), fc.nat()), {
        minLength: 12,
        maxLength: 12
      }),
      async (list, tries) => {
        const docs = list.map(value => ({ v: value }))
        for (const twin of [plain, indexed]) {
          await twin.deleteMany({})
          await twin.insertMany(docs.map((doc, _id) => ({ _id, ...doc })))
        }
        for (const [operator, fresh, pick] of tries) {
          // Half of the bounds are stored values, so that some are equal.
          const bound: Value = pick % 2 ? fresh : list[pick % list.length]!
          const query: Query = { filter: { v: { [operator]: bound } }, sort: [], skip: 0, limit: 0 }
          for (const twin of [plain, indexed]) check(docs, query, await ids(twin, query), twin.collectionName)
        }
      }
    ),
    { seed, numRuns: 60 * SHARE }
  )
})

test(`an index scan, a full scan and the reference give the same answer (seed ${seed})`, async t => {
  const { db } = await start(t, exact)
  const [plain, indexed] = [db.collection<Stored>('plain'), db.collection<Stored>('indexed')]
  let [byIndex, asked, answered] = [0, 0, 0]
  const run = async (docs: Doc[], keys: Sort[], list: Query[]) => {
    await fill(plain, indexed, docs, keys)
    for (const query of list) {
      const found = await ids(indexed, query)
      check(docs, query, found, 'the planned scan')
      check(docs, query, await ids(plain, query), 'the collection without indexes')
      for (const key of keys) {
        check(
          docs,
          query,
          await ids(indexed, query, { hint: Object.fromEntries(key) }),
          `the index ${JSON.stringify(key)}`
        )
      }
      const explained = await indexed
        .find(query.filter as object, { sort: new Map(query.sort) })
        .explain('queryPlanner')
      asked++
      if (JSON.stringify(explained).includes('IXSCAN')) byIndex++
      if (found.length) answered++
    }
  }
  await fc.assert(fc.asyncProperty(lists, indexes, fc.array(queries, { minLength: 8, maxLength: 8 }), run), {
    seed,
    numRuns: 120 * SHARE
  })
  t.ok(byIndex > asked / 5, `${byIndex} of ${asked} queries were planned on an index`)
  t.ok(answered > asked / 5, `${answered} of ${asked} queries found something`)
})

test(`count, distinct, update and delete agree with and without an index (seed ${seed})`, async t => {
  const { db } = await start(t, exact)
  const [plain, indexed] = [db.collection<Stored>('plain'), db.collection<Stored>('indexed')]
  const run = async (docs: Doc[], keys: Sort[], [counted, updated, deleted]: Array<Query['filter']>) => {
    await fill(plain, indexed, docs, keys)
    const done: string[] = []
    const expected = docs.filter((doc, _id) => matches({ _id: _id as unknown as Value, ...doc }, counted!))
    for (const twin of [plain, indexed]) {
      const count = Number(await twin.countDocuments(counted as object))
      if (count !== expected.length) {
        throw new Error(`${twin.collectionName} counts ${count}, not ${expected.length}`)
      }
      const distinct = await twin.distinct('b', counted as object)
      const unique = expected
        .filter(doc => 'b' in doc)
        .filter((doc, i, list) => list.findIndex(other => compare(other.b!, doc.b!) === 0) === i)
      if (distinct.length !== unique.length) {
        throw new Error(`${twin.collectionName} has ${distinct.length} distinct values, not ${unique.length}`)
      }
      const { matchedCount } = await twin.updateMany(updated as object, { $set: { b: 'updated', 'd.e': 1 } })
      const { deletedCount } = await twin.deleteMany(deleted as object)
      done.push(`${matchedCount} updated, ${deletedCount} deleted`)
    }
    if (done[0] !== done[1]) throw new Error(`without indexes ${done[0]}, with them ${done[1]}`)
    const [left, right] = await Promise.all(
      [plain, indexed].map(twin => twin.find({}, { sort: { _id: 1 }, raw: true }).toArray())
    )
    if (!Buffer.concat(left as unknown as Buffer[]).equals(Buffer.concat(right as unknown as Buffer[]))) {
      throw new Error('the twins differ')
    }
    const { valid, errors } = await db.command({ validate: 'indexed' })
    if (!valid) throw new Error(`validate: ${JSON.stringify(errors)}`)
  }
  const three = fc.array(filters, { minLength: 3, maxLength: 3 })
  await fc.assert(fc.asyncProperty(lists, indexes, three, run), { seed, numRuns: 150 * SHARE })
})
