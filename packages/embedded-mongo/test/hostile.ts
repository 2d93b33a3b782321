// Hostile messages for the fuzzer, made with a seeded generator: a message that does harm can be made again.
import { serialize, type Document } from 'bson'
import { Chance } from './chance.js'
import { badBson, element, int32, nested } from './hostile-bson.js'
import { $db, confusedCommand, validCommand } from './hostile-commands.js'

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

function frame (opcode: number, body: Buffer, requestId = 0, length = 16 + body.length): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(length, 0)
  header.writeInt32LE(requestId, 4)
  header.writeInt32LE(opcode, 12)
  return Buffer.concat([header, body])
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

/** A number that is wrong in most places. */
function wild (chance: Chance): number {
  return chance.pick([
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
    chance.whole(2 ** 31),
    chance.whole(64)
  ])
}

const KINDS: Record<string, (chance: Chance) => Omit<Hostile, 'kind'>> = {
  'a valid message with flipped bits': chance => {
    const bytes = message(validCommand(chance), 1)
    // The length stays valid: else the server would wait for more.
    for (let flips = 1 + chance.whole(4); flips > 0; flips--) {
      bytes[4 + chance.whole(bytes.length - 4)]! ^= 1 << chance.whole(8)
    }
    return { bytes, expect: 'any' }
  },
  'a message that ends too early': chance => {
    const bytes = message(validCommand(chance), 1)
    return { bytes: bytes.subarray(0, 1 + chance.whole(bytes.length - 1)), expect: 'error', unfinished: true }
  },
  'a header with a length that cannot be': chance => {
    return {
      bytes: frame(
        OP_MSG,
        chance.noise(64),
        1,
        chance.pick([0, 15, -1, -(2 ** 31), 48_000_001, 2 ** 31 - 1, 1])
      ),
      expect: 'error',
      unfinished: true
    }
  },
  'an opcode that is not answered': chance => ({
    bytes: frame(
      chance.pick([
        0,
        1,
        1000,
        2001,
        2002,
        2005,
        2006,
        2007,
        2010,
        2011,
        2012,
        2014,
        -1,
        chance.whole(2 ** 31)
      ]),
      chance.noise(80),
      1
    ),
    expect: 'error'
  }),
  'flags and sections out of order': chance => {
    const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
    const docs = [Buffer.from(serialize({ a: 1 }))]
    const body = chance.pick<() => Buffer[]>([
      () => [int32(chance.pick([4, 8, 0x8000, 0x4000])), command, section('documents', docs)],
      () => [int32(0), section('documents', docs)],
      () => [int32(0), command, command],
      () => [
        int32(0),
        command,
        section('documents', docs, chance.pick([0, -1, 4, 13, 25, 27, 500, 2 ** 31 - 1]))
      ],
      () => [int32(0), command, section('documents', [chance.noise(40), Buffer.of(1)])],
      () => [int32(0), command, Buffer.of(chance.pick([2, 3, 255])), docs[0]!],
      () => [int32(0), command, section('documents', docs), section('documents', docs)],
      () => [int32(0)],
      () => []
    ])()
    return { bytes: frame(OP_MSG, Buffer.concat(body), 1), expect: 'error' }
  },
  'invalid BSON in a command': chance => ({ bytes: message(badBson(chance), 1), expect: 'error' }),
  'invalid BSON in a document to insert': chance => {
    const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
    return {
      bytes: frame(OP_MSG, Buffer.concat([int32(0), command, section('documents', [badBson(chance)])]), 1),
      expect: 'error'
    }
  },
  'documents nested too deeply': chance => {
    const deep = nested(chance.pick([181, 300, 1000, 5000]), chance.pick([3, 4]))
    const command = Buffer.concat([Buffer.of(0), Buffer.from(serialize({ insert: 'items', $db }))])
    return {
      bytes: frame(
        OP_MSG,
        Buffer.concat([int32(0), command, section('documents', [element(chance.pick([3, 4]), deep)])]),
        1
      ),
      expect: 'error'
    }
  },
  'values of the wrong type': chance => ({ bytes: message(confusedCommand(chance), 1), expect: 'any' }),
  'noise in a frame': chance => ({
    bytes: frame(chance.pick([OP_MSG, OP_QUERY]), chance.noise(200), 1),
    expect: 'error'
  }),
  'a legacy query that is broken': chance => {
    const name = chance.pick(['admin.$cmd\0', 'fuzz.items\0', '\0', 'admin.$cmd', '.\0'])
    const query = chance.pick([
      badBson(chance),
      Buffer.from(serialize({ isMaster: 1 })),
      Buffer.from(serialize({ find: 'items' })),
      chance.noise(40)
    ])
    return {
      bytes: frame(
        OP_QUERY,
        Buffer.concat([
          int32(wild(chance)),
          Buffer.from(name),
          int32(wild(chance)),
          int32(wild(chance)),
          query
        ]),
        1
      ),
      expect: 'any'
    }
  }
}

export function hostileMessages (random: () => number): () => Hostile {
  const chance = new Chance(random)
  return () => {
    const kind = chance.pick(Object.keys(KINDS))
    return { ...KINDS[kind]!(chance), kind }
  }
}
