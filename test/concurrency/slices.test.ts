import t, { type Test } from 'tap'
import { mapInSlices } from '../../src/concurrency/slices.js'

/** Makes time stand still, but for work: a busy computer must not change a slice. */
function stopTime (t: Test): { work: (ms: number) => void } {
  let now = 0
  t.intercept(performance, 'now', { value: () => now })
  return {
    work: ms => {
      now += ms
    }
  }
}

t.test('long work lets other work of the event loop run in between, in the order of the items', async t => {
  const { work } = stopTime(t)
  let turns = 0
  let others = setImmediate(count)
  function count (): void {
    turns++
    others = setImmediate(count)
  }
  const mapped = await mapInSlices([1, 2, 3, 4, 5, 6], item => {
    work(4)
    return [item, turns]
  })
  clearImmediate(others)
  t.same(mapped.map(([item]) => item), [1, 2, 3, 4, 5, 6])
  t.equal(new Set(mapped.map(([, turn]) => turn)).size, 6, 'each item has a turn of its own')
})

t.test('short work takes one turn', async t => {
  const { work } = stopTime(t)
  let others = false
  setImmediate(() => {
    others = true
  })
  const mapped = await mapInSlices([1, 2], item => {
    work(1)
    return item * 2
  })
  t.same(mapped, [2, 4])
  t.notOk(others)
})
