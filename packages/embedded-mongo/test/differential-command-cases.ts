// Cases of the differential test: indexes, projections, commands.
import { Double, type Document } from 'mongodb'
import { type Case, code, ids, long, numbered } from './differential-case.js'

export const commandCases: Case[] = [
  {
    section: 'Unique Indexes',
    rule: 'one document may lack the field, a second one may not',
    docs: [{ _id: 1 }],
    indexes: [{ key: { a: 1 }, unique: true }],
    run: async items => [
      await code(items.insertOne({ _id: 2 as never })),
      await code(items.insertOne({ _id: 3 as never, a: null }))
    ],
    expect: [11000, 11000]
  },
  {
    section: 'Unique Indexes',
    rule: 'equal numbers of different types are one value',
    docs: [{ _id: 1, a: 1 }],
    indexes: [{ key: { a: 1 }, unique: true }],
    run: items => code(items.insertOne({ a: new Double(1) })),
    expect: 11000
  },
  {
    section: 'Unique Indexes: Unique Constraint Across Separate Documents',
    rule: 'one document may repeat an element; two documents may not share it',
    docs: [{ _id: 1, a: [1, 1] }],
    indexes: [{ key: { a: 1 }, unique: true }],
    run: items => code(items.insertOne({ a: [3, 1] })),
    expect: 11000
  },
  {
    section: 'Multikey Indexes: Compound Multikey Indexes',
    rule: 'two arrays in one key are CannotIndexParallelArrays (171)',
    docs: [],
    indexes: [{ key: { a: 1, b: 1 } }],
    run: items => code(items.insertOne({ a: [1], b: [2] })),
    expect: 171,
    secantusdb: 'accepts them'
  },
  {
    section: 'createIndexes',
    rule: 'making the same index again changes nothing',
    docs: [{ _id: 1 }],
    run: async (items, db) => {
      const create = () =>
        db.command({ createIndexes: items.collectionName, indexes: [{ key: { a: 1 }, name: 'a_1' }] })
      const first = await create()
      const { numIndexesBefore, numIndexesAfter, note } = await create()
      return [Number(first.numIndexesAfter), Number(numIndexesBefore), Number(numIndexesAfter), note]
    },
    expect: [2, 2, 2, 'all indexes already exist']
  },
  {
    section: 'createIndexes',
    rule: 'the same name is IndexKeySpecsConflict (86), the same key IndexOptionsConflict (85)',
    docs: [{ _id: 1 }],
    indexes: [{ key: { a: 1 }, name: 'one' }],
    run: async items => [
      await code(items.createIndex({ b: 1 }, { name: 'one' })),
      await code(items.createIndex({ a: 1 }, { name: 'two' })),
      await code(items.createIndex({ a: 1 }, { name: 'one', unique: true }))
    ],
    expect: [86, 85, 86]
  },
  {
    section: 'createIndexes',
    rule: 'a unique index over duplicates is refused and leaves nothing',
    docs: numbered('a', 1, 1),
    run: async items => [
      await code(items.createIndex({ a: 1 }, { unique: true })),
      (await items.indexes()).length
    ],
    expect: [11000, 1]
  },
  {
    section: 'listIndexes',
    rule: 'a missing collection is NamespaceNotFound (26)',
    run: (_items, db) => code(db.collection('missing').listIndexes().toArray()),
    expect: 26
  },
  {
    section: 'dropIndexes',
    rule: 'an unknown index is IndexNotFound (27)',
    docs: [{ _id: 1 }],
    run: items => code(items.dropIndex('none')),
    expect: 27
  },

  {
    section: 'distinct',
    rule: 'booleans and numbers are different values',
    docs: numbered('a', true, 1, false, 0),
    run: async items => (await items.distinct('a')).length,
    expect: 4,
    secantusdb: 'takes true for 1 and false for 0'
  },
  {
    section: 'distinct',
    rule: 'counts the elements of arrays, one level deep, and equal numbers once',
    docs: numbered('a', [1, 2, [3]], 2, new Double(1), undefined, null),
    run: async items => new Set((await items.distinct('a')).map(value => JSON.stringify(value))),
    expect: new Set(['1', '2', '[3]', 'null'])
  },
  {
    section: 'count',
    rule: 'skip and limit apply to the counted documents',
    docs: numbered('a', 1, 1, 1, 1, 2),
    run: async (items, db) =>
      Number((await db.command({ count: items.collectionName, query: { a: 1 }, skip: 1, limit: 2 })).n),
    expect: 2
  },
  {
    section: 'Project Fields to Return',
    rule: 'included fields keep their order; _id is included unless it is excluded',
    docs: [{ _id: 1, a: 1, b: { c: 2, d: 3 }, e: [{ f: 1, g: 2 }, 5] }],
    run: async items => [
      await items.find({}, { projection: { e: 1, b: 1 } }).toArray(),
      await items.find({}, { projection: { _id: 0, a: 1, none: 1 } }).toArray()
    ],
    expect: [[{ _id: 1, b: { c: 2, d: 3 }, e: [{ f: 1, g: 2 }, 5] }], [{ a: 1 }]]
  },
  {
    section: 'Project Fields to Return',
    rule: 'removes excluded fields',
    docs: [{ _id: 1, a: 1, b: { c: 2, d: 3 }, e: [{ f: 1, g: 2 }, 5] }],
    run: async items => items.find({}, { projection: { a: 0, b: 0 } }).toArray(),
    expect: [{ _id: 1, e: [{ f: 1, g: 2 }, 5] }]
  },
  {
    section: 'findAndModify',
    rule: 'sort chooses the document; new answers the document after the change',
    docs: numbered('a', 3, 1, 2),
    run: async items => [
      await items.findOneAndUpdate({}, { $inc: { a: 10 } }, { sort: { a: 1 }, returnDocument: 'after' }),
      await items.findOneAndDelete({}, { sort: { a: -1 } }),
      await items.findOneAndUpdate({ a: 99 }, { $set: { b: 1 } })
    ],
    expect: [{ _id: 1, a: 11 }, { _id: 1, a: 11 }, null]
  },
  {
    section: 'insert',
    rule: 'an _id that the server makes is the first field',
    run: async (items, db) => {
      await db.command({ insert: items.collectionName, documents: [{ a: 1 }] })
      return Object.keys((await items.findOne({}))!)
    },
    expect: ['_id', 'a']
  },
  {
    section: 'insert',
    rule: '_id moves to the front',
    run: async (items, db) => {
      await db.command({ insert: items.collectionName, documents: [{ a: 1, _id: 5 }] })
      return Object.keys((await items.findOne({}))!)
    },
    expect: ['_id', 'a']
  },
  {
    section: 'insert',
    rule: 'an unordered insert inserts everything besides the duplicate',
    docs: [{ _id: 2 }],
    run: async (items, db) => {
      const { n, writeErrors } = await db.command({
        insert: items.collectionName,
        ordered: false,
        documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }]
      })
      return [Number(n), writeErrors.map((each: Document) => [Number(each.index), Number(each.code)])]
    },
    expect: [2, [[1, 11000]]]
  },
  {
    section: 'insert',
    rule: 'an ordered insert stops at the duplicate',
    docs: [{ _id: 2 }],
    run: async (items, db) => {
      const { n } = await db.command({
        insert: items.collectionName,
        documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }]
      })
      return [Number(n), await ids(items, {})]
    },
    expect: [1, [1, 2]]
  },
  {
    section: 'insert',
    rule: 'an array as _id is refused',
    run: async items => (await code(items.insertOne({ _id: [1] as never }))) !== 'no error',
    expect: true,
    secantusdb: 'accepts it'
  },
  {
    section: 'getMore',
    rule: 'an unknown cursor is CursorNotFound (43)',
    run: (items, db) => code(db.command({ getMore: long('123456'), collection: items.collectionName })),
    expect: 43
  }
]
