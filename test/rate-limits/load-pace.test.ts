import t from 'tap'
import { Allowances } from '../../src/rate-limits/allowances.js'
import { LoadPace } from '../../src/rate-limits/load-pace.js'

/** A pace after so many measurements of a loop that was busy all the time. */
function busy (times: number, pace = new LoadPace()): LoadPace {
  for (let n = 0; n < times; n++) pace.measure(1)
  return pace
}

t.test('a busy event loop slows the allowances down to a twentieth, a free one brings them back', async t => {
  const pace = new LoadPace()
  t.equal(pace.factor, 1)
  t.equal(busy(1, pace).factor, 0.8)
  t.equal(busy(100, pace).factor, 0.05)
  pace.measure(0.7)
  t.equal(pace.factor, 0.05, 'between busy and free it stays')
  for (let n = 0; n < 100; n++) pace.measure(0.1)
  t.equal(pace.factor, 1)
})

t.test('while the loop is busy a quarter of the burst stays, and the rest comes more slowly', async t => {
  const allowances = new Allowances(10, 30, busy(100))
  const hog = allowances.of('hog')
  t.equal(hog.take(0, 7.5), 0)
  t.equal(hog.take(0, 1), 2_000, 'half a token a second')
  t.equal(hog.take(2_000, 1), 0)
  t.equal(allowances.of('anna').take(2_000, 30), 0, 'a cost above the burst leaves a debt')
  t.equal(allowances.of('anna').wait(2_000, 0), 45_000)
})
