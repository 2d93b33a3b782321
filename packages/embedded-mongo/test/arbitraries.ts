// Random documents, indexes and queries for the property tests.
import { Binary, Int32, ObjectId } from 'bson'
import fc from 'fast-check'
import { double, long } from './arbitrary-values.js'
import type { Condition, Direction, Doc, Filter, Sort, Value } from './reference.js'

// Only a few values, so that random filters find something, documents tie and arrays overlap.
const few: fc.Arbitrary<Value> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom<Value>(
      new Int32(0),
      new Int32(1),
      new Int32(2),
      double(1),
      double(1.5),
      double(-0),
      long(2n),
      double(NaN)
    )
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Value>(
      long(2n ** 53n),
      long(2n ** 53n + 1n),
      double(2 ** 53),
      double(Infinity)
    )
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Value>(
      '',
      'a',
      'b',
      '\uffff',
      '\u{10000}',
      'x'.repeat(300) + 'a',
      'x'.repeat(300) + 'b'
    )
  },
  { weight: 2, arbitrary: fc.constant(null) },
  fc.constantFrom<Value>(
    true,
    false,
    new Date(0),
    new Date(1),
    new ObjectId('0'.repeat(24)),
    new ObjectId('0'.repeat(23) + '1'),
    new Binary(Uint8Array.of(1)),
    new Binary(Uint8Array.of(1), 4),
    new Binary(Uint8Array.of(0, 0))
  )
)
// Mostly equal numbers, so that two elements of an array often meet two bounds that neither meets alone.
const bounds = fc.constantFrom<Value>(new Int32(0), new Int32(1), double(1.5), new Int32(2))
const fewNested: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: few },
  { weight: 2, arbitrary: fc.array(few, { maxLength: 3 }) },
  fc.array(fc.array(few, { maxLength: 2 }), { maxLength: 2 }),
  fc.record({ x: few }, { requiredKeys: [] }) as fc.Arbitrary<Value>
)
const child: fc.Arbitrary<Value> = fc.record(
  {
    x: fc.oneof(
      { weight: 3, arbitrary: bounds },
      { weight: 3, arbitrary: few },
      fc.array(few, { maxLength: 2 })
    ),
    y: fc.oneof(bounds, few)
  },
  { requiredKeys: [], noNullPrototype: true }
) as fc.Arbitrary<Value>

/**
 * The indexes and sorts below rely on this: `a` may be anything, `b` is a scalar, and `c` is a document with
 * `x` and `y`, an array of them, or a scalar.
 */
const documents: fc.Arbitrary<Doc> = fc.record(
  {
    a: fewNested,
    b: few,
    c: fc.oneof(child, fc.array(fc.oneof({ weight: 4, arbitrary: child }, few), { maxLength: 3 }), few)
  },
  { requiredKeys: [], noNullPrototype: true }
) as fc.Arbitrary<Doc>

/** Mostly large collections, so that most filters find something, but also tiny and empty ones. */
export const documentLists = fc.oneof(
  { weight: 5, arbitrary: fc.array(documents, { minLength: 15, maxLength: 30, size: 'max' }) },
  fc.array(documents, { maxLength: 5 })
)

// MongoDB refuses to index or sort by two arrays if neither contains the other.
export const indexes = fc.uniqueArray(
  fc.constantFrom<Sort>(
    [['a', 1]],
    [
      ['a', -1],
      ['b', 1]
    ],
    [
      ['b', 1],
      ['a', 1]
    ],
    [['b', -1]],
    [['c.x', 1]],
    [
      ['b', 1],
      ['c.x', -1]
    ],
    [
      ['c.x', 1],
      ['c.y', 1]
    ],
    [['c', 1]]
  ),
  { minLength: 1, maxLength: 3, selector: index => JSON.stringify(index) }
)

const direction = fc.constantFrom<Direction>(1, -1)
const sortPaths = [[], ['a'], ['b'], ['b', 'a'], ['a', 'b'], ['c.x'], ['b', 'c.x'], ['c.x', 'b'], ['_id']]
const sorts: fc.Arbitrary<Sort> = fc
  .tuple(fc.constantFrom(...sortPaths), direction, direction)
  .map(([paths, ...directions]) => paths.map((path, i): [string, Direction] => [path, directions[i]!]))

/** Texts, most of them too long for an index. No document has them: only filters use them. */
export const tooLong: fc.Arbitrary<Value> = fc
  .constantFrom(300, 1890, 1960, 1970, 1990, 2100)
  .map(length => 'x'.repeat(length))
const operands = fc.oneof({ weight: 9, arbitrary: fewNested }, tooLong)
const comparison = fc.oneof(
  fc
    .tuple(fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte'), operands)
    .map(([operator, value]) => ({ [operator]: value })),
  fc
    .tuple(fc.constantFrom('$in', '$nin'), fc.array(operands, { maxLength: 3 }))
    .map(([operator, list]) => ({ [operator]: list })),
  fc
    .tuple(fc.constantFrom('$gt', '$gte'), few, fc.constantFrom('$lt', '$lte'), few)
    .map(([low, from, high, to]) => ({ [low]: from, [high]: to })),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('$gt', '$gte'), bounds, fc.constantFrom('$lt', '$lte'), bounds)
      .map(([low, from, high, to]) => ({ [low]: from, [high]: to }))
  },
  fc.boolean().map(exists => ({ $exists: exists }))
) as fc.Arbitrary<Condition>
const condition: fc.Arbitrary<Value | Condition> = fc.oneof(
  { weight: 3, arbitrary: operands as fc.Arbitrary<Value | Condition> },
  { weight: 4, arbitrary: comparison },
  comparison.map(each => ({ $not: each }))
)
const fields: fc.Arbitrary<Filter> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c.x', 'c.y', 'a.x', 'c'),
  condition,
  { minKeys: 1, maxKeys: 2, noNullPrototype: true }
)

// Conditions on two paths into one array, which two of its documents may meet.
const pairs = fc.record({
  'c.x': fc.oneof<fc.Arbitrary<Value | Condition>[]>(bounds, comparison),
  'c.y': bounds
}) as fc.Arbitrary<Filter>

export const filters: fc.Arbitrary<Filter> = fc.oneof(
  { weight: 5, arbitrary: fields },
  pairs,
  fc.constant({}),
  fc
    .tuple(
      fc.constantFrom('$and', '$or', '$nor'),
      fc.array(fields, { minLength: 1, maxLength: 3 }),
      fc.oneof(fc.constant({}), fields)
    )
    .map(([operator, list, rest]) => ({ ...rest, [operator]: list }))
)

export const queries = fc.record({ filter: filters, sort: sorts, skip: fc.nat(3), limit: fc.nat(8) })
export type Query = { filter: Filter; sort: Sort; skip: number; limit: number }
