// Cases of the differential test: filters, and the order of values.
import { Binary, Double } from 'mongodb'
import { type Case, finds, ids, long, numbered } from './differential-case.js'

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

export const queryCases: Case[] = [
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
  }
]
