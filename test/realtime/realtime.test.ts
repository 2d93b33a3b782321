/** What a socket sees: of each conversation in order, without gap, without duplicate, from where it resumed. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Collection } from 'mongodb'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import type { MessageDocument } from '../../src/database/documents.js'
import { DRAINED_SHARE } from '../../src/realtime/connection.js'
import { CLOSE } from 'chat-protocol'
import { messageDocument, build, connect, conversationOf, databaseUrl, listen, register, type Person } from '../helper.js'
import { eventually, fill, numbers, range, storeSilently } from './helper.js'

t.test('resume', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(app, anna, ben, 30)
  await fill(app, carl, ben, 5)

  await t.test('every later message ascending, then one resumed with the most recent conversations', async t => {
    const socket = await connect(t, origin, ben)
    socket.send({ type: 'resume', have: { [conversation]: 10, [conversationOf(carl.id, ben.id)]: 5 } })
    const { conversations } = await socket.next('resumed')
    t.same(numbers(socket, conversation), range(11, 30))
    t.same(numbers(socket, conversationOf(carl.id, ben.id)), [])
    t.same(conversations.map(({ id, user, lastSeq, read, delivered }) => [id, user, lastSeq, read, delivered]).sort(),
      [[conversation, anna.id, 30, 0, 0], [conversationOf(carl.id, ben.id), carl.id, 5, 0, 0]].sort())
  })

  await t.test('repeats what was sent before if asked to; several frames: one resumed each', async t => {
    const socket = await connect(t, origin, ben)
    socket.send({ type: 'resume', have: { [conversation]: 28 } })
    socket.send({ type: 'resume', have: { [conversation]: 27 } })
    await socket.until(() => socket.all('resumed').length === 2 || undefined)
    t.same(numbers(socket, conversation).slice(-3), [28, 29, 30])
  })

  await t.test('new messages that arrive meanwhile keep their place', async t => {
    const socket = await connect(t, origin, ben)
    const writing = Promise.all(Array.from({ length: 40 }, async (_, n) =>
      await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload: { message: `live ${n}`, sender: anna.id, reciver: ben.id } })))
    socket.send({ type: 'resume', have: { [conversation]: 0 } })
    await writing
    await socket.until(() => numbers(socket, conversation).at(-1) === 70 || undefined)
    const seen = numbers(socket, conversation)
    // Live messages may come before the server has read the resume frame; from there on nothing is missing.
    t.same(seen.slice(seen.lastIndexOf(1)), range(1, 70))
  })

  await t.test('from the resume on each of many conversations has no gap and no repeat, in several frames, while all of them go on', async t => {
    const senders = await Promise.all(Array.from({ length: 30 }, () => register(app)))
    const me = await register(app)
    await Promise.all(senders.map(async sender => { await fill(app, sender, me, 5) }))
    const live = async (n: number) => await Promise.all(senders.map(async sender => {
      await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: sender.headers, payload: { message: `live ${n}`, sender: sender.id, reciver: me.id } })
    }))
    const socket = await connect(t, origin, me)
    const before = live(1)
    const have = senders.map(({ id }) => [conversationOf(id, me.id), 2] as const)
    socket.send({ type: 'resume', have: Object.fromEntries(have.slice(0, 15)) })
    socket.send({ type: 'resume', have: Object.fromEntries(have.slice(15)) })
    // Frames are handled in their order: what comes after the pong comes after both resumes.
    await socket.roundTrip()
    const from = socket.frames.findIndex(frame => frame.type === 'pong')
    await before
    for (let n = 2; n <= 4; n++) await live(n)
    const seen = (conversation: string) => socket.frames.slice(from).flatMap(frame => frame.type === 'message' && frame.message.conversation === conversation ? [frame.message.seq] : [])
    await socket.until(() => (socket.all('resumed').length === 2 && have.every(([conversation]) => seen(conversation).at(-1) === 9)) || undefined)
    for (const [conversation] of have) t.same(seen(conversation), range(3, 9))
  })

  await t.test('a resume of conversations that are not there keeps nothing', async t => {
    const me = await register(app)
    const socket = await connect(t, origin, me)
    const before = app.realtime.gauges().cursors
    socket.send({ type: 'resume', have: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [conversationOf(me.id, n.toString(16).padStart(24, '0')), n % 3])) })
    await socket.next('resumed')
    t.equal(app.realtime.gauges().cursors, before)
  })

  await t.test('more than RESUME_LIMIT missing, or more than there are: reset, and live goes on after lastSeq', async t => {
    const { app, origin } = await listen(t, { RESUME_LIMIT: 20 })
    const [anna, ben] = await Promise.all([register(app), register(app)])
    const conversation = conversationOf(anna.id, ben.id)
    await fill(app, anna, ben, 25)
    for (const have of [4, 1_000]) {
      const socket = await connect(t, origin, ben)
      socket.send({ type: 'resume', have: { [conversation]: have } })
      const reset = await socket.next('reset')
      const last = have === 4 ? 25 : 26
      t.same(reset, { type: 'reset', conversation, lastSeq: last, lastRev: last })
      await socket.next('resumed')
      const { message } = await (await connect(t, origin, anna)).say(ben.id, 'live')
      await socket.until(() => numbers(socket, conversation).length === 1 || undefined)
      t.same(numbers(socket, conversation), [message.seq])
    }
    const socket = await connect(t, origin, ben)
    socket.send({ type: 'resume', have: { [conversation]: 7 } })
    await socket.next('resumed')
    t.same(numbers(socket, conversation), range(8, 27), 'exactly the limit does not cause a reset')
  })
})

t.test('1,000 long missed messages arrive in order under back-pressure, the queue stays small', async t => {
  const QUEUE_BYTES = 256 * 1024
  const { app, origin } = await listen(t, { QUEUE_BYTES })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  // 20 MB: more than the kernel's buffers of a connection take.
  await fill(app, anna, ben, 1_000, '😀'.repeat(5_000))
  const socket = await connect(t, origin, ben)
  let most = 0
  socket.ws.pause()
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  await eventually(() => {
    const { queuedBytes } = app.realtime.gauges()
    most = Math.max(most, queuedBytes)
    // Pages wait from here on: without that, all 20 MB would be read.
    return queuedBytes > QUEUE_BYTES * DRAINED_SHARE
  })
  socket.ws.on('message', () => { most = Math.max(most, app.realtime.gauges().queuedBytes) })
  socket.ws.resume()
  await socket.next('resumed')
  t.same(numbers(socket, conversation), range(1, 1_000))
  t.ok(most > 0 && most <= QUEUE_BYTES, `${most} bytes were queued at most`)
})

t.test('a conversation that was not resumed begins at the first number pushed', async t => {
  const { app, origin } = await listen(t)

  await t.test('of many first messages sent at once, by HTTP and by sockets: with the first', async t => {
    for (let round = 0; round < 20; round++) {
      const [anna, ben] = await Promise.all([register(app), register(app)])
      const conversation = conversationOf(anna.id, ben.id)
      const [bens, annas] = await Promise.all([connect(t, origin, ben), connect(t, origin, anna)])
      await Promise.all([
        app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload: { message: 'http', sender: anna.id, reciver: ben.id } }),
        annas.say(ben.id, 'socket'),
        app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: ben.headers, payload: { message: 'http', sender: ben.id, reciver: anna.id } })
      ])
      await bens.until(() => numbers(bens, conversation).length === 3 || undefined)
      t.same(numbers(bens, conversation), range(1, 3))
    }
  })
})

t.test('a gap in what is pushed is filled from the database: lost publications show nowhere', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const [bens, annas] = await Promise.all([connect(t, origin, ben), connect(t, origin, anna)])
  await annas.say(ben.id, 'one')
  // Stored, but never published, as when a process dies between the two.
  await storeSilently(app, anna, ben, range(2, 11))
  const { message } = await annas.say(ben.id, 'twelve')
  t.equal(message.seq, 12)
  await bens.until(() => numbers(bens, conversation).at(-1) === 12 || undefined)
  t.same(numbers(bens, conversation), range(1, 12))
  const own = annas.frames.flatMap(frame => frame.type === 'ack' || frame.type === 'message' ? [[frame.type, frame.message!.seq]] : [])
  t.same(own, [['ack', 1], ...range(2, 11).map(seq => ['message', seq]), ['ack', 12]], 'the ack takes its place in the order')
})

t.test('what another process wrote is pushed at the next heartbeat, in order, whether the conversation was resumed or not', async t => {
  const MONGODB_URL = await databaseUrl()
  const other = await build(t, { MONGODB_URL })
  const { app, origin } = await listen(t, { MONGODB_URL, HEARTBEAT_MS: 100 })
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(other, carl, ben, 3, 'before the socket was opened')
  const [resumed, plain] = await Promise.all([connect(t, origin, ben), connect(t, origin, ben)])
  resumed.send({ type: 'resume', have: { [conversation]: 0 } })
  await resumed.next('resumed')
  await fill(other, anna, ben, 1)
  await plain.until(() => numbers(plain, conversation).at(-1) === 1 || undefined)
  await fill(other, anna, ben, 20)
  for (const socket of [resumed, plain]) {
    await socket.until(() => numbers(socket, conversation).at(-1) === 21 || undefined)
    t.same(numbers(socket, conversation), range(1, 21))
    t.same(numbers(socket, conversationOf(carl.id, ben.id)), [])
  }
})

t.test('a summary that another process made before its first message: the message is pushed once', async t => {
  const { app, origin } = await listen(t, { MONGODB_URL: await databaseUrl(), HEARTBEAT_MS: 100 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const socket = await connect(t, origin, ben)
  const beats = async (count: number) => { while (count-- > 0) await once(socket.ws, 'ping') }
  const conversations = app.mongo.db!.collection<{ _id: string, members: string[], lastSeq: number, lastRev: number, lastAt: Date, changedAt: Date }>('conversations')
  const document = messageDocument(anna.id, ben.id, 'first', 1)
  let storing: Promise<unknown> | undefined
  const store = async () => await (storing ??= app.mongo.db!.collection<MessageDocument>('log').insertOne(document))
  // Whoever asks for the last number then gets the one of before the message.
  const end = app.conversationLog.end.bind(app.conversationLog)
  app.conversationLog.end = async conversation => {
    const last = await end(conversation)
    await store()
    return last
  }
  await conversations.insertOne({ _id: conversation, members: [anna.id, ben.id], lastSeq: 0, lastRev: 0, lastAt: new Date(), changedAt: new Date() })
  await beats(3)
  await store()
  await conversations.updateOne({ _id: conversation }, { $set: { lastSeq: 1, lastRev: 1 } })
  await socket.until(() => numbers(socket, conversation).at(-1) === 1 || undefined)
  await beats(3)
  t.same(numbers(socket, conversation), [1])
})

t.test('a reader that stops: closed with 4408, the others get everything meanwhile, its resume is complete', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const [stopped, reading, sender] = await Promise.all([connect(t, origin, ben), connect(t, origin, ben), connect(t, origin, anna)])
  stopped.ws.pause()
  let sent = 0
  let most = 0
  while (app.realtime.gauges().sockets === 3) {
    await Promise.all(Array.from({ length: 20 }, async () => await sender.say(ben.id, 'x'.repeat(10_000))))
    sent += 20
    most = Math.max(most, app.realtime.gauges().queuedBytes)
  }
  t.ok(most <= 1024 * 1024, `${most} bytes were queued at most`)
  await reading.until(() => numbers(reading, conversation).at(-1) === sent || undefined)
  t.same(numbers(reading, conversation), range(1, sent))
  stopped.ws.resume()
  t.equal((await stopped.untilClosed()).code, CLOSE.slowReader)
  const seen = numbers(stopped, conversation)
  t.same(seen, range(1, seen.length), 'what it got is without gap')
  const back = await connect(t, origin, ben)
  back.send({ type: 'resume', have: { [conversation]: seen.length } })
  await back.next('resumed')
  t.same(numbers(back, conversation), range(seen.length + 1, sent))
})

t.test('receipts', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const [annas, laptop, phone] = await Promise.all([connect(t, origin, anna), connect(t, origin, ben), connect(t, origin, ben)])
  for (let n = 0; n < 5; n++) await annas.say(ben.id, `text ${n}`)

  await t.test("delivered and read reach the other member and one's own other devices, read implies delivered", async t => {
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
  })

  await t.test('monotonic; values above the highest stored number are ignored and swallow no others', async t => {
    await annas.say(ben.id, 'six')
    laptop.send({ type: 'read', conversation, seq: 2 })
    laptop.send({ type: 'read', conversation, seq: 1_000_000 })
    laptop.send({ type: 'read', conversation, seq: 6 })
    t.match(await annas.next('receipt'), { delivered: 6, read: 6 })
    const inbox = await app.inject({ url: '/api/v1/conversations', headers: ben.headers })
    t.match(inbox.json().data[0], { id: conversation, lastSeq: 6, read: 6, delivered: 6, unread: 0 })
  })

  await t.test('10,000 read frames cause a bounded number of writes', async t => {
    for (let n = 0; n < 20; n++) await annas.say(ben.id, `more ${n}`)
    let writes = 0
    const count = ({ commandName }: { commandName: string }) => { if (commandName === 'findAndModify') writes++ }
    const conversations = app.mongo.db!.collection('conversations')
    const original = conversations.constructor.prototype.findOneAndUpdate
    t.teardown(() => { conversations.constructor.prototype.findOneAndUpdate = original })
    conversations.constructor.prototype.findOneAndUpdate = function (...args: unknown[]) { count({ commandName: 'findAndModify' }); return original.apply(this, args) }
    for (let n = 0; n < 10_000; n++) laptop.send({ type: 'read', conversation, seq: 1 + n % 26 })
    await laptop.roundTrip()
    await annas.until(() => annas.all('receipt').at(-1)?.read === 26 || undefined)
    await eventually(() => app.conversations.pending === 0)
    t.ok(writes >= 1 && writes < 200, `${writes} writes`)
  })
})

t.test('inbox', async t => {
  const { app } = await listen(t)
  const me = await register(app)
  const others = await Promise.all(Array.from({ length: 5 }, () => register(app)))
  for (const [n, other] of others.entries()) await fill(app, other, me, n + 1)
  await fill(app, me, me, 1)
  const inbox = async (query = {}) => (await app.inject({ url: '/api/v1/conversations', headers: me.headers, query })).json()

  await t.test('newest first, each with its last message, its other member and the unread count', async t => {
    await eventually(() => app.conversations.pending === 0)
    const { data } = await inbox()
    t.same(data.map((entry: { user: { _id: string } }) => entry.user._id), [me.id, ...others.map(({ id }) => id).reverse()])
    t.same(data.map((entry: { unread: number }) => entry.unread), [0, 5, 4, 3, 2, 1])
    t.match(data[1], { lastSeq: 5, read: 0, delivered: 0, other: { delivered: 0, read: 0 }, user: { password: '', email: undefined } })
    t.equal(data[1].lastMessage.seq, 5)
  })

  await t.test('pages by after and limit, without gap or repeat', async t => {
    const all: string[] = []
    let after: string | undefined
    do {
      const page = await inbox({ limit: '2', ...(after === undefined ? {} : { after }) })
      all.push(...page.data.map((entry: { id: string }) => entry.id))
      after = page.next
    } while (after !== undefined)
    t.equal(all.length, 6)
    t.equal(new Set(all).size, 6)
    t.equal((await app.inject({ url: '/api/v1/conversations?after=nonsense', headers: me.headers })).statusCode, 400)
  })

  await t.test('POST …/read raises the mark', async t => {
    const [other] = others.slice(-1) as [Person]
    const id = conversationOf(me.id, other.id)
    const read = async (seq: number) => await app.inject({ method: 'POST', url: `/api/v1/conversations/${id}/read`, headers: me.headers, payload: { seq } })
    t.match((await read(3)).json(), { success: 'success', data: { delivered: 3, read: 3 } })
    t.match((await read(99)).json(), { data: { delivered: 3, read: 3 } })
    t.equal((await inbox()).data.find((entry: { id: string }) => entry.id === id).unread, 2)
    t.equal((await app.inject({ method: 'POST', url: `/api/v1/conversations/${conversationOf(others[0]!.id, others[1]!.id)}/read`, headers: me.headers, payload: { seq: 1 } })).statusCode, 403)
    const stranger = await register(app)
    t.equal((await app.inject({ method: 'POST', url: `/api/v1/conversations/${conversationOf(me.id, stranger.id)}/read`, headers: me.headers, payload: { seq: 1 } })).statusCode, 404)
    t.equal((await app.inject({ method: 'POST', url: '/api/v1/conversations/x/read', headers: me.headers, payload: { seq: 1 } })).statusCode, 400)
  })

  await t.test('a summary that is behind the messages, as after a crash, is repaired by reading it', async t => {
    const id = conversationOf(me.id, others[0]!.id)
    const conversations = app.mongo.db!.collection<{ _id: string }>('conversations')
    await fill(app, others[0]!, me, 3)
    await eventually(() => app.conversations.pending === 0)
    await conversations.updateOne({ _id: id }, { $set: { lastSeq: 1, lastRev: 1 } })
    t.equal((await inbox()).data.find((entry: { id: string }) => entry.id === id).lastSeq, 4)
    await eventually(() => app.conversations.pending === 0)
    t.match(await conversations.findOne({ _id: id }), { lastSeq: 4 })
  })
})

t.test('typing is forwarded to the other member, never stored, and ends by itself', async t => {
  const { app, origin } = await listen(t, { TYPING_MS: 100 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const [annas, bens] = await Promise.all([connect(t, origin, anna), connect(t, origin, ben)])
  const conversation = conversationOf(anna.id, ben.id)
  annas.send({ type: 'typing', reciver: ben.id, on: true })
  t.same(await bens.next('typing'), { type: 'typing', user: anna.id, conversation, on: true })
  t.same(await bens.next('typing'), { type: 'typing', user: anna.id, conversation, on: false }, 'by itself')
  annas.send({ type: 'typing', reciver: ben.id, on: true })
  await bens.next('typing')
  await annas.close()
  t.same(await bens.next('typing'), { type: 'typing', user: anna.id, conversation, on: false }, 'with the socket')
})

t.test('presence', async t => {
  const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 100 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const watcher = await connect(t, origin, anna)

  await t.test('watch tells of each user now and at each change; several devices are one person', async t => {
    watcher.send({ type: 'watch', users: [ben.id] })
    t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: false })
    const laptop = await connect(t, origin, ben)
    t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: true })
    const phone = await connect(t, origin, ben)
    await laptop.close()
    await watcher.roundTrip()
    await phone.close()
    const left = await watcher.next('presence')
    t.match(left, { user: ben.id, online: false, lastSeen: /^\d{4}-/ })
    t.equal(watcher.all('presence').length, 3)
    await eventually(() => app.presence.gauges().leaving === 0)
  })

  await t.test('lastSeen is remembered', async t => {
    const lastSeen = watcher.all('presence').at(-1)!.lastSeen
    await eventually(() => app.presence.gauges().leaving === 0)
    watcher.send({ type: 'watch', users: [ben.id] })
    t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: false, lastSeen })
  })

  await t.test('offline is told when lastSeen is stored, not before: who watches next hears the same', async t => {
    const phone = await connect(t, origin, ben)
    t.match(await watcher.next('presence'), { user: ben.id, online: true })
    const { updateOne } = Collection.prototype
    let store: (() => void) | undefined
    const held = new Promise<void>(resolve => { store = resolve })
    const reached = new Promise<void>(resolve => {
      Collection.prototype.updateOne = async function (...args) {
        if (args[1] !== undefined && '$max' in args[1] && 'lastSeenAt' in (args[1].$max as object)) {
          resolve()
          await held
        }
        return await updateOne.apply(this, args)
      }
    })
    t.teardown(() => { Collection.prototype.updateOne = updateOne })
    await phone.close()
    await reached
    watcher.send({ type: 'watch', users: [ben.id] })
    t.match(await watcher.next('presence'), { user: ben.id, online: true }, 'still')
    store!()
    const left = await watcher.next('presence')
    t.match(left, { user: ben.id, online: false, lastSeen: /^\d{4}-/ })
    watcher.send({ type: 'watch', users: [ben.id] })
    t.same(await watcher.next('presence'), left)
  })

  await t.test('a reconnect within the grace time makes no offline/online pair', async t => {
    const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 60_000 })
    const [anna, ben] = await Promise.all([register(app), register(app)])
    const watcher = await connect(t, origin, anna)
    const first = await connect(t, origin, ben)
    watcher.send({ type: 'watch', users: [ben.id] })
    await watcher.next('presence')
    await first.close()
    await eventually(() => app.presence.gauges().leaving === 1)
    const second = await connect(t, origin, ben)
    await second.roundTrip()
    await watcher.roundTrip()
    t.equal(watcher.all('presence').length, 1)
    t.equal(app.presence.gauges().leaving, 0)
  })

  await t.test('a new list replaces the old one', async t => {
    const carl = await register(app)
    watcher.send({ type: 'watch', users: [carl.id] })
    await watcher.next('presence')
    await (await connect(t, origin, ben)).roundTrip()
    await connect(t, origin, carl)
    t.match(await watcher.next('presence'), { user: carl.id, online: true })
  })
})

t.test('nothing is left behind when all sockets are gone', async t => {
  const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 0 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const sockets = await Promise.all([anna, anna, ben, ben].map(async person => await connect(t, origin, person)))
  for (const [n, socket] of sockets.entries()) {
    socket.send({ type: 'watch', users: [anna.id, ben.id] })
    socket.send({ type: 'typing', reciver: ben.id, on: true })
    socket.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message: `text ${n}` })
    socket.send({ type: 'resume', have: { [conversationOf(anna.id, ben.id)]: 0 } })
  }
  for (const socket of sockets) await socket.next('resumed')
  for (const socket of sockets) socket.ws.terminate()
  await nothingLeft(t, app)
})

async function nothingLeft (t: Test, app: App): Promise<void> {
  const left = () => ({ ...app.realtime.gauges(), ...app.presence.gauges(), messages: app.conversationLog.pending, summaries: app.conversations.pending })
  await eventually(() => Object.values(left()).every(count => count === 0))
  t.same(left(), { sockets: 0, users: 0, cursors: 0, awaitedAcks: 0, queuedBytes: 0, watched: 0, leaving: 0, typing: 0, messages: 0, summaries: 0 })
}
