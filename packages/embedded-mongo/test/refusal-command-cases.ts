// Updates, pipelines, indexes and options that are refused.
import {
  BAD_VALUE,
  CANNOT_CREATE_INDEX,
  CONFLICTING_UPDATE,
  COUNT,
  DOLLAR_PREFIXED,
  ENDLESS,
  FAILED_TO_PARSE,
  ILLEGAL_OPERATION,
  IMMUTABLE_FIELD,
  INVALID_INDEX_OPTION,
  INVALID_LENGTH,
  INVALID_NAMESPACE,
  INVALID_OPTIONS,
  NOT_IMPLEMENTED,
  PATH_NOT_VIABLE,
  SORT_ORDER,
  TYPE_MISMATCH,
  UNKNOWN_FIELD,
  UNKNOWN_STAGE,
  aggregate,
  index,
  update,
  type Refusal
} from './refusal.js'

export const commandRefusals: Record<string, Refusal[]> = {
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
