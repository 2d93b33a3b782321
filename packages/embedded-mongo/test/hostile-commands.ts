// Commands for the fuzzer: valid ones, and ones with values of the wrong type.
import type { Document } from 'mongodb'
import type { Chance } from './chance.js'

export const $db = 'fuzz'

/** Valid commands. */
const COMMANDS: Array<(chance: Chance) => Document> = [
  () => ({ ping: 1, $db }),
  () => ({ hello: 1, $db }),
  chance => ({
    find: 'items',
    filter: { a: { $gt: chance.whole(9) }, 'b.c': null },
    sort: { a: -1 },
    limit: 3,
    $db
  }),
  chance => ({
    insert: 'items',
    documents: [{ a: chance.whole(99), b: [{ c: 'text' }], d: new Date(0), e: 1.5 }],
    $db
  }),
  () => ({
    update: 'items',
    updates: [{ q: { a: 1 }, u: { $set: { 'b.0': 1 }, $inc: { n: 1 } }, upsert: true }],
    $db
  }),
  chance => ({ delete: 'items', deletes: [{ q: { a: chance.whole(99) }, limit: 0 }], $db }),
  () => ({
    findAndModify: 'items',
    query: { a: 1 },
    update: { $push: { list: { $each: [1, 2] } } },
    new: true,
    $db
  }),
  () => ({
    aggregate: 'items',
    pipeline: [{ $match: {} }, { $group: { _id: 1, n: { $sum: 1 } } }],
    cursor: {},
    $db
  }),
  () => ({ createIndexes: 'items', indexes: [{ key: { a: 1 }, name: 'a_1' }], $db }),
  () => ({ listCollections: 1, $db }),
  () => ({ getMore: 1n, collection: 'items', $db })
]

/** Values that are wrong in most places. */
const ODD: Array<(chance: Chance) => unknown> = [
  () => null,
  () => -1,
  () => NaN,
  () => 2 ** 53,
  () => '',
  () => 'a\0b',
  () => '$',
  () => 'a..b',
  () => [],
  () => [[]],
  () => ({}),
  () => ({ '': 1 }),
  () => ({ $eq: { $gt: 1 } }),
  () => new Date(NaN),
  () => true,
  () => -(2n ** 63n),
  () => Buffer.alloc(3),
  () => 'x'.repeat(5000),
  () => ({ $each: 1 }),
  () => [null, { $in: 1 }],
  () => /a/,
  () => Infinity
]

export function validCommand (chance: Chance): Document {
  return chance.pick(COMMANDS)(chance)
}

/** Makes a valid command and puts values of the wrong type in it, at any depth. */
export function confusedCommand (chance: Chance): Document {
  const odd = (): unknown => chance.pick(ODD)(chance)
  const command = validCommand(chance)
  const wreck = (at: Document): void => {
    const key = chance.pick(Object.keys(at))
    if (key === undefined) return
    const inner = at[key] as unknown
    const isNested = inner && typeof inner === 'object' && !(inner instanceof Date)
    if (isNested && chance.random() < 0.7) wreck(inner as Document)
    else at[key] = odd()
  }
  wreck(command)
  if (chance.random() < 0.2) {
    command[
      chance.pick(['$db', 'lsid', 'maxTimeMS', 'filter', 'cursor', 'startTransaction', 'hint', 'sort'])
    ] = odd()
  }
  return command
}
