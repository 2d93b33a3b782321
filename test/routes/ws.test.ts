import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { CLOSE } from 'chat-protocol'
import { connect, conversationOf, listen, register, Socket, type Person } from '../helper.js'

const EMOJI = '👨‍👩‍👧‍👦 🇧🇩 👋🏽 1️⃣ 🏳️‍🌈'

/** The HTTP status with which an upgrade is refused. */
async function refusal (origin: string, headers: Record<string, string>, protocols: string[] = []): Promise<number> {
  const ws = new WebSocket(`${origin.replace('http', 'ws')}/ws`, protocols, { headers })
  const [, response] = await once(ws, 'unexpected-response')
  ws.on('error', () => {})
  ws.terminate()
  return response.statusCode
}

t.test('opening', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const url = `${origin.replace('http', 'ws')}/ws`

  await t.test('by Authorization header: hello is the first frame and announces the limits', async t => {
    const socket = await connect(t, origin, anna)
    const [hello] = socket.frames
    t.match(hello, {
      type: 'hello', user: anna.id, session: /^[0-9a-f]{64}$/, heartbeatMs: 25_000, limits: { frameBytes: 131_072, messageChars: 10_000, ratePerSecond: 0 }, now: /^\d{4}-/
    })
  })

  await t.test('by subprotocols ["chat.v1", "bearer.TOKEN"]: the server selects chat.v1', async t => {
    const socket = new Socket(new WebSocket(url, ['chat.v1', `bearer.${anna.token}`]))
    t.teardown(() => { socket.ws.terminate() })
    await socket.next('hello')
    t.equal(socket.ws.protocol, 'chat.v1')
  })

  await t.test('by the session cookie', async t => {
    const socket = new Socket(new WebSocket(url, { headers: { cookie: `session=${anna.token}` } }))
    t.teardown(() => { socket.ws.terminate() })
    t.equal((await socket.next('hello')).user, anna.id)
  })

  await t.test('bad or missing: HTTP 401', async t => {
    t.equal(await refusal(origin, {}), 401)
    t.equal(await refusal(origin, { authorization: `Bearer ${'A'.repeat(43)}` }), 401)
    t.equal(await refusal(origin, {}, ['chat.v1', 'bearer.nonsense']), 401)
    t.equal(await refusal(origin, { authorization: 'Bearer nonsense', cookie: `session=${anna.token}` }), 401, 'a bad Bearer never falls back to the cookie')
  })

  await t.test('Origin: absent or this host is fine; anything else, unparsable too: 403', async t => {
    const socket = await connect(t, origin, anna, { headers: { origin } })
    t.equal(socket.frames[0]!.type, 'hello')
    for (const foreign of ['https://evil.example', 'null', 'nonsense', origin.replace(/\d+$/, '1'), `${origin}.evil.example`]) {
      t.equal(await refusal(origin, { authorization: `Bearer ${anna.token}`, origin: foreign }), 403, foreign)
    }
  })

  await t.test('a plain GET: 404 in the one error shape', async t => {
    const response = await app.inject({ url: '/ws', headers: anna.headers })
    t.equal(response.statusCode, 404)
    t.match(response.json(), { success: false, message: /^Not Found/ })
  })
})

t.test('ALLOWED_ORIGINS may open sockets', async t => {
  const { app, origin } = await listen(t, { ALLOWED_ORIGINS: 'https://chat.example.org' })
  const anna = await register(app)
  const socket = await connect(t, origin, anna, { headers: { origin: 'https://chat.example.org' } })
  t.equal(socket.frames[0]!.type, 'hello')
})

t.test('send', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const [laptop, phone, bens] = await Promise.all([connect(t, origin, anna), connect(t, origin, anna), connect(t, origin, ben)])

  await t.test('ack to the socket that sent it, message to every other socket of both members, emoji byte for byte', async t => {
    const clientId = randomUUID()
    laptop.send({ type: 'send', clientId, reciver: ben.id, message: EMOJI })
    const ack = await laptop.next('ack')
    t.match(ack, { clientId, message: { seq: 1, message: EMOJI, sender: anna.id, reciver: ben.id, conversation: conversationOf(anna.id, ben.id), clientId } })
    t.same((await phone.next('message')).message, ack.message)
    t.same((await bens.next('message')).message, ack.message)
    await laptop.roundTrip()
    t.same(laptop.all('message'), [], 'the sending socket has its ack alone')
  })

  await t.test('addmsg over HTTP pushes as well', async t => {
    const response = await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: ben.headers, payload: { message: 'by HTTP', sender: ben.id, reciver: anna.id } })
    const { data } = response.json()
    for (const socket of [laptop, phone, bens]) t.same((await socket.next('message')).message, data)
  })

  await t.test('the ack of a repeat: the stored message again, nothing stored, nothing pushed twice', async t => {
    const clientId = randomUUID()
    const first = await laptop.say(ben.id, 'once', clientId)
    laptop.send({ type: 'send', clientId: clientId.toUpperCase(), reciver: ben.id, message: 'once' })
    const again = await laptop.until(() => laptop.all('ack').find(frame => frame.clientId === clientId.toUpperCase()))
    t.same(again.message, first.message)
    await laptop.say(ben.id, 'after')
    await bens.until(() => bens.all('message').find(frame => frame.message.message === 'after'))
    t.equal(bens.all('message').filter(frame => frame.message.clientId === clientId).length, 1)
  })

  await t.test('a clientId with another text: error conflict', async t => {
    const clientId = randomUUID()
    await laptop.say(ben.id, 'one', clientId)
    laptop.send({ type: 'send', clientId, reciver: ben.id, message: 'two' })
    t.match(await laptop.next('error'), { code: 'conflict', clientId })
  })

  await t.test('who writes to oneself gets it once a socket', async t => {
    const ack = await laptop.say(anna.id, 'note')
    const pushed = await phone.until(() => phone.all('message').find(frame => frame.message.conversation === ack.message.conversation))
    t.same(pushed.message, ack.message)
    await Promise.all([laptop.roundTrip(), phone.roundTrip()])
    t.equal(laptop.all('message').filter(frame => frame.message.conversation === ack.message.conversation).length, 0)
    t.equal(phone.all('message').filter(frame => frame.message.conversation === ack.message.conversation).length, 1)
  })

  await t.test('the same clientId 50 times in parallel over HTTP and sockets: one message, 50 equal answers', async t => {
    const clientId = randomUUID()
    const byHttp = (message: string) => app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload: { message, sender: anna.id, reciver: ben.id, clientId } })
    const acksBefore = [laptop, phone].map(socket => socket.all('ack').length)
    for (let n = 0; n < 25; n++) (n % 2 === 0 ? laptop : phone).send({ type: 'send', clientId, reciver: ben.id, message: 'parallel' })
    const answers = await Promise.all(Array.from({ length: 25 }, async () => (await byHttp('parallel')).json().data))
    const acks = await Promise.all([laptop, phone].map(async (socket, n) => await socket.until(() => {
      const own = socket.all('ack').slice(acksBefore[n])
      return own.length === (n === 0 ? 13 : 12) ? own.map(ack => ack.message) : undefined
    })))
    const all = [...answers, ...acks.flat()]
    t.equal(all.length, 50)
    for (const message of all) t.same(message, all[0])
    const { data } = (await app.inject({ url: `/api/v1/getallmessages?sender=${anna.id}&reciver=${ben.id}`, headers: anna.headers })).json()
    t.equal(data.filter((message: { clientId?: string }) => message.clientId === clientId).length, 1)
    t.equal((await byHttp('different')).statusCode, 409)
  })

  await t.test('an unknown receiver: error not_found with the clientId', async t => {
    const clientId = randomUUID()
    laptop.send({ type: 'send', clientId, reciver: 'f'.repeat(24), message: 'hello?' })
    t.match(await laptop.next('error'), { code: 'not_found', clientId, path: 'reciver' })
  })

  await t.test('messages of one socket are numbered in the order of their frames', async t => {
    const texts = Array.from({ length: 100 }, (_, n) => `in order ${n}`)
    for (const message of texts) laptop.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message })
    const acks = await laptop.until(() => {
      const own = laptop.all('ack').filter(frame => frame.message.message.startsWith('in order'))
      return own.length === texts.length ? own : undefined
    })
    t.same(acks.map(ack => ack.message.message), texts)
    t.same(acks.map(ack => ack.message.seq), acks.map((_, n) => acks[0]!.message.seq + n))
  })
})

t.test('malformed frames: each an error that names the field, the socket lives on; 10 in a row: 4400', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const clientId = randomUUID()
  const cases: [string, string, object][] = [
    ['no JSON', '{', { code: 'invalid' }],
    ['no object', '5', { code: 'invalid', path: 'type' }],
    ['null', 'null', { code: 'invalid', path: 'type' }],
    ['an array', '[{"type":"ping"}]', { code: 'invalid', path: 'type' }],
    ['no type', '{}', { code: 'invalid', path: 'type' }],
    ['an unknown type', '{"type":"shout"}', { code: 'invalid', path: 'type' }],
    ['a type of the prototype', '{"type":"constructor"}', { code: 'invalid', path: 'type' }],
    ['a server frame', '{"type":"hello"}', { code: 'invalid', path: 'type' }],
    ['send without receiver', JSON.stringify({ type: 'send', clientId, message: 'x' }), { code: 'invalid', path: 'reciver', clientId }],
    ['send with operator object', JSON.stringify({ type: 'send', clientId, reciver: { $ne: null }, message: 'x' }), { code: 'invalid', path: 'reciver', clientId }],
    ['white space', JSON.stringify({ type: 'send', clientId, reciver: ben.id, message: ' ' }), { code: 'invalid', path: 'message', clientId }],
    ['too long', JSON.stringify({ type: 'send', clientId, reciver: ben.id, message: 'x'.repeat(10_001) }), { code: 'invalid', path: 'message', clientId }],
    ['a number as text', JSON.stringify({ type: 'send', clientId, reciver: ben.id, message: 1 }), { code: 'invalid', path: 'message', clientId }],
    ['a lone surrogate', `{"type":"send","clientId":"${clientId}","reciver":"${ben.id}","message":"\\ud800"}`, { code: 'invalid', path: 'message', clientId }],
    ['a mark below zero', JSON.stringify({ type: 'read', conversation: conversationOf(anna.id, ben.id), seq: -1 }), { code: 'invalid', path: 'seq' }],
    ['resume of nonsense', '{"type":"resume","have":{"x":1}}', { code: 'invalid' }],
    ['201 watched users', JSON.stringify({ type: 'watch', users: Array(201).fill(anna.id) }), { code: 'invalid', path: 'users' }]
  ]
  for (const [name, frame, expected] of cases) {
    socket.send(frame)
    t.match(await socket.next('error'), expected, name)
    await socket.roundTrip()
  }
  for (let n = 0; n < 10; n++) socket.send('{')
  t.equal((await socket.untilClosed()).code, CLOSE.malformed)
})

t.test('a conversation of others: error forbidden', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
  const socket = await connect(t, origin, carl)
  const conversation = conversationOf(anna.id, ben.id)
  for (const frame of [{ type: 'resume', have: { [conversation]: 0 } }, { type: 'read', conversation, seq: 1 }, { type: 'delivered', conversation, seq: 1 }]) {
    socket.send(frame)
    t.match(await socket.next('error'), { code: 'forbidden' }, frame.type)
  }
})

t.test('protocol errors end that socket with their own code', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const other = await connect(t, origin, anna)

  const binary = await connect(t, origin, anna)
  binary.ws.send(Buffer.from('{"type":"ping"}'), { binary: true })
  t.equal((await binary.untilClosed()).code, 1003)

  const large = await connect(t, origin, anna)
  large.send(JSON.stringify({ type: 'ping', filler: 'x'.repeat(128 * 1024) }))
  t.equal((await large.untilClosed()).code, 1009)

  const fragmented = await connect(t, origin, anna)
  for (let n = 0; n < 3; n++) fragmented.ws.send('x'.repeat(60 * 1024), { fin: false })
  t.equal((await fragmented.untilClosed()).code, 1009)

  const garbled = await connect(t, origin, anna)
  garbled.ws.send(Buffer.from([0xc3, 0x28]), { binary: false })
  t.equal((await garbled.untilClosed()).code, 1007)

  await other.roundTrip()
})

t.test('compression is not negotiated: no zip bombs', async t => {
  const { app, origin } = await listen(t)
  const socket = await connect(t, origin, await register(app), { perMessageDeflate: true })
  t.equal(socket.ws.extensions, '')
})

t.test('FRAME_RATE: error rate_limited with retryAfterMs; 4429 if it goes on', async t => {
  const { app, origin } = await listen(t, { FRAME_RATE: 5 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const clientId = randomUUID()
  for (let n = 0; n < 15; n++) socket.send({ type: 'ping' })
  socket.send({ type: 'send', clientId, reciver: ben.id, message: 'too much' })
  const error = await socket.next('error')
  t.match(error, { code: 'rate_limited', clientId })
  t.ok(error.retryAfterMs! > 0 && error.retryAfterMs! <= 200)
  for (let n = 0; n < 100; n++) socket.send({ type: 'ping' })
  t.equal((await socket.untilClosed()).code, CLOSE.rateLimited)
})

t.test('MAX_SOCKETS_PER_USER: the oldest is closed with 4409', async t => {
  const { app, origin } = await listen(t, { MAX_SOCKETS_PER_USER: 2 })
  const anna = await register(app)
  const first = await connect(t, origin, anna)
  const second = await connect(t, origin, anna)
  const third = await connect(t, origin, anna)
  t.equal((await first.untilClosed()).code, CLOSE.tooManySockets)
  await Promise.all([second.roundTrip(), third.roundTrip()])
})

t.test('MAX_SOCKETS: 503 at the upgrade', async t => {
  const { app, origin } = await listen(t, { MAX_SOCKETS: 1 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  t.equal(await refusal(origin, { authorization: `Bearer ${ben.token}` }), 503)
  // More than a socket may have under way: it is not read for a while, and then again, though no other may be opened.
  await Promise.all(Array.from({ length: 600 }, async (_, n) => await socket.say(ben.id, `text ${n}`)))
  await socket.close()
  await connect(t, origin, ben)
})

t.test('heartbeat: who answers stays, who does not is terminated', async t => {
  const { app, origin } = await listen(t, { HEARTBEAT_MS: 200, PONG_MS: 100 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const living = await connect(t, origin, anna)
  const dead = await connect(t, origin, ben, { autoPong: false })
  t.equal((await dead.untilClosed()).code, 1006)
  for (let n = 0; n < 3; n++) await once(living.ws, 'ping')
  await living.roundTrip()
})

t.test('a session that ends closes its sockets with 4401, and no others', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const login = await app.inject({ method: 'POST', url: '/api/v1/user/login', payload: { username: anna.username, password: anna.password } })
  const other: Pick<Person, 'token'> = { token: login.json().token }
  const [ending, staying] = await Promise.all([connect(t, origin, anna), connect(t, origin, other)])
  await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })
  t.equal((await ending.untilClosed()).code, CLOSE.sessionEnded)
  await staying.roundTrip()
})

t.test('a session that ended elsewhere closes its sockets at the next heartbeat', async t => {
  const { app, origin } = await listen(t, { HEARTBEAT_MS: 200 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  await app.mongo.db!.collection('sessions').deleteMany({})
  t.equal((await socket.untilClosed()).code, CLOSE.sessionEnded)
})

t.test('shutdown: what is being written is acknowledged, then bye and 1012', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const others = await Promise.all(Array.from({ length: 5 }, () => connect(t, origin, ben)))
  for (let n = 0; n < 20; n++) socket.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message: `last ${n}` })
  await socket.next('ack')
  const closing = app.close()
  const { retryAfterMs } = await socket.next('bye')
  t.ok(retryAfterMs >= 0 && retryAfterMs <= 5_000)
  t.equal((await socket.untilClosed()).code, CLOSE.serviceRestart)
  for (const other of others) t.equal((await other.untilClosed()).code, CLOSE.serviceRestart)
  await closing
  const acked = socket.all('ack').map(ack => ack.message.seq)
  t.same(acked, acked.map((_, n) => n + 1), 'in order, without gap')
})
