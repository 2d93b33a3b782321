import t from 'tap'
import {
  connect,
  conversationOf, listen,
  register
} from '../helper.js'
import { eventually } from './helper.js'

const { app, origin } = await listen(t)
const [anna, ben] = await Promise.all([register(app), register(app)])
const conversation = conversationOf(anna.id, ben.id)
const [annas, laptop, phone] = await Promise.all([
  connect(t, origin, anna),
  connect(t, origin, ben),
  connect(t, origin, ben)
])
for (let n = 0; n < 5; n++) await annas.say(ben.id, `text ${n}`)

t.test(
  "delivered and read reach the other member and one's own other devices, read implies delivered",
  async t => {
    laptop.send({ type: 'delivered', conversation, seq: 4 })
    const delivered = { type: 'receipt' as const, conversation, user: ben.id, delivered: 4, read: 0 }
    t.same(await annas.next('receipt'), delivered)
    t.same(await phone.next('receipt'), delivered)
    laptop.send({ type: 'read', conversation, seq: 5 })
    const read = { ...delivered, delivered: 5, read: 5 }
    t.same(await annas.next('receipt'), read)
    t.same(await phone.next('receipt'), read)
    await laptop.roundTrip()
    t.same(laptop.all('receipt'), [], 'the device that said so knows')
  }
)

t.test(
  'marks only rise; values above the highest stored number are ignored alone',
  async t => {
    await annas.say(ben.id, 'six')
    laptop.send({ type: 'read', conversation, seq: 2 })
    laptop.send({ type: 'read', conversation, seq: 1_000_000 })
    laptop.send({ type: 'read', conversation, seq: 6 })
    t.match(await annas.next('receipt'), { delivered: 6, read: 6 })
    const inbox = await app.inject({ url: '/api/v1/conversations', headers: ben.headers })
    t.match(inbox.json().data[0], { id: conversation, lastSeq: 6, read: 6, delivered: 6, unread: 0 })
  }
)

t.test('10,000 read frames cause a bounded number of writes', async t => {
  for (let n = 0; n < 20; n++) await annas.say(ben.id, `more ${n}`)
  let writes = 0
  const count = ({ commandName }: { commandName: string }) => {
    if (commandName === 'findAndModify') writes++
  }
  const conversations = app.mongo.db!.collection('conversations')
  const original = conversations.constructor.prototype.findOneAndUpdate
  t.teardown(() => {
    conversations.constructor.prototype.findOneAndUpdate = original
  })
  conversations.constructor.prototype.findOneAndUpdate = function (...args: unknown[]) {
    count({ commandName: 'findAndModify' })
    return original.apply(this, args)
  }
  for (let n = 0; n < 10_000; n++) laptop.send({ type: 'read', conversation, seq: 1 + (n % 26) })
  await laptop.roundTrip()
  await annas.until(() => annas.all('receipt').at(-1)?.read === 26 || undefined)
  await eventually(() => app.conversations.pending === 0)
  t.ok(writes >= 1 && writes < 200, `${writes} writes`)
})
