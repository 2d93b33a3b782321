// Everything outside the subset is refused with MongoDB's code and an error that names it, before anything
// changes.
import {
  Binary,
  Code,
  Decimal128,
  MaxKey,
  MinKey,
  Timestamp,
  type Document,
  type MongoServerError
} from 'mongodb'
import { test } from 'tap'
import { start } from './helper.js'

// The codes are those of MongoDB's src/mongo/base/error_codes.yml, and for stages of the manual, Aggregation
// Pipeline.
const BAD_VALUE = 2
const FAILED_TO_PARSE = 9
const TYPE_MISMATCH = 14
const ILLEGAL_OPERATION = 20
const PATH_NOT_VIABLE = 28
const CONFLICTING_UPDATE = 40
const COMMAND_NOT_FOUND = 59
const IMMUTABLE_FIELD = 66
const CANNOT_CREATE_INDEX = 67
const INVALID_OPTIONS = 72
const INVALID_NAMESPACE = 73
const INVALID_INDEX_OPTION = 197
const INVALID_LENGTH = 16
const SORT_ORDER = 15975
const NOT_IMPLEMENTED = 238
const DOLLAR_PREFIXED = 52
const UNKNOWN_STAGE = 40324
const UNKNOWN_FIELD = 40415

type Refusal = [command: Document, codes: number | number[], mention: string]

const find = (filter: Document): Document => ({ find: 'items', filter })
const update = (u: Document | Document[], more: Document = {}): Document => ({
  update: 'items',
  updates: [{ q: {}, u, ...more }]
})
const index = (key: Document, more: Document = {}): Document => ({
  createIndexes: 'items',
  indexes: [{ key, name: 'refused', ...more }]
})
const aggregate = (...pipeline: Document[]): Document => ({ aggregate: 'items', pipeline, cursor: {} })
// Bytes that, read as a document, lead back to their beginning: a field with an empty name, and a length of
// -2.
const ENDLESS = new Binary(Buffer.from([0, 0xfe, 0xff, 0xff, 0xff]), 3)
const COUNT = { $group: { _id: 1, n: { $sum: 1 } } }

const outside: Record<string, Refusal[]> = {
  'commands of other parts of MongoDB': [
    ...[
      'replSetGetStatus',
      'getLog',
      'serverStatus',
      'createUser',
      'usersInfo',
      'mapReduce',
      'collMod',
      'compact',
      'renameCollection',
      'currentOp',
      'atlasVersion',
      'getParameter',
      'setParameter',
      'shutdown',
      'fsync',
      'bulkWrite',
      'Find',
      'noSuchCommand'
    ].map((name): Refusal => [{ [name]: 1 }, COMMAND_NOT_FOUND, name])
  ],
  'filter operators': [
    ...[
      '$where',
      '$regex',
      '$elemMatch',
      '$all',
      '$size',
      '$type',
      '$mod',
      '$bitsAllSet',
      '$geoWithin',
      '$near',
      '$foo'
    ]
      .filter(name => name !== '$where')
      .map((name): Refusal => [find({ x: { [name]: 1 } }), BAD_VALUE, name]),
    ...['$where', '$expr', '$text', '$jsonSchema', '$comment2', '$function'].map((name): Refusal => [
      find({ [name]: 'x' }),
      BAD_VALUE,
      name
    ]),
    [find({ x: { $not: { $regex: 'a' } } }), BAD_VALUE, '$regex'],
    [find({ $or: [{ x: 1 }, { x: { $size: 1 } }] }), BAD_VALUE, '$size'],
    [{ delete: 'items', deletes: [{ q: { x: { $type: 2 } }, limit: 0 }] }, BAD_VALUE, '$type'],
    [
      { update: 'items', updates: [{ q: { x: { $mod: [2, 0] } }, u: { $set: { x: 1 } } }] },
      BAD_VALUE,
      '$mod'
    ],
    [{ count: 'items', query: { x: { $all: [1] } } }, BAD_VALUE, '$all'],
    [{ distinct: 'items', key: 'x', query: { x: { $elemMatch: {} } } }, BAD_VALUE, '$elemMatch']
  ],
  'malformed filters': [
    [find({ $or: [] }), BAD_VALUE, '$or'],
    [find({ $and: {} }), BAD_VALUE, '$and'],
    [find({ $nor: [1] }), BAD_VALUE, '$nor'],
    [find({ x: { $in: 1 } }), BAD_VALUE, '$in'],
    [find({ x: { $in: [{ $gt: 1 }] } }), BAD_VALUE, '$'],
    [find({ x: { $not: 1 } }), BAD_VALUE, '$not'],
    [find({ x: { $gt: 1, y: 2 } }), BAD_VALUE, 'y'],
    [{ find: 'items', filter: 1 }, TYPE_MISMATCH, 'filter']
  ],
  'values without an order here': [
    ...(
      [
        ['decimal', Decimal128.fromString('1')],
        ['timestamp', new Timestamp({ t: 1, i: 1 })],
        ['reg', /a/],
        ['javascript', new Code('x')],
        ['minKey', new MinKey()],
        ['maxKey', new MaxKey()]
      ] as const
    ).flatMap(([type, value]): Refusal[] => [
      [find({ x: value }), BAD_VALUE, type],
      [find({ x: { $gt: value } }), BAD_VALUE, type],
      [find({ x: { $in: [value] } }), BAD_VALUE, type],
      [find({ x: { y: [value] } }), BAD_VALUE, type],
      [{ insert: 'items', documents: [{ _id: value }] }, [BAD_VALUE, 53], type],
      [{ insert: 'indexed', documents: [{ v: value }] }, BAD_VALUE, type],
      [{ update: 'indexed', updates: [{ q: {}, u: { $set: { v: value } } }] }, BAD_VALUE, type],
      [{ find: 'typed', sort: { [type]: 1 } }, BAD_VALUE, type],
      [{ distinct: 'typed', key: type }, BAD_VALUE, type],
      [{ createIndexes: 'typed', indexes: [{ key: { [type]: 1 }, name: 'refused' }] }, BAD_VALUE, type],
      [{ find: 'typed', filter: { [type]: { $gt: 1 } } }, [0, BAD_VALUE], type],
      [{ update: 'typed', updates: [{ q: {}, u: { $max: { [type]: 1 } } }] }, BAD_VALUE, type],
      [
        { update: 'typed', updates: [{ q: {}, u: { $inc: { [type]: 1 } } }] },
        [BAD_VALUE, TYPE_MISMATCH],
        type
      ]
    ])
  ],
  'update operators and forms': [
    ...['$rename', '$mul', '$pop', '$pullAll', '$bit', '$foo'].map((name): Refusal => [
      update({ [name]: { x: 1 } }),
      FAILED_TO_PARSE,
      name
    ]),
    [update([{ $set: { x: 1 } }]), [FAILED_TO_PARSE, NOT_IMPLEMENTED], 'pipeline'],
    [update({ $set: { 'x.$[]': 1 } }), [BAD_VALUE, NOT_IMPLEMENTED], '$[]'],
    [update({ $set: { 'x.$': 1 } }), [BAD_VALUE, NOT_IMPLEMENTED], '$'],
    [update({ $set: { 'x.$[e]': 1 } }, { arrayFilters: [{ e: 1 }] }), [BAD_VALUE, NOT_IMPLEMENTED], ''],
    [update({ $set: { x: 1 } }, { collation: { locale: 'en' } }), NOT_IMPLEMENTED, 'collation'],
    [update({ $set: { x: 1 }, y: 2 }), FAILED_TO_PARSE, 'y'],
    [update({ y: 2, $set: { x: 1 } }), [FAILED_TO_PARSE, DOLLAR_PREFIXED], '$set'],
    [update({ x: 1 }, { multi: true }), FAILED_TO_PARSE, 'multi'],
    [update({ $set: 1 }), FAILED_TO_PARSE, '$set'],
    [update({ $set: { x: 1, 'x.y': 1 } }), CONFLICTING_UPDATE, 'x'],
    [update({ $set: { x: 1 }, $inc: { x: 1 } }), CONFLICTING_UPDATE, 'x'],
    [update({ $set: { _id: 7 } }), IMMUTABLE_FIELD, '_id'],
    [update({ $unset: { _id: 1 } }), IMMUTABLE_FIELD, '_id'],
    [update({ $inc: { s: 1 } }), TYPE_MISMATCH, '$inc'],
    [update({ $inc: { x: 'a' } }), TYPE_MISMATCH, 'x: "a"'],
    [update({ $push: { x: 1 } }), BAD_VALUE, 'x'],
    [update({ $addToSet: { x: 1 } }), BAD_VALUE, 'x'],
    [update({ $pull: { x: 1 } }), BAD_VALUE, '$pull'],
    [update({ $pull: { list: { $gt: 1 } } }), [BAD_VALUE, FAILED_TO_PARSE, NOT_IMPLEMENTED], '$'],
    [
      update({ $push: { list: { $each: [1], $slice: 2 } } }),
      [BAD_VALUE, FAILED_TO_PARSE, NOT_IMPLEMENTED],
      '$slice'
    ],
    [update({ $push: { list: { $each: 1 } } }), BAD_VALUE, '$each'],
    [update({ $currentDate: { d: { $type: 'timestamp' } } }), [BAD_VALUE, NOT_IMPLEMENTED], 'timestamp'],
    [update({ $set: { 's.y': 1 } }), PATH_NOT_VIABLE, 's'],
    [update({ $set: { 'list.y': 1 } }), PATH_NOT_VIABLE, 'list'],
    [update({ $set: { 'list.9': 1 } }), NOT_IMPLEMENTED, 'list'],
    [update({ $set: { [Array(400).fill('d').join('.')]: 1 } }), 15, 'd.d'],
    [update({ $set: { 'x..y': 1 } }), 56, 'x..y'],
    [update({ $set: { $x: 1 } }), DOLLAR_PREFIXED, '$x']
  ],
  'aggregation stages and accumulators': [
    ...[
      '$lookup',
      '$project',
      '$unwind',
      '$sort',
      '$addFields',
      '$set',
      '$out',
      '$merge',
      '$facet',
      '$changeStream',
      '$listLocalSessions',
      '$foo'
    ].map((name): Refusal => [aggregate({ [name]: {} }), UNKNOWN_STAGE, name]),
    [aggregate({ $group: { _id: null, n: { $avg: '$x' } } }), NOT_IMPLEMENTED, '$avg'],
    [aggregate({ $group: { _id: '$x', n: { $sum: 1 } } }), NOT_IMPLEMENTED, '$group'],
    [aggregate({ $limit: 1 }, { $skip: 1 }, COUNT), NOT_IMPLEMENTED, 'pipeline'],
    [aggregate({ $match: {} }, { $match: {} }, COUNT), NOT_IMPLEMENTED, 'pipeline'],
    [{ ...aggregate(COUNT), explain: true }, NOT_IMPLEMENTED, 'explain'],
    [aggregate({ $match: { x: { $regex: 'a' } } }, COUNT), BAD_VALUE, '$regex'],
    [aggregate({ $match: {}, $skip: 1 }), 40323, 'stage'],
    [aggregate({ $limit: 0 }), 15958, 'limit'],
    [{ aggregate: 'items', pipeline: [] }, FAILED_TO_PARSE, 'cursor']
  ],
  'kinds of indexes and collections': [
    ...[
      { x: 'text' },
      { x: '2dsphere' },
      { x: '2d' },
      { x: 'hashed' },
      { '$**': 1 },
      { x: 'foo' },
      { x: 0 }
    ].map((key): Refusal => [index(key), [CANNOT_CREATE_INDEX, NOT_IMPLEMENTED], '']),
    [index({}), [CANNOT_CREATE_INDEX, BAD_VALUE], ''],
    [index({ x: 1 }, { partialFilterExpression: { x: 1 } }), NOT_IMPLEMENTED, 'partialFilterExpression'],
    [index({ x: 1 }, { sparse: true }), NOT_IMPLEMENTED, 'sparse'],
    [index({ x: 1 }, { expireAfterSeconds: 1 }), NOT_IMPLEMENTED, 'expireAfterSeconds'],
    [index({ x: 1 }, { collation: { locale: 'en' } }), NOT_IMPLEMENTED, 'collation'],
    [index({ x: 1 }, { hidden: true }), NOT_IMPLEMENTED, 'hidden'],
    [index({ x: 1 }, { foo: true }), INVALID_INDEX_OPTION, 'foo'],
    [{ createIndexes: 'items', indexes: [] }, BAD_VALUE, 'index'],
    [{ createIndexes: 'items', indexes: [ENDLESS] }, TYPE_MISMATCH, 'indexes'],
    [{ explain: { update: 'items', updates: [ENDLESS] } }, TYPE_MISMATCH, 'updates'],
    [{ explain: { delete: 'items', deletes: ['x'] } }, TYPE_MISMATCH, 'deletes'],
    [{ dropIndexes: 'items', index: '_id_' }, INVALID_OPTIONS, '_id'],
    ...[
      { capped: true, size: 1000 },
      { validator: {} },
      { viewOn: 'items' },
      { timeseries: { timeField: 't' } },
      { collation: { locale: 'en' } },
      { expireAfterSeconds: 1 },
      { clusteredIndex: {} }
    ].map((options): Refusal => [
      { create: 'refused', ...options },
      [INVALID_OPTIONS, NOT_IMPLEMENTED, UNKNOWN_FIELD],
      Object.keys(options)[0]!
    ]),
    [{ create: 'a$b' }, INVALID_NAMESPACE, 'a$b'],
    [{ create: '' }, INVALID_NAMESPACE, '']
  ],
  'options that would change the answer': [
    [{ update: 'items', updates: [{ q: { _id: 2 }, u: { _id: 3 }, upsert: true }] }, IMMUTABLE_FIELD, '_id'],
    [{ insert: 'a$b', documents: [{ x: 1 }] }, INVALID_NAMESPACE, 'a$b'],
    [{ find: 'items', collation: { locale: 'en' } }, NOT_IMPLEMENTED, 'collation'],
    [{ find: 'items', tailable: true }, [NOT_IMPLEMENTED, BAD_VALUE], 'tailable'],
    [{ find: 'items', let: { a: 1 } }, [NOT_IMPLEMENTED, UNKNOWN_FIELD], 'let'],
    [{ find: 'items', min: { x: 1 } }, [NOT_IMPLEMENTED, UNKNOWN_FIELD], 'min'],
    [{ find: 'items', returnKey: true }, [NOT_IMPLEMENTED, UNKNOWN_FIELD], 'returnKey'],
    [{ find: 'items', foo: 1 }, UNKNOWN_FIELD, 'foo'],
    [{ find: 'items', hint: 'nothing' }, BAD_VALUE, 'hint'],
    [{ find: 'items', hint: { y: 1 } }, BAD_VALUE, 'hint'],
    [{ find: 'items', sort: { x: 2 } }, SORT_ORDER, 'sort'],
    [{ find: 'items', sort: { x: { $meta: 'textScore' } } }, SORT_ORDER, '$meta'],
    [{ find: 'items', skip: -1 }, [BAD_VALUE, 51024], 'skip'],
    [{ find: 'items', limit: -1 }, [BAD_VALUE, 51024], 'limit'],
    [{ find: 'items', projection: { list: { $slice: 1 } } }, [BAD_VALUE, NOT_IMPLEMENTED, 31325], '$slice'],
    [{ find: 'items', projection: { 'list.$': 1 } }, [BAD_VALUE, NOT_IMPLEMENTED], '$'],
    [{ find: 'items', projection: { 'list.x': 1 } }, NOT_IMPLEMENTED, 'list.x'],
    [{ find: 'items', projection: { list: { x: 0 } } }, NOT_IMPLEMENTED, 'list'],
    [{ find: 'items', projection: { x: 1, s: 0 } }, 31254, 's'],
    [{ find: 'items', projection: { x: 0, s: 1 } }, 31253, 's'],
    [{ find: 'items', projection: { x: '$s' } }, [BAD_VALUE, NOT_IMPLEMENTED], 'x'],
    [{ insert: 'items', documents: [{ x: 1 }], foo: 1 }, UNKNOWN_FIELD, 'foo'],
    [{ insert: 'items', documents: [] }, INVALID_LENGTH, 'batch'],
    [{ update: 'items', updates: [{ q: {}, u: {}, foo: 1 }] }, UNKNOWN_FIELD, 'foo'],
    [{ delete: 'items', deletes: [{ q: {}, limit: 2 }] }, FAILED_TO_PARSE, 'limit'],
    [{ delete: 'items', deletes: [{ q: {} }] }, 40414, 'limit'],
    [
      { delete: 'items', deletes: [{ q: {}, limit: 0, collation: { locale: 'en' } }] },
      NOT_IMPLEMENTED,
      'collation'
    ],
    [
      { findAndModify: 'items', query: {}, remove: true, update: { $set: { x: 1 } } },
      FAILED_TO_PARSE,
      'remove'
    ],
    [{ findAndModify: 'items', query: {}, remove: true, new: true }, FAILED_TO_PARSE, 'new'],
    [{ findAndModify: 'items', query: {} }, FAILED_TO_PARSE, 'update'],
    [
      { findAndModify: 'items', query: {}, update: { $set: { x: 1 } }, arrayFilters: [{}] },
      NOT_IMPLEMENTED,
      'arrayFilters'
    ],
    [{ explain: { insert: 'items' } }, 59, 'insert'],
    [{ listDatabases: 1, filter: { name: 'x' } }, NOT_IMPLEMENTED, 'filter'],
    [{ count: 'items', collation: { locale: 'en' } }, NOT_IMPLEMENTED, 'collation'],
    [{ distinct: 'items', key: 1 }, TYPE_MISMATCH, 'key'],
    [{ insert: 'items', documents: [{ _id: [1] }] }, [BAD_VALUE, 53], 'array'],
    [{ insert: 'items', documents: [{ _id: /a/ }] }, [BAD_VALUE, 53], 'regex'],
    [{ insert: 'items', documents: [{ _id: { $a: 1 } }] }, [DOLLAR_PREFIXED, BAD_VALUE, 53], '$a']
  ],
  transactions: [
    [
      { insert: 'items', documents: [{ x: 1 }], startTransaction: true, autocommit: false, txnNumber: 1 },
      ILLEGAL_OPERATION,
      'ransaction'
    ],
    [{ find: 'items', autocommit: false, txnNumber: 1 }, ILLEGAL_OPERATION, 'ransaction']
  ]
}

const typed = {
  decimal: Decimal128.fromString('1'),
  timestamp: new Timestamp({ t: 1, i: 1 }),
  reg: /a/,
  javascript: new Code('x'),
  minKey: new MinKey(),
  maxKey: new MaxKey()
}

/** The error of a command, or the first of its write errors; undefined if it succeeded. */
async function refusal (
  command: () => Promise<Document>
): Promise<{ code: number; message: string } | undefined> {
  try {
    const answer = await command()
    const [error] = answer.writeErrors ?? []
    return error && { code: error.code, message: error.errmsg }
  } catch (err) {
    return { code: (err as MongoServerError).code as number, message: (err as MongoServerError).message }
  }
}

for (const [what, list] of Object.entries(outside)) {
  test(`refuses and changes nothing: ${what}`, async t => {
    const { db } = await start(t)
    await db.collection('items').insertOne({ _id: 1 as never, x: 1, s: 'text', list: [1, 2] })
    await db.collection('indexed').insertOne({ _id: 1 as never, v: 1 })
    await db.collection('indexed').createIndex({ v: 1 })
    await db.collection('typed').insertMany([typed, typed].map((doc, _id) => ({ _id: _id as never, ...doc })))
    const state = async () => {
      const names = (await db.listCollections().toArray()).map(({ name }) => name).sort()
      const contents = await Promise.all(
        names.map(async name => [
          await db.collection(name).find({}, { raw: true }).toArray(),
          await db.collection(name).indexes()
        ])
      )
      return JSON.stringify([names, contents])
    }
    const before = await state()
    for (const [command, codes, mention] of list) {
      const error = await refusal(() => db.command(command))
      const shown = JSON.stringify(command).slice(0, 150)
      // 0: MongoDB succeeds here, because values of another type are outside of the range.
      if (!error) t.ok([codes].flat().includes(0), `${shown} succeeded`)
      else {
        t.ok(
          [codes].flat().includes(error.code) && error.message.toLowerCase().includes(mention.toLowerCase()),
          `${shown}: ${error.code} ${error.message}`
        )
      }
    }
    t.equal(await state(), before, 'nothing has changed')
  })
}

test('harmless options are accepted and change nothing', async t => {
  const { db } = await start(t)
  const harmless = {
    comment: { why: ['any type'] },
    maxTimeMS: 5000,
    readConcern: { level: 'local' },
    $readPreference: { mode: 'primaryPreferred' }
  }
  const written = { comment: 'x', maxTimeMS: 5000, writeConcern: { w: 'majority', j: true, wtimeout: 1000 } }
  t.equal(
    (
      await db.command({
        insert: 'items',
        documents: [{ _id: 1 }],
        ordered: true,
        bypassDocumentValidation: true,
        ...written
      })
    ).n,
    1
  )
  t.equal(
    (
      await db.command({
        find: 'items',
        allowDiskUse: true,
        noCursorTimeout: false,
        batchSize: 10,
        ...harmless
      })
    ).cursor.firstBatch.length,
    1
  )
  t.equal((await db.command({ count: 'items', ...harmless })).n, 1)
  t.same((await db.command({ distinct: 'items', key: '_id', ...harmless })).values, [1])
  t.equal(
    (await db.command({ update: 'items', updates: [{ q: {}, u: { $set: { x: 1 } } }], ...written }))
      .nModified,
    1
  )
  t.equal(
    (await db.command({ aggregate: 'items', pipeline: [COUNT], cursor: {}, allowDiskUse: true, ...harmless }))
      .cursor.firstBatch.length,
    1
  )
  t.equal(
    (await db.command({ findAndModify: 'items', query: {}, update: { $set: { x: 2 } }, ...written })).value.x,
    1
  )
  t.equal((await db.command({ delete: 'items', deletes: [{ q: {}, limit: 1 }], ...written })).n, 1)
})
