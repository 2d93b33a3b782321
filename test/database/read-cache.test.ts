import t from 'tap'
import { ReadCache } from '../../src/database/read-cache.js'

/** A collection of numbers whose reads end when the test says so. */
class Numbers {
  readonly stored = new Map<string, number>()
  reads = 0
  readonly load = async (keys: string[]): Promise<Map<string, number>> => {
    this.reads++
    return new Map([...this.stored].filter(([key]) => keys.includes(key)))
  }
}

t.test('what was read is remembered, what is missing is read again', async t => {
  const numbers = new Numbers()
  const cache = new ReadCache<number>(10)
  numbers.stored.set('a', 1)
  t.same(await cache.read(['a', 'b'], numbers.load), new Map([['a', 1]]))
  t.same(await cache.read(['a'], numbers.load), new Map([['a', 1]]))
  t.equal(numbers.reads, 1)
  numbers.stored.set('b', 2)
  t.same(await cache.read(['a', 'b'], numbers.load), new Map([['a', 1], ['b', 2]]))
  t.equal(numbers.reads, 2)
})

t.test('a written value is read again, also where the write failed', async t => {
  const numbers = new Numbers()
  const cache = new ReadCache<number>(10)
  numbers.stored.set('a', 1)
  await cache.read(['a'], numbers.load)
  await cache.write(['a'], async () => numbers.stored.set('a', 2))
  t.same(await cache.read(['a'], numbers.load), new Map([['a', 2]]))
  await t.rejects(cache.write(['a'], async () => {
    numbers.stored.set('a', 3)
    throw new Error('no answer')
  }))
  t.same(await cache.read(['a'], numbers.load), new Map([['a', 3]]))
})

t.test('a value that is read while it is written is not remembered', async t => {
  const numbers = new Numbers()
  const cache = new ReadCache<number>(10)
  numbers.stored.set('a', 1)
  const during = await cache.write(['a'], async () => {
    const before = await cache.read(['a'], numbers.load)
    numbers.stored.set('a', 2)
    return before
  })
  t.same(during, new Map([['a', 1]]))
  t.same(await cache.read(['a'], numbers.load), new Map([['a', 2]]))
})

t.test('a read that began before a write and ends after it is not remembered', async t => {
  const numbers = new Numbers()
  const cache = new ReadCache<number>(10)
  numbers.stored.set('a', 1)
  const early = await cache.read(['a'], async keys => {
    const old = await numbers.load(keys)
    await cache.write(['a'], async () => numbers.stored.set('a', 2))
    return old
  })
  t.same(early, new Map([['a', 1]]))
  t.same(await cache.read(['a'], numbers.load), new Map([['a', 2]]))
})

t.test('values are kept up to a sum of sizes, those that were used last', async t => {
  const numbers = new Numbers()
  const cache = new ReadCache<number>(10, size => size)
  for (const [key, size] of [['a', 4], ['b', 4], ['c', 4]] as const) {
    numbers.stored.set(key, size)
    await cache.read([key], numbers.load)
  }
  numbers.reads = 0
  await cache.read(['b', 'c'], numbers.load)
  t.equal(numbers.reads, 0)
  await cache.read(['a'], numbers.load)
  t.equal(numbers.reads, 1)
})
