import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import tap from 'tap'
import { availableMemory, memoryInUse } from '../../src/http/memory.js'
import { build, listen, register } from '../helper.js'

/** Sends bytes over a connection of its own and gives what comes back until the server closes it. */
async function raw (origin: string, request: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  socket.end(request)
  return await text(socket)
}

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': /max-age=\d{8}/
}

tap.test('every answer forbids storing, guessing types and framing, whatever its status', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const logIn = (payload: string, type: string) => {
    const headers = { 'content-type': type }
    return app.inject({ method: 'POST', url: '/api/v1/user/login', payload, headers })
  }
  const answers = [
    await app.inject({ url: '/api/v1/user/me', headers: anna.headers }),
    await app.inject('/api/v1/user/me'),
    await app.inject('/nothing'),
    await app.inject('/health'),
    await logIn('{', 'application/json'),
    await logIn('a', 'text/plain')
  ]
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [200, 401, 404, 200, 400, 415]
  )
  for (const { headers } of answers) {
    t.match(headers, SECURITY_HEADERS)
    t.notOk(headers['x-powered-by'] ?? headers.server)
  }
  for (const request of [
    'nonsense\r\n\r\n',
    'GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`
  ]) {
    const answer = (await raw(origin, request)).toLowerCase()
    t.match(answer, /^http\/1.1 4\d\d /)
    t.match(answer, 'cache-control: no-store')
    t.match(answer, 'x-content-type-options: nosniff')
  }
})

tap.test('the docs page runs only scripts of this server, and none inline', async t => {
  const app = await build(t)
  for (const url of ['/docs/', '/docs/static/index.html', '/docs/realtime']) {
    const page = await app.inject(url)
    const policy = String(page.headers['content-security-policy'])
    t.match(policy, /default-src 'none'/, url)
    t.notMatch(policy, /script-src[^;]*(unsafe|\*|https?:)/, url)
    t.notMatch(page.body, /<script(?![^>]*\bsrc=)|\son[a-z]+=/i, url)
  }
})

tap.test('CORS is off by default', async t => {
  const app = await build(t)
  const answer = await app.inject({ url: '/health', headers: { origin: 'https://web.example.org' } })
  t.notOk(Object.keys(answer.headers).some(name => name.startsWith('access-control')))
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/api/v1/addmsg',
    headers: { origin: 'https://web.example.org', 'access-control-request-method': 'POST' }
  })
  t.equal(preflight.statusCode, 404)
})

tap.test('CORS lets the origins of ALLOWED_ORIGINS in, with credentials, and no other', async t => {
  const app = await build(t, { ALLOWED_ORIGINS: 'https://web.example.org, http://localhost:3000' })
  const preflight = async (origin: string) =>
    await app.inject({
      method: 'OPTIONS',
      url: '/api/v1/addmsg',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type'
      }
    })
  for (const origin of ['https://web.example.org', 'http://localhost:3000']) {
    const answer = await preflight(origin)
    t.equal(answer.statusCode, 204)
    t.match(answer.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': /Authorization/,
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE'
    })
    const refused = await app.inject({ url: '/api/v1/user/me', headers: { origin } })
    t.match(
      refused.headers,
      { 'access-control-allow-origin': origin, vary: /Origin/ },
      'a page may read why it was refused'
    )
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'https://web.example.org.evil.example',
    'http://web.example.org'
  ]) {
    t.equal((await preflight(origin)).headers['access-control-allow-origin'], undefined, origin)
  }
})

tap.test('a body nests up to 32 levels; deeper, and with prototype keys, it is a 400', async t => {
  const app = await build(t)
  const login = async (extra: string) =>
    await app.inject({
      method: 'POST',
      url: '/api/v1/user/login',
      headers: { 'content-type': 'application/json' },
      payload: `{"username":"anna","password":"x","extra":${extra}}`
    })
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  t.equal((await login(nested(31))).statusCode, 401)
  t.equal((await login(nested(33))).statusCode, 400)
  for (const extra of ['{"__proto__":{}}', '{"constructor":{"prototype":{}}}', '{"__pro\\u0074o__":1}']) {
    t.equal((await login(extra)).statusCode, 400, extra)
  }
})

tap.test(
  'while the event loop is over its limit requests get 503 with Retry-After, and probes are answered',
  async t => {
    const app = await build(t, { MAX_LOOP_DELAY_MS: 20 })
    const block = () => {
      const until = Date.now() + 100
      while (Date.now() < until);
    }
    const start = Date.now()
    let answer = await app.inject('/api/v1/avatars?count=1')
    while (answer.statusCode === 200 && Date.now() - start < 20_000) {
      block()
      answer = await app.inject('/api/v1/avatars?count=1')
    }
    t.equal(answer.statusCode, 503)
    t.match(answer.json().message, /^Service Unavailable/)
    t.equal(answer.headers['retry-after'], '2')
    t.equal((await app.inject('/health')).statusCode, 200)
  }
)

tap.test('while memory is over its share requests get 503, and probes are answered', async t => {
  // What this process has already is nearly all that it may have.
  const available = availableMemory()
  const { app } = await listen(t, { MAX_MEMORY_SHARE: (memoryInUse() + 100 * 1024 * 1024) / available })
  t.equal((await app.inject('/api/v1/avatars?count=1')).statusCode, 200)
  const hoard = [Buffer.alloc(150 * 1024 * 1024, 1)]
  let answer = await app.inject('/api/v1/avatars?count=1')
  while (answer.statusCode === 200) {
    await setImmediate()
    answer = await app.inject('/api/v1/avatars?count=1')
  }
  t.equal(answer.statusCode, 503)
  t.match(answer.json().message, /^Service Unavailable: .*memory/)
  t.equal(answer.headers['retry-after'], '2')
  t.equal((await app.inject('/health')).statusCode, 200)
  hoard.length = 0
  while (answer.statusCode === 503) {
    // A collection comes with the next large piece of memory.
    Buffer.alloc(10 * 1024 * 1024)
    await setImmediate()
    answer = await app.inject('/api/v1/avatars?count=1')
  }
  t.equal(answer.statusCode, 200)
})
