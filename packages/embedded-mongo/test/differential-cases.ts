// Cases with the answer of MongoDB's manual, by section. A case says how another server is known to answer
// differently.
import { Binary, Double, Int32, Long, type Collection, type Db, type Document } from 'mongodb'

export interface Case {
  /** The page of the manual, or another source of MongoDB, that gives the answer. */
  section: string
  rule: string
  docs?: Document[]
  indexes?: Document[]
  run(items: Collection, db: Db): Promise<unknown>
  expect: unknown
  /** What SecantusDB 0.7.0b3 does differently. */
  secantusdb?: string
}

const ids = async (items: Collection, filter: Document, sort: Document = { _id: 1 }): Promise<unknown[]> =>
  (await items.find(filter, { sort, projection: { _id: 1 } }).toArray()).map(doc => Number(doc._id))
const finds = (filter: Document, sort?: Document) => (items: Collection) => ids(items, filter, sort)
/** Updates the documents. @returns all documents without their identifiers */
const updates =
  (update: Document, filter: Document = {}, options: Document = {}) =>
    async (items: Collection) => {
      await items.updateMany(filter, update, options)
      return items.find({}, { sort: { _id: 1 }, projection: { _id: 0 } }).toArray()
    }
const code = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    err => err.code
  )
const fails =
  (update: Document, filter: Document = {}) =>
    (items: Collection) =>
      code(items.updateOne(filter, update))
const numbered = (key: string, ...values: unknown[]): Document[] =>
  values.map((value, _id) => (value === undefined ? { _id } : { _id, [key]: value }))
const long = (digits: string) => Long.fromString(digits)

const nulls = numbered('a', null, undefined, 1, [], [null], [{ b: 1 }, {}], { b: null }, { b: 2 }, [1, 2])
const mixed = numbered(
  'v',
  true,
  'b',
  3,
  null,
  { x: 1 },
  new Date(0),
  [],
  'B',
  new Binary(Buffer.from([9])),
  2.5,
  undefined,
  false,
  [0, 9]
)
const arrays = numbered('a', [5, 20], [10], 7, [[7], 8], ['x'])
const nested = numbered('a', { x: 1, y: 2 }, { y: 2, x: 1 }, [{ x: 1, y: 2 }, { x: 3 }], [{ x: 3, y: 1 }], {
  x: [1, 4]
})

export const cases: Case[] = [
  {
    section: 'Query for Null or Missing Fields',
    rule: '{a: null} finds null and missing fields, and arrays that contain null',
    docs: nulls,
    run: finds({ a: null }),
    expect: [0, 1, 4]
  },
  {
    section: 'Query for Null or Missing Fields',
    rule: '{$ne: null} is its complement',
    docs: nulls,
    run: finds({ a: { $ne: null } }),
    expect: [2, 3, 5, 6, 7, 8]
  },
  {
    section: 'Query for Null or Missing Fields',
    rule: "{'a.b': null} looks into documents only, also those inside an array",
    docs: nulls,
    run: finds({ 'a.b': null }),
    expect: [0, 1, 2, 5, 6]
  },
  {
    section: 'Query for Null or Missing Fields',
    rule: '{$exists: false} finds missing fields only',
    docs: nulls,
    run: finds({ a: { $exists: false } }),
    expect: [1]
  },
  {
    section: '$in',
    rule: 'null in the list finds missing fields too',
    docs: nulls,
    run: finds({ a: { $in: [null, 2] } }),
    expect: [0, 1, 4, 8]
  },
  {
    section: '$nin',
    rule: 'a missing field equals no value of a list without null',
    docs: nulls,
    run: finds({ a: { $nin: [1, null] } }),
    expect: [3, 5, 6, 7]
  },
  {
    section: '$gte',
    rule: '{$gte: null} finds null and missing fields',
    docs: nulls,
    run: finds({ a: { $gte: null } }),
    expect: [0, 1, 4]
  },
  {
    section: 'Query an Array',
    rule: 'finds an array by all of its elements in order, or by one element',
    docs: arrays,
    run: async items => [
      await ids(items, { a: [5, 20] }),
      await ids(items, { a: [20, 5] }),
      await ids(items, { a: 20 }),
      await ids(items, { a: [7] })
    ],
    expect: [[0], [], [0], [3]]
  },
  {
    section: 'Query an Array',
    rule: 'two elements may meet two bounds',
    docs: arrays,
    run: finds({ a: { $gt: 15, $lt: 10 } }),
    expect: [0]
  },
  {
    section: 'Multikey Index Bounds: Intersect Bounds for Multikey Index',
    rule: 'two bounds may be met by two elements with an index too: only $elemMatch lets them be intersected',
    docs: arrays,
    indexes: [{ key: { a: 1 } }],
    run: finds({ a: { $gt: 15, $lt: 10 } }),
    expect: [0],
    secantusdb: 'intersects the bounds and finds nothing'
  },
  {
    section: 'Query an Array',
    rule: 'finds an element by its position',
    docs: arrays,
    run: finds({ 'a.1': { $gte: 8 } }),
    expect: [0, 3]
  },
  {
    section: '$not',
    rule: '$not finds what the condition does not, missing fields included',
    docs: nulls,
    run: finds({ a: { $not: { $gte: 1 } } }),
    expect: [0, 1, 3, 4, 5, 6, 7]
  },
  {
    section: '$nor',
    rule: '$nor finds what none of the conditions finds',
    docs: nulls,
    run: finds({ $nor: [{ a: 1 }, { a: { $exists: false } }] }),
    expect: [0, 3, 4, 5, 6, 7]
  },
  {
    section: 'Query on Embedded Documents',
    rule: 'finds a document by all of its fields in order',
    docs: nested,
    run: finds({ a: { x: 1, y: 2 } }),
    expect: [0, 2]
  },
  {
    section: 'Query an Array of Embedded Documents',
    rule: 'a dotted path looks into each document of an array',
    docs: nested,
    run: finds({ 'a.x': { $gte: 3 } }),
    expect: [2, 3, 4]
  },
  {
    section: 'Query an Array of Embedded Documents',
    rule: 'two elements may meet conditions on two paths',
    docs: nested,
    run: finds({ 'a.x': 3, 'a.y': 2 }),
    expect: [2]
  },
  {
    section: 'Query an Array of Embedded Documents',
    rule: 'two documents may meet two bounds on one path',
    docs: nested,
    run: finds({ 'a.x': { $gt: 1, $lt: 3 } }),
    expect: [2, 4]
  },
  {
    section: 'sort() (cursor method)',
    rule: 'a path into an array sorts by its least value when ascending, by its greatest when descending',
    docs: nested,
    run: async items => [
      await ids(items, {}, { 'a.x': 1, _id: 1 }),
      await ids(items, {}, { 'a.x': -1, _id: 1 })
    ],
    expect: [
      [0, 1, 2, 4, 3],
      [4, 2, 3, 0, 1]
    ]
  },
  {
    section: 'Comparison Query Predicates: Type Bracketing',
    rule: 'a range finds only values that have the type of its bound',
    docs: mixed,
    run: async items => [
      await ids(items, { v: { $gte: 0 } }),
      await ids(items, { v: { $lt: 'a' } }),
      await ids(items, { v: { $gte: false } })
    ],
    expect: [[2, 9, 12], [7], [0, 11]]
  },
  {
    section: 'Comparison/Sort Order',
    rule: 'empty array, null and missing, numbers, strings, objects, binary, booleans, dates',
    docs: mixed,
    run: finds({}, { v: 1, _id: 1 }),
    expect: [6, 3, 10, 12, 9, 2, 7, 1, 4, 8, 11, 0, 5]
  },
  {
    section: 'Comparison/Sort Order',
    rule: 'a descending sort uses the greatest element of an array',
    docs: mixed,
    run: finds({}, { v: -1, _id: 1 }),
    expect: [5, 0, 11, 8, 4, 1, 7, 12, 2, 9, 3, 10, 6]
  },
  {
    section: 'Comparison/Sort Order: Numeric Types',
    rule: 'numbers beyond 2^53 compare by value too',
    docs: numbered(
      'n',
      long('9007199254740993'),
      new Double(2 ** 53),
      long('9007199254740992'),
      long('9007199254740994')
    ),
    run: async items => [
      await ids(items, {}, { n: 1, _id: 1 }),
      await ids(items, { n: new Double(2 ** 53) }),
      await ids(items, { n: { $gt: new Double(2 ** 53) } })
    ],
    expect: [
      [1, 2, 0, 3],
      [1, 2],
      [0, 3]
    ]
  },
  {
    section: 'Comparison/Sort Order: Numeric Types',
    rule: '-0 equals 0 in every numeric type',
    docs: numbered('n', new Double(-0), 0, long('0'), new Double(0)),
    run: finds({ n: 0 }),
    expect: [0, 1, 2, 3]
  },
  {
    section: 'Comparison/Sort Order: BinData',
    rule: 'binary by length, then subtype, then bytes',
    docs: numbered(
      'b',
      new Binary(Buffer.from([9])),
      new Binary(Buffer.from([1, 1])),
      new Binary(Buffer.from([1]), 4),
      new Binary(Buffer.from([2]))
    ),
    run: finds({}, { b: 1 }),
    expect: [3, 0, 2, 1],
    secantusdb: 'compares the bytes first'
  },
  {
    section: 'Comparison/Sort Order: Objects',
    rule: 'objects by type, name and value of each field in turn; a shorter object is first',
    docs: numbered('o', { b: 1 }, { a: 2 }, { a: 1, b: 1 }, { a: 1 }, { a: 'x' }),
    run: finds({}, { o: 1 }),
    expect: [3, 2, 1, 0, 4]
  },
  {
    section: 'Comparison/Sort Order: Strings',
    rule: 'strings by their UTF-8 bytes',
    docs: numbered('s', '\u{10000}', '\uffff', 'a', 'B', 'é', 'aa', ''),
    run: finds({}, { s: 1 }),
    expect: [6, 3, 2, 5, 4, 1, 0]
  },

  {
    section: '$inc',
    rule: 'a missing field becomes the amount; an int32 that overflows becomes an int64',
    docs: numbered('n', undefined, 2147483647, 1.5),
    run: async items => [await updates({ $inc: { n: 1 } })(items)],
    expect: [[{ n: new Int32(1) }, { n: long('2147483648') }, { n: new Double(2.5) }]]
  },
  {
    section: '$inc',
    rule: 'only numbers can be incremented: TypeMismatch (14)',
    docs: [{ _id: 1, n: '1' }],
    run: fails({ $inc: { n: 1 } }),
    expect: 14
  },
  {
    section: '$inc',
    rule: 'an int64 that would overflow is refused: BadValue (2)',
    docs: [{ _id: 1, n: long('9223372036854775807') }],
    run: fails({ $inc: { n: 1 } }),
    expect: 2
  },
  {
    section: '$min, $max',
    rule: 'compare in BSON order, and set a missing field',
    docs: numbered('n', 5, 'a', undefined, null),
    run: async items => [await updates({ $max: { n: 7 } })(items), await updates({ $min: { n: 6 } })(items)],
    expect: [
      [{ n: 7 }, { n: 'a' }, { n: 7 }, { n: 7 }],
      [{ n: 6 }, { n: 6 }, { n: 6 }, { n: 6 }]
    ]
  },
  {
    section: '$set',
    rule: 'a dotted path makes documents and lengthens an array',
    docs: [{ _id: 1, list: [1] }],
    run: updates({ $set: { 'a.b.c': 1, 'list.1': 4 } }),
    expect: [{ list: [1, 4], a: { b: { c: 1 } } }]
  },
  {
    section: '$set',
    rule: 'since 5.0 new fields are added in lexicographic order',
    docs: [{ _id: 1, m: 0 }],
    run: updates({ $set: { z: 1, a: 1, b: 1, m: 1 } }),
    expect: [{ m: 1, a: 1, b: 1, z: 1 }],
    secantusdb: 'adds them in the order of the update'
  },
  {
    section: '$set',
    rule: 'a path through a scalar is PathNotViable (28)',
    docs: [{ _id: 1, a: 1 }],
    run: fails({ $set: { 'a.b': 1 } }),
    expect: 28
  },
  {
    section: '$unset',
    rule: 'sets an array element to null, removes a field',
    docs: [{ _id: 1, list: [1, 2], a: 1, b: { c: 1 } }],
    run: updates({ $unset: { 'list.0': '', a: '', 'b.c': '', none: '' } }),
    expect: [{ list: [null, 2], b: {} }]
  },
  {
    section: '$push',
    rule: '$push makes the array, $each appends all',
    docs: [{ _id: 1, a: [1] }],
    run: updates({ $push: { a: { $each: [2, [3]] }, b: { x: 1 } } }),
    expect: [{ a: [1, 2, [3]], b: [{ x: 1 }] }]
  },
  {
    section: '$push',
    rule: 'a field that is not an array is BadValue (2)',
    docs: [{ _id: 1, a: 1 }],
    run: fails({ $push: { a: 1 } }),
    expect: 2
  },
  {
    section: '$addToSet',
    rule: 'does not add equal values, of any numeric type; adds a document with another order of fields',
    docs: [{ _id: 1, a: [1, { x: 1, y: 2 }] }],
    run: async items => [
      await updates({ $addToSet: { a: { $each: [new Double(1), { y: 2, x: 1 }, { x: 1, y: 2 }, 2, 2] } } })(
        items
      )
    ],
    expect: [[{ a: [1, { x: 1, y: 2 }, { y: 2, x: 1 }, 2] }]]
  },
  {
    section: '$pull',
    rule: 'removes all equal elements; a value that is not an array is BadValue (2)',
    docs: [{ _id: 1, a: [1, 2, 1, [1], '1'], n: 1 }],
    run: async items => [
      await updates({ $pull: { a: 1, none: 1 } })(items),
      await fails({ $pull: { n: 1 } })(items)
    ],
    expect: [[{ a: [2, [1], '1'], n: 1 }], 2]
  },
  {
    section: '$setOnInsert',
    rule: 'an upsert starts from the equalities of the filter, then applies the update',
    docs: [],
    run: updates(
      { $set: { a: 1 }, $setOnInsert: { b: 2 } },
      { c: 3, 'd.e': 4, f: { $gt: 1 }, g: { $eq: 5 }, $and: [{ h: 6 }] },
      { upsert: true }
    ),
    expect: [{ c: 3, d: { e: 4 }, g: 5, h: 6, a: 1, b: 2 }]
  },
  {
    section: '$setOnInsert',
    rule: 'inserts null and an empty array too',
    docs: [],
    run: updates({ $setOnInsert: { a: null, b: [] } }, { c: 1 }, { upsert: true }),
    expect: [{ c: 1, a: null, b: [] }]
  },
  {
    section: 'db.collection.updateMany',
    rule: 'two operators on one path are ConflictingUpdateOperators (40)',
    docs: [{ _id: 1 }],
    run: fails({ $set: { a: 1 }, $inc: { 'a.b': 1 } }),
    expect: 40
  },
  {
    section: 'db.collection.replaceOne',
    rule: 'keeps the _id; another one is ImmutableField (66)',
    docs: [{ _id: 1, a: 1 }],
    run: async items => {
      await items.replaceOne({}, { b: 1 })
      return [await items.find().toArray(), await code(items.replaceOne({}, { _id: 2 } as Document))]
    },
    expect: [[{ _id: 1, b: 1 }], 66]
  },
  {
    section: 'db.collection.updateOne',
    rule: 'changing _id is ImmutableField (66); setting it to its value changes nothing',
    docs: [{ _id: 1 }],
    run: async items => [await fails({ $set: { _id: 2 } })(items), await fails({ $set: { _id: 1 } })(items)],
    expect: [66, 'no error']
  },
  {
    section: 'update (command)',
    rule: 'an empty update document replaces everything besides _id',
    docs: [{ _id: 1, a: 1 }],
    run: async (items, db) => {
      const { n, nModified } = await db.command({ update: items.collectionName, updates: [{ q: {}, u: {} }] })
      return [n, nModified, await items.find().toArray()]
    },
    expect: [1, 1, [{ _id: 1 }]]
  },

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
