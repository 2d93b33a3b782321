// Cases of the differential test: update operators and replacements.
import { Double, Int32, type Document } from 'mongodb'
import { type Case, code, fails, long, numbered, updates } from './differential-case.js'

export const updateCases: Case[] = [
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
  }
]
