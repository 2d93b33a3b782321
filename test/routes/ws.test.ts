import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { CLOSE } from 'chat-protocol'
import { connect, conversationOf, listen, register, type Person } from '../helper.js'
import { upgrade } from '../upgrade.js'

t.test('ALLOWED_ORIGINS may open sockets', async t => {
  const { app, origin } = await listen(t, { ALLOWED_ORIGINS: 'https://chat.example.org' })
  const anna = await register(app)
  const socket = await connect(t, origin, anna, { headers: { origin: 'https://chat.example.org' } })
  t.equal(socket.frames[0]!.type, 'hello')
})

const CLIENT_ID = randomUUID()
const RECEIVER = 'b'.repeat(24)

function malformedSend (fields: object): string {
  return JSON.stringify({ type: 'send', clientId: CLIENT_ID, reciver: RECEIVER, message: 'x', ...fields })
}

const invalid = (path: string) => ({ code: 'invalid', path })
const invalidSend = (path: string) => ({ ...invalid(path), clientId: CLIENT_ID })

const MALFORMED: [name: string, frame: string, error: object][] = [
  ['no JSON', '{', { code: 'invalid' }],
  ['no object', '5', invalid('type')],
  ['null', 'null', invalid('type')],
  ['an array', '[{"type":"ping"}]', invalid('type')],
  ['no type', '{}', invalid('type')],
  ['an unknown type', '{"type":"shout"}', invalid('type')],
  ['a type of the prototype', '{"type":"constructor"}', invalid('type')],
  ['a server frame', '{"type":"hello"}', invalid('type')],
  ['send without receiver', malformedSend({ reciver: undefined }), invalidSend('reciver')],
  ['send with operator object', malformedSend({ reciver: { $ne: null } }), invalidSend('reciver')],
  ['white space', malformedSend({ message: ' ' }), invalidSend('message')],
  ['too long', malformedSend({ message: 'x'.repeat(10_001) }), invalidSend('message')],
  ['a number as text', malformedSend({ message: 1 }), invalidSend('message')],
  ['a lone surrogate', malformedSend({ message: '\ud800' }), invalidSend('message')],
  [
    'a mark below zero',
    JSON.stringify({ type: 'read', conversation: conversationOf('a'.repeat(24), RECEIVER), seq: -1 }),
    invalid('seq')
  ],
  ['resume of nonsense', '{"type":"resume","have":{"x":1}}', { code: 'invalid' }],
  [
    '201 watched users',
    JSON.stringify({ type: 'watch', users: Array(201).fill(RECEIVER) }),
    invalid('users')
  ]
]

t.test('malformed frames: each an error that names the field; 10 in a row close with 4400', async t => {
  const { app, origin } = await listen(t)
  const socket = await connect(t, origin, await register(app))
  for (const [name, frame, expected] of MALFORMED) {
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
  for (const frame of [
    { type: 'resume', have: { [conversation]: 0 } },
    { type: 'read', conversation, seq: 1 },
    { type: 'delivered', conversation, seq: 1 }
  ]) {
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
  t.equal(await upgrade(t, origin, { authorization: `Bearer ${ben.token}` }), 503)
  // More than a socket may have under way: it is not read for a while, and then again, though no
  // other may be opened.
  await Promise.all(Array.from({ length: 600 }, async (_, n) => await socket.say(ben.id, `text ${n}`)))
  await socket.close()
  await connect(t, origin, ben)
})

t.test('heartbeat: a socket that answers stays open, another one is terminated', async t => {
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
  const login = await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username: anna.username, password: anna.password }
  })
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
  for (let n = 0; n < 20; n++) {
    socket.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message: `last ${n}` })
  }
  await socket.next('ack')
  const closing = app.close()
  const { retryAfterMs } = await socket.next('bye')
  t.ok(retryAfterMs >= 0 && retryAfterMs <= 5_000)
  t.equal((await socket.untilClosed()).code, CLOSE.serviceRestart)
  for (const other of others) t.equal((await other.untilClosed()).code, CLOSE.serviceRestart)
  await closing
  const acked = socket.all('ack').map(ack => ack.message.seq)
  t.same(
    acked,
    acked.map((_, n) => n + 1),
    'in order, without gap'
  )
})
