import t from 'tap'
import { WebSocket } from 'ws'
import { connect, listen, register, Socket } from '../helper.js'
import { upgrade } from '../upgrade.js'

const { app, origin } = await listen(t)
const anna = await register(app)
const url = `${origin.replace('http', 'ws')}/ws`

t.test('by Authorization header: hello is the first frame and announces the limits', async t => {
  const socket = await connect(t, origin, anna)
  const [hello] = socket.frames
  t.match(hello, {
    type: 'hello',
    user: anna.id,
    session: /^[0-9a-f]{64}$/,
    heartbeatMs: 25_000,
    limits: { frameBytes: 131_072, messageChars: 10_000, ratePerSecond: 0 },
    now: /^\d{4}-/
  })
})

t.test('by subprotocols ["chat.v1", "bearer.TOKEN"]: the server selects chat.v1', async t => {
  const socket = new Socket(new WebSocket(url, ['chat.v1', `bearer.${anna.token}`]))
  t.teardown(() => {
    socket.ws.terminate()
  })
  await socket.next('hello')
  t.equal(socket.ws.protocol, 'chat.v1')
})

t.test('by the session cookie', async t => {
  const socket = new Socket(new WebSocket(url, { headers: { cookie: `session=${anna.token}` } }))
  t.teardown(() => {
    socket.ws.terminate()
  })
  t.equal((await socket.next('hello')).user, anna.id)
})

t.test('bad or missing: HTTP 401', async t => {
  t.equal(await upgrade(t, origin, {}), 401)
  t.equal(await upgrade(t, origin, { authorization: `Bearer ${'A'.repeat(43)}` }), 401)
  t.equal(await upgrade(t, origin, {}, ['chat.v1', 'bearer.nonsense']), 401)
  t.equal(
    await upgrade(t, origin, { authorization: 'Bearer nonsense', cookie: `session=${anna.token}` }),
    401,
    'a bad Bearer never falls back to the cookie'
  )
})

t.test('Origin: absent or this host is fine; anything else, unparsable too: 403', async t => {
  const socket = await connect(t, origin, anna, { headers: { origin } })
  t.equal(socket.frames[0]!.type, 'hello')
  for (const foreign of [
    'https://evil.example',
    'null',
    'nonsense',
    origin.replace(/\d+$/, '1'),
    `${origin}.evil.example`
  ]) {
    t.equal(
      await upgrade(t, origin, { authorization: `Bearer ${anna.token}`, origin: foreign }),
      403,
      foreign
    )
  }
})

t.test('a plain GET: 404 in the one error shape', async t => {
  const response = await app.inject({ url: '/ws', headers: anna.headers })
  t.equal(response.statusCode, 404)
  t.match(response.json(), { success: false, message: /^Not Found/ })
})
