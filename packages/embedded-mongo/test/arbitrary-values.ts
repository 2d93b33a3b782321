// Random BSON values for the property tests, with many at which encodings go wrong.
import { Binary, Double, Int32, Long, ObjectId } from 'bson'
import fc from 'fast-check'
import type { Value } from './reference.js'

export const double = (value: number) => new Double(value)
export const long = (value: bigint) => Long.fromBigInt(value)

/**
 * Numbers of all three types, around the values at which they meet and the last ones that doubles represent
 * exactly.
 */
const edgeNumbers: Value[] = [
  double(NaN),
  double(-0),
  double(0),
  double(Infinity),
  double(-Infinity),
  double(Number.MIN_VALUE),
  double(-Number.MIN_VALUE),
  double(Number.MAX_VALUE),
  double(-Number.MAX_VALUE),
  double(0.1),
  double(-0.1),
  double(1),
  double(1.5),
  double(-1.5),
  ...[2 ** 31, 2 ** 53, 2 ** 53 - 1, 2 ** 53 + 2, 2 ** 62, 2 ** 63, 2 ** 63 - 1024, 2 ** 64].flatMap(n => [
    double(n),
    double(-n)
  ]),
  new Int32(0),
  new Int32(1),
  new Int32(-1),
  new Int32(2 ** 31 - 1),
  new Int32(-(2 ** 31)),
  ...[
    0n,
    1n,
    2n ** 31n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 53n + 2n,
    2n ** 62n + 1n,
    2n ** 63n - 1n
  ].flatMap(n => [long(n), long(-n)]),
  long(-(2n ** 63n))
]

const strings = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  // UTF-8 and UTF-16 order some of these differently; NUL and 0xFF are common terminators.
  fc.constantFrom(
    '',
    '\0',
    '\0\0',
    'a',
    'a\0',
    'a\0b',
    '\u00ff',
    '\uffff',
    '\u{10000}',
    '\u{1f600}',
    '\ue000',
    'é',
    'e\u0301'
  ),
  fc.constantFrom('a', 'b', 'c').map(end => 'x'.repeat(30) + end)
)

const scalars: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...edgeNumbers) },
  fc.double().map(double),
  fc.integer().map(n => new Int32(n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(long),
  { weight: 2, arbitrary: strings },
  fc.constant(null),
  fc.boolean(),
  fc
    .tuple(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(0, 4, 5, 128))
    .map(([bytes, type]) => new Binary(bytes, type)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map(bytes => new ObjectId(bytes)),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(0, -1, 1).map(ms => new Date(ms))
)

// No names that look like array positions: JavaScript would reorder them.
const names = fc.constantFrom('a', 'b', 'ab', 'a\u00e9', 'é', '', 'x')

/** Any value that the server can compare, nested a few levels deep. */
export const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: scalars },
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Value>
  )
})).value
