import { once } from 'node:events'
import { connect, type Socket as TcpSocket } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import tap, { type Test } from 'tap'
import { build, connect as connectSocket, listen, register } from '../helper.js'
import { OPERATIONS, people, send } from './operations.js'

/** A connection that says what it likes. */
async function dial (t: Test, origin: string): Promise<TcpSocket> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends bytes and gives the first line that comes back, '' if the connection is closed without one. */
async function firstLine (t: Test, origin: string, bytes: string | Buffer): Promise<string> {
  const socket = await dial(t, origin)
  socket.write(bytes)
  return (await text(socket).catch(() => '')).split('\r\n')[0]!
}

tap.test(
  'slowloris: a head or body that is not finished in time gets 408, others are served meanwhile',
  async t => {
    const { app, origin } = await listen(t)
    const { headers } = await register(app)
    t.strictSame([app.server.headersTimeout, app.server.requestTimeout], [10_000, 30_000])
    // The same clock, set faster for the test.
    Object.assign(app.server, { headersTimeout: 800, requestTimeout: 1_600 })
    const beginnings = [
      'GET /health HTTP/1.1\r\nHost: x\r\n',
      'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
      'POST /api/v1/user/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Content-Length: 1000\r\n\r\n{"user'
    ]
    const slow = await Promise.all(
      Array.from({ length: 150 }, async (_, index) => {
        const socket = await dial(t, origin)
        socket.write(beginnings[index % beginnings.length]!)
        // A byte now and then keeps nobody alive.
        const drip = setInterval(() => socket.write('x'), 100)
        socket.on('close', () => clearInterval(drip))
        t.teardown(() => clearInterval(drip))
        return socket
      })
    )
    const answers = slow.map(async socket => (await text(socket).catch(() => '')).split('\r\n')[0]!)
    t.equal((await fetch(`${origin}/api/v1/user/me`, { headers })).status, 200)
    for (const [index, line] of (await Promise.all(answers)).entries()) {
      t.match(line, /^HTTP\/1.1 408 |^$/, beginnings[index % beginnings.length]!)
    }
    t.ok(
      (await Promise.all(answers)).filter(line => line.includes('408')).length >= 100,
      'most were told why'
    )
  }
)

tap.test(
  'header floods: many, long or endless headers are refused with 431 or 400 before anything is done',
  async t => {
    const { origin } = await listen(t)
    const head = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
    const floods = {
      'one of 20 kB': `${head}X: ${'x'.repeat(20_000)}\r\n\r\n`,
      '10,000 of them':
        head + Array.from({ length: 10_000 }, (_, index) => `X-${index}: ${index}\r\n`).join('') + '\r\n',
      'a name of 20 kB': `${head}${'x'.repeat(20_000)}: 1\r\n\r\n`,
      'cookies of 20 kB': `${head}Cookie: ${'session=x; '.repeat(2_000)}\r\n\r\n`,
      'a URL of 20 kB': `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`
    }
    // Who still sends when the answer comes may lose it: the kernel resets a connection that is
    // closed with unread bytes (RFC 9112, 9.6).
    const refused = (bytes: string) =>
      bytes.length < 100_000 ? /^HTTP\/1.1 (431|414|400) / : /^HTTP\/1.1 (431|414|400) |^$/
    for (const [name, bytes] of Object.entries(floods)) {
      t.match(await firstLine(t, origin, bytes), refused(bytes), name)
    }
    t.match(await firstLine(t, origin, `${head}\r\n`), /^HTTP\/1.1 200 /)
  }
)

tap.test('requests that two servers would read differently are refused: smuggling', async t => {
  const { origin } = await listen(t)
  const post = 'POST /api/v1/user/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
  const requests = [
    `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n`,
    `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
    `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${post}Content-Length: +2\r\n\r\n{}`,
    'GET /health HTTP/1.1\r\nHost: x\r\nX: a\nContent-Length: 5\r\n\r\n',
    'GET /health HTTP/9.9\r\nHost: x\r\n\r\n'
  ]
  for (const bytes of requests) {
    t.match(await firstLine(t, origin, bytes), /^HTTP\/1.1 400 /, JSON.stringify(bytes.slice(-50)))
  }
})

tap.test('bodies end at the limit, whether their length is told or not: 413', async t => {
  const { app, origin } = await listen(t)
  const body = `{"username":"${'x'.repeat(app.config.BODY_BYTES)}"}`
  t.equal(
    (
      await app.inject({
        method: 'POST',
        url: '/api/v1/user/login',
        headers: { 'content-type': 'application/json' },
        payload: body
      })
    ).statusCode,
    413
  )
  const socket = await dial(t, origin)
  socket.write(
    'POST /api/v1/user/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n'
  )
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const endless = setInterval(() => socket.write(chunk), 1)
  t.teardown(() => clearInterval(endless))
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1.1 413 /)
})

tap.test('compressed bombs are not unpacked: 400 over HTTP, no compression on a socket', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const bomb = gzipSync(`{"username":"${'x'.repeat(50_000_000)}"}`)
  t.ok(bomb.length < app.config.BODY_BYTES)
  for (const encoding of ['gzip', 'deflate', 'br', 'gzip, gzip']) {
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/user/login',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      payload: bomb
    })
    t.equal(response.statusCode, 400, encoding)
  }
  const socket = await connectSocket(t, origin, anna, { perMessageDeflate: true })
  t.equal(socket.ws.extensions, '')
})

tap.test('JSON of 10,000 levels: no operation reads it, and a socket only answers with an error', async t => {
  const { app, origin } = await listen(t)
  const all = await people(app)
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
  const objects = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`
  for (const { id, valid } of OPERATIONS) {
    const { payload, ...request } = valid(all)
    const fields = payload === undefined ? [] : Object.keys(payload)
    for (const body of [
      deep,
      objects,
      ...fields.map(field => JSON.stringify({ ...payload, [field]: '@' }).replace('"@"', deep)),
      JSON.stringify({ ...payload, extra: '@' }).replace('"@"', objects)
    ]) {
      const response = await send(
        app,
        { ...request, payload: body as never, headers: { 'content-type': 'application/json' } },
        all.anna
      )
      t.equal(response.statusCode, 400, id)
    }
  }
  const socket = await connectSocket(t, origin, all.anna)
  for (const frame of [
    deep,
    objects,
    `{"type":"ping","x":${deep}}`,
    `{"type":"send","message":${deep}}`,
    `{"type":${deep}}`,
    `{"type":"resume","have":${objects}}`
  ]) {
    socket.send(frame)
  }
  await socket.roundTrip()
  t.equal(socket.all('error').length, 5, 'an unknown property is ignored, the others are errors')
})

tap.test('a client that reads no answers does not disturb others', async t => {
  const { app, origin } = await listen(t)
  const { headers } = await register(app)
  const deaf = await dial(t, origin)
  deaf.pause()
  for (let i = 0; i < 500; i++) deaf.write('GET /docs/json HTTP/1.1\r\nHost: x\r\n\r\n')
  for (let i = 0; i < 10; i++) t.equal((await fetch(`${origin}/api/v1/user/me`, { headers })).status, 200)
})

tap.test('refuses upgrades on other routes, with other methods and to other protocols', async t => {
  const { origin } = await listen(t)
  const upgrade =
    'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  for (const bytes of [
    `GET /nothing HTTP/1.1\r\n${upgrade}`,
    `POST /ws HTTP/1.1\r\n${upgrade}`,
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    `GET /ws HTTP/1.1\r\n${upgrade}`
  ]) {
    t.match(await firstLine(t, origin, bytes), /^HTTP\/1.1 (401|404|400|426) /, bytes.slice(0, 30))
  }
})

tap.test('prototype keys do not change objects', async t => {
  const app = await build(t)
  const { anna } = await people(app)
  for (const body of [
    '{"__proto__":{"admin":true}}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '{"a":{"__proto__":1}}'
  ]) {
    const response = await send(
      app,
      {
        method: 'POST',
        url: '/api/v1/user/password',
        payload: body as never,
        headers: { 'content-type': 'application/json' }
      },
      anna
    )
    t.equal(response.statusCode, 400)
  }
  t.notOk('admin' in {})
})
