// Commands and filters that are refused.
import { Code, Decimal128, MaxKey, MinKey, Timestamp } from 'mongodb'
import { BAD_VALUE, COMMAND_NOT_FOUND, TYPE_MISMATCH, find, type Refusal } from './refusal.js'

export const queryRefusals: Record<string, Refusal[]> = {
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
  ]
}
