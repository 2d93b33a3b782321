// Random documents, filters and updates for the differential test.
import type { Document, IndexSpecification } from 'mongodb'
import type { Chance } from './chance.js'

type Make<T> = (chance: Chance) => T

/** Each choice makes its value when it is chosen. */
const oneOf =
  <T>(...makes: Array<Make<T>>): Make<T> =>
    chance =>
      chance.pick(makes)(chance)

export const number: Make<number> = chance => chance.pick([0, 1, 2, 3, 1.5, -1, 2 ** 33])
export const id: Make<number> = chance => chance.whole(15)

const scalar = oneOf<unknown>(
  number,
  number,
  chance => chance.pick(['', 'a', 'b', 'é']),
  () => null,
  chance => chance.random() < 0.5,
  chance => new Date(chance.whole(3))
)
const scalars: Make<unknown[]> = chance => chance.some(() => scalar(chance))

const nested: Make<Document> = chance => ({
  ...(chance.random() < 0.8 ? { x: scalar(chance) } : {}),
  ...(chance.random() < 0.6 ? { y: number(chance) } : {})
})

const anything = oneOf<unknown>(scalar, nested, scalars)
const oneOrMore = oneOf<unknown>(nested, chance => chance.some(() => nested(chance)))

/** Some updates need them: `n` is always a number, `list` always an array, `m` missing or a number. */
export const doc: Make<Document> = chance => ({
  n: number(chance),
  list: scalars(chance),
  a: anything(chance),
  ...(chance.random() < 0.6 ? { b: scalar(chance) } : {}),
  c: oneOrMore(chance)
})

const condition = oneOf<unknown>(
  scalar,
  scalar,
  chance => ({ $exists: chance.random() < 0.5 }),
  chance => ({ $nin: chance.some(() => scalar(chance), 1) }),
  chance => ({ $eq: scalar(chance) }),
  chance => ({ $ne: scalar(chance) }),
  chance => ({ $gt: scalar(chance) }),
  chance => ({ $lte: scalar(chance) }),
  chance => ({ $in: chance.some(() => scalar(chance), 1) }),
  chance => ({ $not: { $gt: scalar(chance) } })
)

/** SecantusDB intersects two bounds on an index of an array; differential-query-cases.ts has the case. */
const range: Make<unknown> = chance => ({ $gte: number(chance), $lt: number(chance) })
const HOLD_ARRAYS = ['a', 'list']

/** The cases test missing fields and two bounds inside arrays. */
const inside = oneOf<unknown>(
  number,
  chance => ({ $in: chance.some(() => number(chance), 1) }),
  () => ({ $gt: 'a' }),
  chance => ({ $lte: number(chance) })
)

const path: Make<string> = chance => chance.pick(['_id', 'n', 'a', 'b', 'a.x', 'c.x', 'c.y', 'list'])

function test (chance: Chance, at: string): [string, unknown] {
  if (at.includes('.')) return [at, inside(chance)]
  const isRange = !HOLD_ARRAYS.includes(at) && chance.random() < 0.1
  return [at, isRange ? range(chance) : condition(chance)]
}

export const clause: Make<Document> = chance => {
  const paths = chance.some(() => path(chance), 1).slice(0, 2)
  return Object.fromEntries(paths.map(at => test(chance, at)))
}

export const filter = oneOf<Document>(
  () => ({}),
  clause,
  clause,
  clause,
  chance => ({ [chance.pick(['$and', '$or', '$nor'])]: chance.some(() => clause(chance), 1) })
)

/** The _id at the end makes the order complete. */
export const sort: Make<Document> = chance => {
  const paths = [chance.pick(['n', 'b', '_id', 'a']), 'b']
    .slice(chance.whole(2))
    .filter(each => each !== '_id')
  return { ...Object.fromEntries(paths.map(each => [each, chance.pick([1, -1])])), _id: chance.pick([1, -1]) }
}

export const update = oneOf<Document>(
  chance => ({ $set: { b: scalar(chance), 'd.e': number(chance) } }),
  chance => ({ $set: { a: nested(chance) }, $inc: { n: chance.whole(5) } }),
  () => ({ $unset: { b: '', 'c.y': '' } }),
  chance => ({ $inc: { n: chance.pick([1, -2, 0.5]), m: 1 } }),
  chance => ({ $min: { n: number(chance) }, $max: { b: number(chance) } }),
  chance => ({ $push: { list: scalar(chance) } }),
  chance => ({ $push: { list: { $each: scalars(chance) } } }),
  chance => ({ $addToSet: { list: scalar(chance) } }),
  chance => ({ $pull: { list: scalar(chance) } }),
  chance => ({ $setOnInsert: { n: 7 }, $set: { b: scalar(chance) } })
)

export const upserted: Make<Document> = chance => ({
  $set: { b: scalar(chance) },
  $setOnInsert: { n: number(chance), list: [number(chance)], c: { x: 1 }, a: chance.pick(['a', true]) }
})

export const indexKey: Make<IndexSpecification> = chance =>
  chance.pick<IndexSpecification>([
    { n: 1 },
    { a: 1 },
    { 'c.x': -1 },
    { b: 1, n: -1 },
    { list: 1 },
    { n: 1, a: 1 }
  ])
