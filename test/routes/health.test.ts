import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { build, connect as openSocket, listen, register } from '../helper.js'

t.test('health and ready answer without a session', async t => {
  const app = await build(t)
  for (const url of ['/health', '/ready']) {
    const response = await app.inject({ url })
    t.equal(response.statusCode, 200)
    t.same(response.json(), { status: 'ok' })
  }
})

t.test('ready is 503 with Retry-After when the database is away', async t => {
  const app = await build(t)
  await app.mongo.client.close()
  const response = await app.inject({ url: '/ready' })
  t.equal(response.statusCode, 503)
  t.ok(Number(response.headers['retry-after']) > 0)
  t.match(response.json(), { success: false, message: /^Service Unavailable/ })
})

t.test('any number of callers of ready cost one ping of the database a second', async t => {
  const app = await build(t)
  let pings = 0
  const db = app.mongo.db!
  const command = db.command.bind(db)
  db.command = async (...given: Parameters<typeof command>) => {
    if ('ping' in given[0]) pings++
    return await command(...given)
  }
  const answers = await Promise.all(Array.from({ length: 200 }, () => app.inject({ url: '/ready' })))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.equal(pings, 1)
  t.equal((await app.inject({ url: '/ready' })).statusCode, 200)
  t.equal(pings, 1, 'a second has not passed')
  await app.mongo.client.close()
  let last = 200
  while (last === 200) last = (await app.inject({ url: '/ready' })).statusCode
  t.equal(last, 503, 'what changed is noticed')
})

t.test('only /ws can be upgraded: elsewhere Upgrade gets an answer, and the connection ends', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const { hostname, port } = new URL(origin)
  const ask = async (method: string, url: string, protocol: string) => {
    const socket = connect(Number(port), hostname)
    socket.write(
      `${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
        `Authorization: Bearer ${anna.token}\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
    )
    return await text(socket)
  }
  for (const url of ['/health', '/ready', '/metrics', '/docs/json', '/api/v1/user/me', '/api/v1/avatars']) {
    for (const protocol of ['websocket', 'h2c']) {
      const answer = await ask('GET', url, protocol)
      t.match(answer, /^HTTP\/1.1 400 /, `${url} ${protocol}`)
      const body = JSON.parse(answer.split('\r\n\r\n')[1]!)
      t.match(body, { success: false, message: /^Validation Error/, errorMessages: [{ path: 'Upgrade' }] })
    }
  }
  t.match(await ask('GET', '/nothing', 'websocket'), /^HTTP\/1.1 404 /)
  t.match(await ask('POST', '/api/v1/addmsg', 'websocket'), /^HTTP\/1.1 400 /)
  await (await openSocket(t, origin, anna)).roundTrip()
  // Without Connection: Upgrade the header means nothing (RFC 9110, 7.8).
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.end('GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n')
  t.match(await text(socket), /^HTTP\/1.1 200 /)
})

t.test('metrics: on loopback, or with METRICS_TOKEN', async t => {
  const METRICS_TOKEN = 'a secret of operation'
  const app = await build(t, { METRICS_TOKEN })
  const local = await app.inject({ url: '/metrics' })
  t.equal(local.statusCode, 200)
  t.match(local.headers['content-type'], /^text\/plain/)
  t.match(local.body, /^chat_sockets 0$/m)
  const foreign = (headers: Record<string, string>) =>
    app.inject({ url: '/metrics', remoteAddress: '192.0.2.1', headers })
  t.equal((await foreign({})).statusCode, 403)
  t.equal((await foreign({ authorization: 'Bearer wrong' })).statusCode, 403)
  t.equal((await foreign({ authorization: `Bearer ${METRICS_TOKEN}` })).statusCode, 200)
  t.equal(
    (await app.inject({ url: '/metrics', headers: { 'x-forwarded-for': '192.0.2.1' } })).statusCode,
    403,
    'behind a proxy on this machine'
  )
})
