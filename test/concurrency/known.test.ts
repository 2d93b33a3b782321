import t from 'tap'
import { mapKnown, whenKnown } from '../../src/concurrency/known.js'

t.test('whenKnown: in the same turn where the value is there, else when it comes', async t => {
  const seen: number[] = []
  const waiting = whenKnown(Promise.resolve(2), value => {
    seen.push(value)
  })
  t.equal(
    whenKnown(1, value => {
      seen.push(value)
    }),
    undefined
  )
  t.strictSame(seen, [1])
  await waiting
  t.strictSame(seen, [1, 2])
  await t.rejects(
    whenKnown(Promise.reject(new Error('away')), () => {})!,
    { message: 'away' }
  )
})

t.test('mapKnown: at once where the value is there, else a promise', async t => {
  t.equal(mapKnown(1, value => value + 1), 2)
  t.equal(await mapKnown(Promise.resolve(1), value => value + 1), 2)
  t.equal(await mapKnown(1, async value => value + 1), 2)
})
