import t from 'tap'
import { FairSemaphore } from '../../src/concurrency/fair-semaphore.js'

const refusal = () => new Error('refused')

/** A task that runs until it is told to end, and notes its name when it begins. */
function tasks () {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const task = (name: string) => async () => {
    begun.push(name)
    await new Promise<void>(resolve => {
      ends.set(name, resolve)
    })
    return name
  }
  /** Ends a task and lets what follows from it happen. */
  const end = async (name: string) => {
    ends.get(name)!()
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  return { begun, task, end }
}

t.test('keys take turns, and tasks of one key run in the order in which they came', async t => {
  const { begun, task, end } = tasks()
  const semaphore = new FairSemaphore({ places: 1, refusal })
  const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map(name => semaphore.run(name[0]!, task(name)))
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']) await end(name)
  t.same(begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
  t.same(await Promise.all(all), ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'])
})

t.test(
  'no more tasks run at a time than there are places, and a failed task gives its place back',
  async t => {
    const semaphore = new FairSemaphore({ places: 2, refusal })
    let running = 0
    let most = 0
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) =>
        semaphore.run(`${i % 7}`, async () => {
          most = Math.max(most, ++running)
          await new Promise(resolve => {
            setImmediate(resolve)
          })
          running--
          if (i % 3 === 0) throw new Error('failed')
        })
      )
    )
    t.equal(most, 2)
    t.equal(results.filter(({ status }) => status === 'rejected').length, 17)
    t.equal(await semaphore.run('later', async () => 'runs'), 'runs')
  }
)

t.test('a task that waits too long is refused, and never runs', async t => {
  const { begun, task, end } = tasks()
  const semaphore = new FairSemaphore({ places: 1, maxWaitMs: 1, refusal })
  const first = semaphore.run('a', task('a1'))
  await t.rejects(semaphore.run('b', task('b1')), { message: 'refused' })
  await end('a1')
  await first
  t.same(begun, ['a1'])
})

t.test('a key whose queue is full is refused at once, other keys wait', async t => {
  const { task, end } = tasks()
  const semaphore = new FairSemaphore({ places: 1, maxWaitingPerKey: 1, refusal })
  const all = ['a1', 'a2'].map(name => semaphore.run('a', task(name)))
  await t.rejects(semaphore.run('a', task('a3')), { message: 'refused' })
  all.push(semaphore.run('b', task('b1')))
  for (const name of ['a1', 'a2', 'b1']) await end(name)
  t.same(await Promise.all(all), ['a1', 'a2', 'b1'])
})

t.test('an aborted task leaves the queue', async t => {
  const { begun, task, end } = tasks()
  const semaphore = new FairSemaphore({ places: 1, refusal })
  const first = semaphore.run('a', task('a1'))
  const controller = new AbortController()
  const gone = semaphore.run('a', task('a2'), controller.signal)
  const last = semaphore.run('a', task('a3'))
  controller.abort(new Error('gone'))
  await t.rejects(gone, { message: 'gone' })
  await t.rejects(semaphore.run('a', task('a4'), controller.signal), { message: 'gone' })
  await end('a1')
  await end('a3')
  await Promise.all([first, last])
  t.same(begun, ['a1', 'a3'])
})

t.test('the number of places may change: fewer tasks start, and more once there are more places', async t => {
  let places = 3
  let running = 0
  const ends: (() => void)[] = []
  const semaphore = new FairSemaphore({ places: () => places, refusal })
  const task = async () => {
    running++
    await new Promise<void>(resolve => {
      ends.push(resolve)
    })
    running--
  }
  const tasks = Array.from({ length: 8 }, async () => await semaphore.run('a', task))
  const endOne = async () => {
    ends.shift()!()
    // Whatever starts does so in the microtasks of the end.
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(running, 3)
  places = 1
  await endOne()
  await endOne()
  t.equal(running, 1)
  await endOne()
  t.equal(running, 1, 'one after the other')
  places = 3
  await endOne()
  t.equal(running, 3)
  while (ends.length > 0) await endOne()
  await Promise.all(tasks)
})
