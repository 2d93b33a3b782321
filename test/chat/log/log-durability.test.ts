/** What leaves the process is durable: on a majority of the replica set, whichever way it takes. */
import { randomUUID } from 'node:crypto'
import type { Document } from 'bson'
import t from 'tap'
import type { App } from '../../../src/app.js'
import { newMessage } from '../../../src/chat/log/entries.js'
import { FaultProxy } from '../../fault-proxy.js'
import {
  append,
  build,
  connect,
  conversationOf,
  databaseUrl,
  listen,
  register,
  type Person
} from '../../helper.js'

async function world (t: Parameters<typeof build>[0]) {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const { app, origin } = await listen(t, { MONGODB_URL: proxy.url })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  return { proxy, app, origin, anna, ben }
}

/** Follows a promise without waiting for it. */
function follow<T> (promise: Promise<T>): { promise: Promise<T>; settled: boolean } {
  const followed = { promise, settled: false }
  promise
    .catch(() => {})
    .finally(() => {
      followed.settled = true
    })
  return followed
}

/** Waits until the database was asked three more times to store them, or one is answered. */
async function tries (proxy: FaultProxy, ...outcomes: { promise: Promise<unknown> }[]): Promise<void> {
  const answered = outcomes.map(({ promise }) => promise.catch(() => {}))
  for (let attempts = 0; attempts < 3; attempts++) await Promise.race([proxy.next('insert'), ...answered])
}

async function history (app: App, person: Person, other: Person): Promise<number[]> {
  const url = `/api/v1/getallmessages?sender=${person.id}&reciver=${other.id}`
  const answer = await app.inject({ url, headers: person.headers })
  return answer.json().data.map((message: { seq: number }) => message.seq)
}

async function seqs (app: App, a: Person, b: Person): Promise<number[]> {
  const conversation = conversationOf(a.id, b.id)
  const log = await app.mongo.db!.collection('log').find({ conversation }).sort({ seq: 1 }).toArray()
  return log.map(({ seq }) => seq)
}

/** A message that another process wrote. */
async function written (app: App, from: Person, to: Person, seq: number, clientId: string = randomUUID()) {
  const conversation = conversationOf(from.id, to.id)
  const document = newMessage(
    { conversation, sender: from.id, message: 'from elsewhere', clientId },
    new Date()
  )
  await app.mongo.db!.collection('log').insertOne({ ...document, rev: seq, seq, top: seq })
  return document._id
}

t.test('a message that a majority has not got yet is neither acknowledged, pushed nor shown', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const [annas, bens] = await Promise.all([connect(t, origin, anna), connect(t, origin, ben)])
  await annas.say(ben.id, 'first')
  proxy.lag()
  const ack = follow(annas.say(ben.id, 'hello'))
  const payload = { message: 'hello', sender: ben.id, reciver: anna.id }
  const posted = follow(app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: ben.headers, payload }))
  await tries(proxy, ack, posted)
  t.same(await history(app, anna, ben), [1])
  annas.send({ type: 'resume', have: { [conversationOf(anna.id, ben.id)]: 0 } })
  await annas.next('resumed')
  t.same([ack.settled, posted.settled], [false, false])
  const seen = [...annas.all('message'), ...annas.all('ack'), ...bens.all('message')]
  t.same(
    seen.map(({ message }) => message!.seq),
    [1, 1, 1]
  )
  proxy.catchUp()
  await ack.promise
  t.equal((await posted.promise).statusCode, 201)
  t.same(await history(app, anna, ben), [1, 2, 3])
  t.same(await seqs(app, anna, ben), [1, 2, 3])
  await bens.until(() => bens.all('message').length === 3 || undefined)
})

t.test('a write concern error beside write errors accepts nothing', async t => {
  const { proxy, app, anna, ben } = await world(t)
  const old = randomUUID()
  const store = async (message: string, clientId = randomUUID()) =>
    (await append(app, { sender: anna.id, reciver: ben.id, message, clientId })).message.seq
  await store('old', old)
  await store('second')
  proxy.lag()
  // They are one batch: the first is stored, the second is refused as a repeat.
  const outcomes = [store('third'), store('old', old), store('fourth')].map(follow)
  await tries(proxy, ...outcomes)
  t.same(
    outcomes.map(({ settled }) => settled),
    [false, false, false]
  )
  proxy.catchUp()
  t.same(await Promise.all(outcomes.map(({ promise }) => promise)), [3, 1, 4])
  t.same(await seqs(app, anna, ben), [1, 2, 3, 4])
})

t.test('a number that another process took, on the primary alone so far', async t => {
  await t.test('the majority gets it: the next number is given', async t => {
    const { proxy, app, anna, ben } = await world(t)
    proxy.hide(await written(app, ben, anna, 1))
    const outcome = follow(append(app, { sender: anna.id, reciver: ben.id, message: 'hello' }))
    await tries(proxy, outcome)
    t.equal(outcome.settled, false)
    proxy.catchUp()
    t.equal((await outcome.promise).message.seq, 2)
    t.same(await seqs(app, anna, ben), [1, 2])
  })

  await t.test('it is rolled back: the number is free again, and there is no gap', async t => {
    const { proxy, app, anna, ben } = await world(t)
    const id = await written(app, ben, anna, 1)
    proxy.hide(id)
    const outcome = follow(append(app, { sender: anna.id, reciver: ben.id, message: 'hello' }))
    await tries(proxy, outcome)
    t.equal(outcome.settled, false)
    await app.mongo.db!.collection('log').deleteOne({ _id: id })
    t.equal((await outcome.promise).message.seq, 1)
    t.same(await seqs(app, anna, ben), [1])
  })
})

t.test('a repeat of a message that the primary alone has waits for a majority', async t => {
  const { proxy, app, anna, ben } = await world(t)
  const clientId = randomUUID()
  const id = await written(app, anna, ben, 1, clientId)
  proxy.hide(id)
  const input = { sender: anna.id, reciver: ben.id, message: 'from elsewhere', clientId }
  const outcome = follow(append(app, input))
  await tries(proxy, outcome)
  t.equal(outcome.settled, false)
  proxy.catchUp()
  const { message, repeat } = await outcome.promise
  t.same([message._id, message.seq, repeat], [id.toHexString(), 1, true])
})

t.test('every read of the application asks for what a majority has', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const levels = new Map<string, unknown>()
  proxy.on('command', (command: Document) => {
    const [name, target] = Object.entries(command)[0]!
    const reads = ['find', 'aggregate', 'count', 'distinct'].includes(name)
    if (reads) levels.set(`${name} ${target}`, command.readConcern?.level)
  })
  const annas = await connect(t, origin, anna)
  await annas.say(ben.id, 'hello')
  await app.inject({ url: '/api/v1/conversations', headers: ben.headers })
  await app.inject({ url: `/api/v1/allusers/${ben.id}`, headers: ben.headers })
  await history(app, anna, ben)
  annas.send({ type: 'resume', have: { [conversationOf(anna.id, ben.id)]: 0 } })
  await annas.next('resumed')
  t.ok(levels.size >= 4, [...levels.keys()].join())
  for (const [command, level] of levels) t.equal(level, 'majority', command)
})
