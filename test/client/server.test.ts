/** The client against the real server, over real sockets that break without a close frame. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import tap, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { type Message } from 'chat-app-client'
import { buildApp, type App } from '../../src/app.js'
import { conversationOf, databaseUrl, listen, register, testConfig, type Person } from '../helper.js'
import { seeded } from '../../packages/client/test/world.js'
import { breakable, type Device, device, until, online, has, stored, say } from './devices.js'

const SENDS = 1_500

/** Every device must have what the database has of the conversations of its person; counts the messages. */
async function compare (t: Test, app: App, people: Person[], devices: Device[]): Promise<number> {
  let total = 0
  for (const [index, a] of people.entries()) {
    for (const b of people.slice(index)) {
      const conversation = conversationOf(a.id, b.id)
      const log = await stored(app, a, b)
      total += log.length
      for (const one of devices.filter(({ person }) => person === a || person === b)) {
        await has(one, conversation, log.length)
        t.same(one.log.filter(message => message.conversation === conversation), log)
      }
    }
  }
  return total
}

tap.test('sockets reset at random: devices equal the database, each send is stored once', async t => {
  const { app, origin } = await listen(t)
  const random = seeded(11)
  const { Breakable, open, reset } = breakable()
  const people = await Promise.all(Array.from({ length: 5 }, () => register(app)))
  const owners = people.flatMap((person, index) => (index < 2 ? [person, person] : [person]))
  const devices = owners.map(person => device(t, origin, person, { WebSocket: Breakable, have: {} }))
  await online(...devices)
  const sends: Promise<Message>[] = []
  for (let n = 0; n < SENDS; n++) {
    const from = devices[Math.floor(random() * devices.length)]!
    const to = people[Math.floor(random() * people.length)]!
    const http = random() < 0.2
    if (http) sends.push(say(app, from.person, to, `http ${n}`).then(response => response.json().data))
    else sends.push(from.client.send(to.id, `socket ${n}`))
    if (n % 25 === 0) {
      const [socket] = [...open].sort(() => random() - 0.5)
      if (socket !== undefined) reset(socket)
      // The next cut finds other messages under way.
      await Promise.race(sends.slice(-20))
    }
  }
  const answers = await Promise.all(sends)
  t.equal(new Set(answers.map(({ _id }) => _id)).size, SENDS)
  t.equal(await compare(t, app, people, devices), SENDS)
  const cut = devices.some(({ states }) => states.filter(state => state === 'online').length > 3)
  t.ok(cut, 'sockets were cut')
})

tap.test(
  'a device that was away for long reads pages over HTTP, in order, while others write',
  async t => {
    const { app, origin } = await listen(t, { RESUME_LIMIT: 50 })
    const [anna, bela] = [await register(app), await register(app)]
    const conversation = conversationOf(anna.id, bela.id)
    const [reader, writer] = [
      device(t, origin, anna, { have: {} }),
      device(t, origin, bela, { queueLimit: 5000 })
    ]
    await online(writer)
    await Promise.all(Array.from({ length: 1300 }, (_, n) => writer.client.send(anna.id, `before ${n}`)))
    reader.client.connect()
    await Promise.all(Array.from({ length: 300 }, (_, n) => writer.client.send(anna.id, `meanwhile ${n}`)))
    await has(reader, conversation, 1600)
    t.same(reader.log, await stored(app, anna, bela))
  }
)

tap.test('more conversations than are listed, many begun while away: all of them are complete', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const others = await Promise.all(Array.from({ length: 75 }, () => register(app)))
  for (const other of others.slice(0, 10)) await say(app, other, anna, 'before')
  const first = device(t, origin, anna)
  await online(first)
  first.client.close()
  for (const other of others) await say(app, other, anna, 'while away')
  const second = device(t, origin, anna, { have: first.client.have })
  await online(second)
  t.same(first.log, [], 'without `have` it starts from now')
  t.same(second.log.map(({ sender }) => sender).sort(), others.map(({ id }) => id).sort())
})

tap.test(
  'a server that restarts says bye; clients come back to it, and what was sent meanwhile is stored once',
  async t => {
    const MONGODB_URL = await databaseUrl()
    const before = await buildApp(testConfig({ MONGODB_URL }))
    await before.listen({ port: 0, host: '127.0.0.1' })
    const { port } = before.server.address() as AddressInfo
    const [anna, bela] = [await register(before), await register(before)]
    const [one, two] = [
      device(t, `ws://127.0.0.1:${port}`, anna),
      device(t, `http://127.0.0.1:${port}/`, bela)
    ]
    await online(one, two)
    const first = one.client.send(bela.id, 'before')
    await first
    const gone = until(one.client, 'state', ({ state }) => state === 'waiting')
    await before.close()
    await gone
    const meanwhile = [one.client.send(bela.id, 'meanwhile 1'), one.client.send(bela.id, 'meanwhile 2')]
    const after = await buildApp(testConfig({ MONGODB_URL, PORT: port }))
    t.teardown(async () => {
      await after.mongo.db!.dropDatabase()
      await after.close()
    })
    await after.listen({ port, host: '127.0.0.1' })
    for (const { client } of [one, two]) client.connect()
    t.same(
      (await Promise.all(meanwhile)).map(({ seq }) => seq),
      [2, 3]
    )
    await has(two, conversationOf(anna.id, bela.id), 3)
    t.same(
      two.log.map(({ message }) => message),
      ['before', 'meanwhile 1', 'meanwhile 2']
    )
    t.ok(one.states.includes('waiting 1012'))
  }
)

tap.test('receipts, typing and presence arrive; final errors reject', async t => {
  const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 0 })
  const [anna, bela] = [await register(app), await register(app)]
  const [one, two] = [device(t, origin, anna), device(t, origin, bela)]
  one.client.watch([bela.id])
  await online(one)
  const came = until(one.client, 'presence', frame => frame.user === bela.id && frame.online)
  await online(two)
  await came
  const typing = until(one.client, 'typing', frame => frame.user === bela.id && frame.on)
  two.client.typing(anna.id)
  await typing
  const { conversation, seq } = await one.client.send(bela.id, 'hello')
  await has(two, conversation, seq)
  const read = until(
    one.client,
    'receipt',
    frame => frame.conversation === conversation && frame.user === bela.id && frame.read === seq
  )
  two.client.read(conversation, seq)
  await read
  await t.rejects(one.client.send('0'.repeat(24), 'nobody'), { code: 'not_found' })
  await t.rejects(one.client.send(bela.id, ' '), { code: 'invalid', path: 'message' })
  const clientId = randomUUID()
  const first = await one.client.send(bela.id, 'once', { clientId, createdAt: '2024-01-31T12:00:00.000Z' })
  t.equal(first.createdAt, '2024-01-31T12:00:00.000Z')
  t.same(await one.client.send(bela.id, 'once', { clientId, createdAt: '2024-01-31T12:00:00.000Z' }), first)
  await t.rejects(one.client.send(bela.id, 'twice', { clientId }), { code: 'conflict' })
  const left = until(one.client, 'presence', frame => frame.user === bela.id && !frame.online)
  two.client.close()
  await left
})

tap.test("at the server's default limit of frames a queue drains without one refusal", async t => {
  const { app, origin } = await listen(t, { FRAME_RATE: 20 })
  const [anna, bela] = [await register(app), await register(app)]
  const one = device(t, origin, anna)
  let refused = 0
  one.client.on('error', () => {
    refused++
  })
  class Counting extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      this.on('message', data => {
        if (JSON.parse(data.toString()).type === 'error') refused++
      })
    }
  }
  const two = device(t, origin, anna, { WebSocket: Counting })
  const sends = Array.from({ length: 90 }, (_, n) => two.client.send(bela.id, `${n}`))
  await online(one, two)
  t.same(
    (await Promise.all(sends)).map(({ seq }) => seq),
    Array.from({ length: 90 }, (_, n) => n + 1)
  )
  t.equal(refused, 0)
})

tap.test('a session that ends stops its client, on the socket and at the handshake', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const one = device(t, origin, anna)
  await online(one)
  const stopped = until(one.client, 'state', ({ state, code }) => state === 'stopped' && code === 4401)
  await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })
  await stopped
  // so slow that no second attempt is made before the answer of HTTP
  const late = device(t, origin, anna, { backoff: { baseMs: 60_000, ceilingMs: 60_000 } })
  const refused = until(late.client, 'state', ({ state, code }) => state === 'stopped' && code === 4401)
  late.client.connect()
  await refused
})
