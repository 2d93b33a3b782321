/** What every bus must do. A further implementation joins BUSES. */
import t from 'tap'
import { userOf, userTopic, type Bus, type BusMessage, type Topic } from '../../../src/realtime/bus/bus.js'
import { createBus } from '../../../src/realtime/bus/create-bus.js'
import { MemoryBus } from '../../../src/realtime/bus/memory-bus.js'

const BUSES: Record<string, () => Bus> = { memory: () => new MemoryBus(true) }

const typing = (user: string): BusMessage => ({ type: 'typing', conversation: 'c', user, on: true, socket: '' })

for (const [name, create] of Object.entries(BUSES)) {
  t.test(`${name}: delivers what was subscribed to, by type, in order`, async t => {
    const bus = create()
    const heard: [BusMessage, Topic][] = []
    bus.onMessage('typing', (message, topic) => { heard.push([message, topic]) })
    bus.onMessage('receipt', () => { t.fail('this was not published') })
    await bus.subscribe(userTopic('anna'))
    bus.publish(userTopic('anna'), typing('ben'))
    bus.publish(userTopic('carl'), typing('ben'))
    bus.publish(userTopic('anna'), typing('dora'))
    t.strictSame(heard, [[typing('ben'), 'user:anna'], [typing('dora'), 'user:anna']])
  })

  t.test(`${name}: two subscriptions of a topic deliver once, and one unsubscribe ends them`, async t => {
    const bus = create()
    let heard = 0
    bus.onMessage('typing', () => { heard++ })
    await bus.subscribe(userTopic('anna'))
    await bus.subscribe(userTopic('anna'))
    bus.publish(userTopic('anna'), typing('ben'))
    t.equal(heard, 1)
    bus.unsubscribe(userTopic('anna'))
    bus.publish(userTopic('anna'), typing('ben'))
    t.equal(heard, 1)
  })
}

t.test('the memory bus delivers in the turn of the publication', async t => {
  const bus = new MemoryBus(true)
  let heard = false
  bus.onMessage('typing', () => { heard = true })
  t.equal(bus.subscribe(userTopic('anna')), undefined, 'there is nothing to wait for')
  bus.publish(userTopic('anna'), typing('ben'))
  t.ok(heard)
})

t.test('a process with the embedded database is alone; with MONGODB_URL others may write', async t => {
  t.equal(createBus({ MONGODB_URL: '' }).alone, true)
  t.equal(createBus({ MONGODB_URL: 'mongodb://localhost' }).alone, false)
})

t.test('a topic names its user', async t => {
  t.equal(userOf(userTopic('anna')), 'anna')
})
