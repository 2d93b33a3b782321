import t from 'tap'
import { Allowances } from '../../src/rate-limits/allowances.js'
import { LoadPace } from '../../src/rate-limits/load-pace.js'

/** Measures so many times a loop that was busy for this share of the time. */
function measure (pace: LoadPace, times: number, utilization: number): LoadPace {
  for (let n = 0; n < times; n++) pace.measure(utilization)
  return pace
}

t.test('rates fall to a twentieth after a busy second, and recover when the event loop is free', async t => {
  const pace = new LoadPace()
  t.equal(pace.rate, 1)
  t.equal(measure(pace, 2, 1).rate, 1, 'a short task changes nothing')
  t.equal(measure(pace, 1, 1).rate, 0.7)
  t.equal(measure(pace, 100, 1).rate, 0.05)
  t.equal(measure(pace, 100, 0.55).rate, 0.05, 'between busy and free it stays')
  t.equal(measure(pace, 100, 0.1).rate, 1)
})

t.test('while the loop is busy a burst is there as before, and what follows comes more slowly', async t => {
  const hog = new Allowances(10, 30, measure(new LoadPace(), 100, 1)).of('hog')
  t.equal(hog.take(0, 30), 0)
  t.equal(hog.take(0, 1), 2_000, 'half a token a second')
  t.equal(hog.take(2_000, 1), 0)
})

t.test('large bursts shrink to a quarter, and a cost above that leaves a debt', async t => {
  const { withBurst } = measure(new LoadPace(), 100, 1)
  const allowances = new Allowances(10, 30, withBurst)
  t.equal(allowances.of('hog').take(0, 7.5), 0)
  t.equal(allowances.of('hog').take(0, 1), 2_000)
  t.equal(allowances.of('anna').take(0, 30), 0)
  t.equal(allowances.of('anna').wait(0, 0), 45_000)
})
