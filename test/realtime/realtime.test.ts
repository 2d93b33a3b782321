/**
 * What a socket sees: of each conversation in order, without gap, without duplicate, from where it
 * resumed.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import type { MessageDocument } from '../../src/database/documents.js'
import { DRAINED_SHARE } from '../../src/realtime/connection.js'
import { CLOSE } from 'chat-protocol'
import {
  messageDocument,
  build,
  connect,
  conversationOf,
  databaseUrl,
  listen,
  register
} from '../helper.js'
import { eventually, fill, numbers, range, storeSilently } from './helper.js'
import { collection } from '../../src/database/documents.js'

t.test('500 long missed messages arrive in order under back-pressure, the queue stays small', async t => {
  const QUEUE_BYTES = 256 * 1024
  const { app, origin } = await listen(t, { QUEUE_BYTES })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  // 10 MB: more than the kernel's buffers of a connection take.
  await fill(app, anna, ben, 500, '😀'.repeat(5_000))
  const socket = await connect(t, origin, ben)
  let most = 0
  socket.ws.pause()
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  await eventually(() => {
    const { queuedBytes } = app.realtime.gauges()
    most = Math.max(most, queuedBytes)
    // Pages wait from here on: without that, all 10 MB would be read.
    return queuedBytes > QUEUE_BYTES * DRAINED_SHARE
  })
  socket.ws.on('message', () => {
    most = Math.max(most, app.realtime.gauges().queuedBytes)
  })
  socket.ws.resume()
  await socket.next('resumed')
  t.same(numbers(socket, conversation), range(1, 500))
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
        app.inject({
          method: 'POST',
          url: '/api/v1/addmsg',
          headers: anna.headers,
          payload: { message: 'http', sender: anna.id, reciver: ben.id }
        }),
        annas.say(ben.id, 'socket'),
        app.inject({
          method: 'POST',
          url: '/api/v1/addmsg',
          headers: ben.headers,
          payload: { message: 'http', sender: ben.id, reciver: anna.id }
        })
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
  const own = annas.frames.flatMap(frame =>
    frame.type === 'ack' || frame.type === 'message' ? [[frame.type, frame.message!.seq]] : []
  )
  t.same(
    own,
    [['ack', 1], ...range(2, 11).map(seq => ['message', seq]), ['ack', 12]],
    'the ack takes its place in the order'
  )
})

t.test('messages of another process are pushed in order at the next heartbeat, resumed or not', async t => {
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

t.test(
  'a summary that another process made before its first message: the message is pushed once',
  async t => {
    const { app, origin } = await listen(t, { MONGODB_URL: await databaseUrl(), HEARTBEAT_MS: 100 })
    const [anna, ben] = await Promise.all([register(app), register(app)])
    const conversation = conversationOf(anna.id, ben.id)
    const socket = await connect(t, origin, ben)
    const beats = async (count: number) => {
      while (count-- > 0) await once(socket.ws, 'ping')
    }
    const conversations = collection(app, 'conversations')
    const document = messageDocument(anna.id, ben.id, 'first', 1)
    let storing: Promise<unknown> | undefined
    const store = async () =>
      await (storing ??= app.mongo.db!.collection<MessageDocument>('log').insertOne(document))
    // Whoever asks for the last number then gets the one of before the message.
    const end = app.conversationLog.end.bind(app.conversationLog)
    app.conversationLog.end = async conversation => {
      const last = await end(conversation)
      await store()
      return last
    }
    const empty = { lastSeq: 0, lastRev: 0 }
    const now = { lastAt: new Date(), changedAt: new Date() }
    await conversations.insertOne({ _id: conversation, members: [anna.id, ben.id], ...empty, ...now })
    await beats(3)
    await store()
    await conversations.updateOne({ _id: conversation }, { $set: { lastSeq: 1, lastRev: 1 } })
    await socket.until(() => numbers(socket, conversation).at(-1) === 1 || undefined)
    await beats(3)
    t.same(numbers(socket, conversation), [1])
  }
)

t.test(
  'closes a slow reader with 4408 without delaying others; its resume is complete',
  async t => {
    const { app, origin } = await listen(t)
    const [anna, ben] = await Promise.all([register(app), register(app)])
    const conversation = conversationOf(anna.id, ben.id)
    const [stopped, reading, sender] = await Promise.all([
      connect(t, origin, ben),
      connect(t, origin, ben),
      connect(t, origin, anna)
    ])
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
  }
)

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
  t.same(
    await bens.next('typing'),
    { type: 'typing', user: anna.id, conversation, on: false },
    'with the socket'
  )
})

t.test('nothing is left behind when all sockets are gone', async t => {
  const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 0 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const sockets = await Promise.all(
    [anna, anna, ben, ben].map(async person => await connect(t, origin, person))
  )
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
  const left = () => ({
    ...app.realtime.gauges(),
    ...app.presence.gauges(),
    messages: app.conversationLog.pending,
    summaries: app.conversations.pending
  })
  await eventually(() => Object.values(left()).every(count => count === 0))
  t.same(left(), {
    sockets: 0,
    users: 0,
    cursors: 0,
    awaitedAcks: 0,
    queuedBytes: 0,
    watched: 0,
    leaving: 0,
    typing: 0,
    messages: 0,
    summaries: 0
  })
}
