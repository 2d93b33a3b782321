import t from 'tap'
import type { FromBroker } from '../../../src/realtime/bus/broker-messages.js'
import { Broker } from '../../../src/realtime/bus/broker.js'
import { userTopic } from '../../../src/realtime/bus/bus.js'

const TOPIC = userTopic('anna')
const MIB = 1_024 * 1_024

/** A worker that takes what is sent to it only when `read` is called. */
function slowWorker (broker: Broker) {
  const got: FromBroker[] = []
  const waiting: (() => void)[] = []
  const member = broker.join(async message => {
    got.push(message)
    await new Promise<void>(resolve => waiting.push(resolve))
  })
  member.receive({ type: 'ask', id: 1, question: { type: 'subscribe', topic: TOPIC } })
  return {
    got,
    member,
    async read () {
      for (const resolve of waiting.splice(0)) resolve()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

t.test('a worker that does not read costs 16 MiB at most, and is told to compare once it reads', async t => {
  const broker = new Broker()
  const worker = slowWorker(broker)
  const other = broker.join(async () => {})
  const payload = 'x'.repeat(MIB)
  for (let n = 0; n < 40; n++) other.receive({ type: 'publish', topic: TOPIC, payload })
  const passed = worker.got.filter(({ type }) => type === 'message').length
  t.ok(passed > 10 && passed <= 16, `${passed} messages of 1 MiB were passed`)
  t.equal(worker.got.filter(({ type }) => type === 'doubt').length, 0)
  await worker.read()
  t.equal(worker.got.filter(({ type }) => type === 'doubt').length, 1)
  other.receive({ type: 'publish', topic: TOPIC, payload })
  t.equal(worker.got.filter(({ type }) => type === 'message').length, passed + 1, 'then it hears again')
})

t.test('a worker that is gone has no subscriptions and no users', async t => {
  const broker = new Broker()
  const worker = slowWorker(broker)
  worker.member.receive({ type: 'ask', id: 2, question: { type: 'enter', users: ['anna'] } })
  worker.member.leave()
  const got: FromBroker[] = []
  const other = broker.join(async message => {
    got.push(message)
  })
  const before = worker.got.length
  other.receive({ type: 'publish', topic: TOPIC, payload: 'x' })
  other.receive({ type: 'ask', id: 3, question: { type: 'online', users: ['anna'] } })
  t.equal(worker.got.length, before)
  t.strictSame(got, [{ type: 'answer', id: 3, users: [] }])
})
