// BSON for the fuzzer: documents that are not valid.
import type { Chance } from './chance.js'

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0)
  return bytes
}

/** A document with one element whose value is these bytes, valid or not. */
export function element (type: number, value: Buffer, name: Buffer = Buffer.from('v')): Buffer {
  const body = Buffer.concat([Buffer.of(type), name, Buffer.of(0), value, Buffer.of(0)])
  return Buffer.concat([int32(body.length + 4), body])
}

export function nested (depth: number, type: number): Buffer {
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

/** Documents with one thing wrong in each. */
const BAD: Array<(chance: Chance) => Buffer> = [
  chance => element(chance.pick([0, 20, 21, 64, 126, 128, 200]), chance.noise(20)),
  chance => element(2, Buffer.concat([int32(chance.pick([0, -1, 2 ** 31 - 1, 100])), Buffer.from('abc\0')])),
  chance =>
    element(
      2,
      Buffer.concat([
        int32(4),
        chance.pick([
          Buffer.from([0xff, 0xfe, 0xfd, 0]),
          Buffer.from([0xc0, 0x80, 0x41, 0]),
          Buffer.from([0xed, 0xa0, 0x80, 0])
        ])
      ])
    ),
  () => element(2, Buffer.concat([int32(4), Buffer.from('abcd')])),
  () => element(16, int32(1), Buffer.from([0xff, 0x80])),
  chance =>
    element(
      chance.pick([3, 4]),
      Buffer.concat([int32(chance.pick([0, 4, -5, 2 ** 31 - 1, 1000])), Buffer.alloc(1)])
    ),
  chance => element(5, Buffer.concat([int32(chance.pick([-1, 2 ** 31 - 1, 50])), Buffer.alloc(3)])),
  chance => element(8, Buffer.of(chance.pick([2, 7, 255]))),
  () => element(11, Buffer.from('no end of the options\0no')),
  chance => element(15, Buffer.concat([int32(chance.pick([0, -1, 2 ** 31 - 1])), Buffer.alloc(20)])),
  () => element(18, Buffer.alloc(3)),
  () => int32(5),
  () => Buffer.concat([int32(4), Buffer.alloc(1)]),
  () => Buffer.concat([int32(-5), Buffer.alloc(1)]),
  () => Buffer.concat([int32(6), Buffer.of(1, 1)])
]

export function badBson (chance: Chance): Buffer {
  return chance.pick(BAD)(chance)
}
