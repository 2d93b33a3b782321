// Hostile messages for the fuzzer, made with a seeded generator: a message that does harm can be made again.
import { serialize, type Document } from 'bson'

/**
 * A hostile message. `error`: the server must answer with an error or close the connection. `any`: it may be
 * valid by chance. After an `unfinished` one the stream must end, because the server rightly waits for the
 * rest.
 */
export interface Hostile {
  bytes: Buffer
  expect: 'error' | 'any'
  unfinished?: boolean
  kind: string
}

const OP_MSG = 2013
const OP_QUERY = 2004

export function frame (opcode: number, body: Buffer, requestId = 0, length = 16 + body.length): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(length, 0)
  header.writeInt32LE(requestId, 4)
  header.writeInt32LE(opcode, 12)
  return Buffer.concat([header, body])
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0)
  return bytes
}

/** OP_MSG with one kind 0 section. */
export function message (command: Document | Buffer, requestId = 0, flags = 0): Buffer {
  const body = Buffer.isBuffer(command) ? command : Buffer.from(serialize(command))
  return frame(OP_MSG, Buffer.concat([int32(flags), Buffer.of(0), body]), requestId)
}

function section (name: string, docs: Buffer[], size?: number): Buffer {
  const content = Buffer.concat([Buffer.from(name + '\0'), ...docs])
  return Buffer.concat([Buffer.of(1), int32(size ?? content.length + 4), content])
}

/** A document with one element whose value is these bytes, valid or not. */
function element (type: number, value: Buffer, name: Buffer = Buffer.from('v')): Buffer {
  const body = Buffer.concat([Buffer.of(type), name, Buffer.of(0), value, Buffer.of(0)])
  return Buffer.concat([int32(body.length + 4), body])
}

function nested (depth: number, type: number): Buffer {
  // Written in place, without recursion.
  const level = type === 4 ? Buffer.from([4, 0x30, 0]) : Buffer.from([3, 0x61, 0])
  const whole = Buffer.alloc(depth * 8 + 5)
  for (let i = 0; i < depth; i++) {
    whole.writeInt32LE(whole.length - i * 8, i * 7)
    level.copy(whole, i * 7 + 4)
  }
  whole.writeInt32LE(5, depth * 7)
  return whole
}

export function hostileMessages (random: () => number): () => Hostile {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const whole = (limit: number) => Math.floor(random() * limit)
  const noise = (limit: number) => Buffer.from(Array.from({ length: whole(limit) }, () => whole(256)))
  const wild = () =>
    pick([
      0,
      -1,
      1,
      4,
      5,
      15,
      16,
      17,
      2 ** 31 - 1,
      -(2 ** 31),
      48_000_001,
      16 * 2 ** 20 + 1,
      whole(2 ** 31),
      whole(64)
    ])
  const $db = 'fuzz'
  const valid = (): Document =>
    pick<() => Document>([
      () => ({ ping: 1, $db }),
      () => ({ hello: 1, $db }),
      () => ({
        find: 'items',
        filter: { a: { $gt: whole(9) }, 'b.c': null },
        sort: { a: -1 },
        limit: 3,
        $db
      }),
      () => ({
        insert: 'items',
        documents: [{ a: whole(99), b: [{ c: 'text' }], d: new Date(0), e: 1.5 }],
        $db
      }),
      () => ({
        update: 'items',
        updates: [{ q: { a: 1 }, u: { $set: { 'b.0': 1 }, $inc: { n: 1 } }, upsert: true }],
        $db
      }),
      () => ({ delete: 'items', deletes: [{ q: { a: whole(99) }, limit: 0 }], $db }),
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
    ])()

  // Values of all wrong types, in all places of all commands.
  const odd = (): unknown =>
    pick<() => unknown>([
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
    ])()
  const confused = (): Document => {
    const command = valid()
    const wreck = (at: Document): void => {
      const key = pick(Object.keys(at))
      if (key === undefined) return
      const inner = at[key] as unknown
      const isNested = inner && typeof inner === 'object' && !(inner instanceof Date)
      if (isNested && random() < 0.7) wreck(inner as Document)
      else at[key] = odd()
    }
    wreck(command)
    if (random() < 0.2) {
      command[pick(['$db', 'lsid', 'maxTimeMS', 'filter', 'cursor', 'startTransaction', 'hint', 'sort'])] =
        odd()
    }
    return command
  }

  const badBson = (): Buffer =>
    pick<() => Buffer>([
      () => element(pick([0, 20, 21, 64, 126, 128, 200]), noise(20)),
      () => element(2, Buffer.concat([int32(pick([0, -1, 2 ** 31 - 1, 100])), Buffer.from('abc\0')])),
      () =>
        element(
          2,
          Buffer.concat([
            int32(4),
            pick([
              Buffer.from([0xff, 0xfe, 0xfd, 0]),
              Buffer.from([0xc0, 0x80, 0x41, 0]),
              Buffer.from([0xed, 0xa0, 0x80, 0])
            ])
          ])
        ),
      () => element(2, Buffer.concat([int32(4), Buffer.from('abcd')])),
      () => element(16, int32(1), Buffer.from([0xff, 0x80])),
      () =>
        element(pick([3, 4]), Buffer.concat([int32(pick([0, 4, -5, 2 ** 31 - 1, 1000])), Buffer.alloc(1)])),
      () => element(5, Buffer.concat([int32(pick([-1, 2 ** 31 - 1, 50])), Buffer.alloc(3)])),
      () => element(8, Buffer.of(pick([2, 7, 255]))),
      () => element(11, Buffer.from('no end of the options\0no')),
      () => element(15, Buffer.concat([int32(pick([0, -1, 2 ** 31 - 1])), Buffer.alloc(20)])),
      () => element(18, Buffer.alloc(3)),
      () => int32(5),
      () => Buffer.concat([int32(4), Buffer.alloc(1)]),
      () => Buffer.concat([int32(-5), Buffer.alloc(1)]),
      () => Buffer.concat([int32(6), Buffer.of(1, 1)])
    ])()

  const kinds: Record<string, () => Omit<Hostile, 'kind'>> = {
    'a valid message with flipped bits': () => {
      const bytes = message(valid(), 1)
      // The length stays valid: else the server would wait for more.
      for (let flips = 1 + whole(4); flips > 0; flips--) bytes[4 + whole(bytes.length - 4)]! ^= 1 << whole(8)
      return { bytes, expect: 'any' }
    },
    'a message that ends too early': () => {
      const bytes = message(valid(), 1)
      return { bytes: bytes.subarray(0, 1 + whole(bytes.length - 1)), expect: 'error', unfinished: true }
    },
    'a header with a length that cannot be': () => {
      return {
        bytes: frame(OP_MSG, noise(64), 1, pick([0, 15, -1, -(2 ** 31), 48_000_001, 2 ** 31 - 1, 1])),
        expect: 'error',
        unfinished: true
      }
    },
    'an opcode that is not answered': () => ({
      bytes: frame(
        pick([0, 1, 1000, 2001, 2002, 2005, 2006, 2007, 2010, 2011, 2012, 2014, -1, whole(2 ** 31)]),
        noise(80),
        1
      ),
      expect: 'error'
    }),
    'flags and sections out of order': () => {
      const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
      const docs = [Buffer.from(serialize({ a: 1 }))]
      const body = pick<() => Buffer[]>([
        () => [int32(pick([4, 8, 0x8000, 0x4000])), command, section('documents', docs)],
        () => [int32(0), section('documents', docs)],
        () => [int32(0), command, command],
        () => [int32(0), command, section('documents', docs, pick([0, -1, 4, 13, 25, 27, 500, 2 ** 31 - 1]))],
        () => [int32(0), command, section('documents', [noise(40), Buffer.of(1)])],
        () => [int32(0), command, Buffer.of(pick([2, 3, 255])), docs[0]!],
        () => [int32(0), command, section('documents', docs), section('documents', docs)],
        () => [int32(0)],
        () => []
      ])()
      return { bytes: frame(OP_MSG, Buffer.concat(body), 1), expect: 'error' }
    },
    'invalid BSON in a command': () => ({ bytes: message(badBson(), 1), expect: 'error' }),
    'invalid BSON in a document to insert': () => {
      const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
      return {
        bytes: frame(OP_MSG, Buffer.concat([int32(0), command, section('documents', [badBson()])]), 1),
        expect: 'error'
      }
    },
    'documents nested too deeply': () => {
      const deep = nested(pick([181, 300, 1000, 5000]), pick([3, 4]))
      const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
      return {
        bytes: frame(
          OP_MSG,
          Buffer.concat([int32(0), command, section('documents', [element(pick([3, 4]), deep)])]),
          1
        ),
        expect: 'error'
      }
    },
    'values of the wrong type': () => ({ bytes: message(confused(), 1), expect: 'any' }),
    'noise in a frame': () => ({ bytes: frame(pick([OP_MSG, OP_QUERY]), noise(200), 1), expect: 'error' }),
    'a legacy query that is broken': () => {
      const name = pick(['admin.$cmd\0', 'fuzz.items\0', '\0', 'admin.$cmd', '.\0'])
      const query = pick([
        badBson(),
        Buffer.from(serialize({ isMaster: 1 })),
        Buffer.from(serialize({ find: 'items' })),
        noise(40)
      ])
      return {
        bytes: frame(
          OP_QUERY,
          Buffer.concat([int32(wild()), Buffer.from(name), int32(wild()), int32(wild()), query]),
          1
        ),
        expect: 'any'
      }
    }
  }
  return () => {
    const kind = pick(Object.keys(kinds))
    return { ...kinds[kind]!(), kind }
  }
}
