/**
 * The database is away: every sender is told in time, what waits is bounded, and what was stored all the same
 * is pushed.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { App } from '../../../src/app.js'
import type { Config } from '../../../src/config.js'
import { FaultProxy } from '../../fault-proxy.js'
import { append, connect, conversationOf, databaseUrl, listen, register, type Person } from '../../helper.js'

const SEND_MS = 400
/** The machine may be busy; senders that wait for the database's own time-outs wait much longer. */
const IN_TIME_MS = 4_000

async function world (t: Test, changes: Partial<Config> = {}) {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const { app, origin } = await listen(t, { MONGODB_URL: proxy.url, SEND_MS, ...changes })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  return { proxy, app, origin, anna, ben }
}

async function store (app: App, from: Person, to: Person, message: string): Promise<unknown> {
  return await append(app, { sender: from.id, reciver: to.id, message })
}

async function kindOf (outcome: Promise<unknown>): Promise<string | undefined> {
  return await outcome.then(
    () => 'stored',
    (error: { kind?: string }) => error.kind
  )
}

t.test('a message whose sender was told unavailable is pushed when the database answers', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const bens = await connect(t, origin, ben)
  proxy.unanswered.add('insert')
  t.equal(await kindOf(store(app, anna, ben, 'first')), 'unavailable')
  t.same(bens.all('message'), [])
  proxy.unanswered.clear()
  proxy.cut()
  t.match((await bens.next('message')).message, { seq: 1, message: 'first' })
  t.equal(app.conversationLog.pending, 0)
})

t.test('a message whose sender was told unavailable is pushed before later messages', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const bens = await connect(t, origin, ben)
  proxy.unanswered.add('insert')
  t.equal(await kindOf(store(app, anna, ben, 'first')), 'unavailable')
  const later = store(app, anna, ben, 'second')
  proxy.unanswered.clear()
  proxy.cut()
  // The second may have been given up before the first was cleared up.
  const stored = (await kindOf(later)) === 'stored'
  await store(app, anna, ben, 'third')
  const texts = stored ? ['first', 'second', 'third'] : ['first', 'third']
  await bens.until(() => bens.all('message').length === texts.length || undefined)
  const seen = bens.all('message').map(({ message }) => [message.seq, message.message])
  t.same(
    seen,
    texts.map((text, n) => [n + 1, text])
  )
})

t.test('the repeat of a send that was told unavailable is answered with what was stored', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const annas = await connect(t, origin, anna)
  const clientId = randomUUID()
  proxy.unanswered.add('insert')
  annas.send({ type: 'send', clientId, reciver: ben.id, message: 'first' })
  t.match(await annas.next('error'), { code: 'unavailable', clientId })
  proxy.unanswered.clear()
  proxy.cut()
  annas.send({ type: 'send', clientId, reciver: ben.id, message: 'first' })
  t.match((await annas.next('ack')).message, { seq: 1, message: 'first' })
  const conversation = conversationOf(anna.id, ben.id)
  t.equal(await app.mongo.db!.collection('log').countDocuments({ conversation }), 1)
})

t.test('each sender gets its error in time, counted from its own send', async t => {
  /** Sends to as many conversations as there are senders, so that they need many writes. */
  async function tellsAll (t: Test, { app, anna, ben }: Awaited<ReturnType<typeof world>>): Promise<void> {
    const kinds = new Set<string | undefined>()
    const times = await Promise.all(
      Array.from({ length: 2_600 }, async (_, n) => {
        const begin = performance.now()
        const reciver = n.toString(16).padStart(24, '0')
        const sender = n % 2 === 0 ? anna.id : ben.id
        kinds.add(await kindOf(append(app, { sender, reciver, message: `text ${n}` })))
        return performance.now() - begin
      })
    )
    t.same([...kinds], ['unavailable'])
    t.ok(Math.max(...times) < IN_TIME_MS, `the last one after ${Math.round(Math.max(...times))} ms`)
  }

  await t.test('the database stops answering', async t => {
    const all = await world(t)
    for (const command of ['find', 'insert', 'update']) all.proxy.unanswered.add(command)
    await tellsAll(t, all)
    all.proxy.unanswered.clear()
    all.proxy.cut()
  })

  await t.test('the database refuses connections', async t => {
    const all = await world(t)
    all.proxy.refuse()
    await tellsAll(t, all)
    await all.proxy.accept()
  })

  await t.test('a majority never comes', async t => {
    const all = await world(t)
    all.proxy.lag()
    await tellsAll(t, all)
  })
})

t.test('a send that still looks up its receiver gets its error in time too', async t => {
  const { proxy, app, origin, anna, ben } = await world(t)
  const annas = await connect(t, origin, anna)
  const clientId = randomUUID()
  proxy.unanswered.add('find')
  const begin = performance.now()
  annas.send({ type: 'send', clientId, reciver: ben.id, message: 'hello' })
  const payload = { message: 'hello', sender: anna.id, reciver: ben.id }
  const answer = await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload })
  t.equal(answer.statusCode, 503)
  t.ok(answer.headers['retry-after'])
  t.match(await annas.next('error'), { code: 'unavailable', clientId })
  t.ok(performance.now() - begin < IN_TIME_MS)
  proxy.unanswered.clear()
  proxy.cut()
})

t.test('waiting messages are bounded by bytes, including those that look up their receiver', async t => {
  const { proxy, app, anna, ben } = await world(t, { WAITING_BYTES: 1024 * 1024, SEND_MS: 3_000 })
  const message = 'x'.repeat(10_000)
  const payload = { message, sender: anna.id, reciver: ben.id }
  // Her session is remembered from here on.
  await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
  proxy.unanswered.add('find')
  async function post (): Promise<string> {
    const answer = await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload })
    return answer.json().message
  }
  // 11 KB each: 95 have room.
  const appended = Array.from({ length: 45 }, async () => await kindOf(append(app, payload)))
  const messages = await Promise.all(Array.from({ length: 100 }, post))
  t.equal(messages.filter(message => message.includes('too many messages')).length, 50)
  t.equal(messages.filter(message => message.includes('is not known')).length, 50)
  t.same(new Set(await Promise.all(appended)), new Set(['unavailable']))
  proxy.unanswered.clear()
  proxy.cut()
  // The driver's close does not end while it still looks for a server for a find (mongodb 7.9).
  await app.mongo.db!.collection('users').findOne()
})
