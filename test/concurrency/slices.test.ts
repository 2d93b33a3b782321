import t from 'tap'
import { mapInSlices } from '../../src/concurrency/slices.js'

/** Keeps the event loop for so many milliseconds. */
function work (ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end) ;
}

t.test('long work lets other work of the event loop run in between, in the order of the items', async t => {
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
  let others = false
  setImmediate(() => {
    others = true
  })
  t.same(await mapInSlices([1, 2], item => item * 2), [2, 4])
  t.notOk(others)
})
