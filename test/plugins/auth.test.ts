import { randomBytes } from 'node:crypto'
import tap from 'tap'
import { build, register } from '../helper.js'
import { me, logIn } from '../sessions.js'

tap.test(
  'every route but the public ones needs a session, by Bearer or cookie, and its 401 says how to get one',
  async t => {
    const app = await build(t)
    const anna = await register(app)
    t.equal((await me(app, anna.headers)).statusCode, 200)
    t.equal(
      (await me(app, { authorization: `bearer ${anna.token}` })).statusCode,
      200,
      'the scheme knows no letter case'
    )
    t.equal((await me(app, { cookie: `theme=dark; session=${anna.token}` })).statusCode, 200)
    const refused = await me(app, {})
    t.equal(refused.statusCode, 401)
    t.match(refused.json().message, /^Unauthorized: .*login.*Bearer.*cookie/)
    t.equal(refused.headers['www-authenticate'], 'Bearer')
    for (const [method, url] of [
      ['POST', 'setAvatar/x'],
      ['GET', 'allusers/x'],
      ['POST', 'addmsg'],
      ['GET', 'getallmessages'],
      ['GET', 'user/me'],
      ['POST', 'user/logout'],
      ['GET', 'user/sessions'],
      ['DELETE', 'user/sessions/x'],
      ['POST', 'user/password'],
      ['DELETE', 'user/x'],
      ['GET', 'conversations'],
      ['POST', 'conversations/x/read']
    ] as const) {
      t.equal((await app.inject({ method, url: `/api/v1/${url}` })).statusCode, 401, `${method} ${url}`)
    }
  }
)

tap.test('no route is public by accident', async t => {
  const app = await build(t)
  const answers = await Promise.all(
    ['/health', '/ready', '/docs/json', '/api/v1/avatars'].map(
      async url => (await app.inject(url)).statusCode
    )
  )
  t.strictSame(answers, [200, 200, 200, 200])
  const { paths } = (await app.inject('/docs/json')).json()
  const open: string[] = []
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    for (const method of Object.keys(methods)) {
      const url = path.replaceAll(/\{\w+\}/g, 'x')
      const response = await app.inject({
        method: method.toUpperCase() as 'GET',
        url,
        ...(method === 'get' ? {} : { payload: {} })
      })
      if (response.statusCode !== 401) open.push(`${method} ${path}`)
    }
  }
  t.strictSame(open.filter(path => path !== 'get /metrics').sort(), [
    'get /api/v1/avatars',
    'get /health',
    'get /ready',
    'post /api/v1/user/login',
    'post /api/v1/user/register'
  ])
})

tap.test('a bad Bearer never falls back to a good cookie; other schemes are ignored', async t => {
  const app = await build(t)
  const { token } = await register(app)
  const cookie = `session=${token}`
  for (const authorization of [
    'Bearer',
    'Bearer ',
    'Bearer x',
    `Bearer ${token}x`,
    `Bearer ${token} ${token}`,
    `Bearer  ${token}`,
    `Bearer ${'A'.repeat(43)}`
  ]) {
    t.equal((await me(app, { authorization, cookie })).statusCode, 401, JSON.stringify(authorization))
  }
  t.equal((await me(app, { authorization: 'Basic dTpw', cookie })).statusCode, 200)
})

tap.test(
  'the cookie is HttpOnly, SameSite=Strict, for 30 days; behind TLS it is Secure and bound to this host',
  async t => {
    const app = await build(t, { TRUST_PROXY: 'true' })
    const anna = await register(app)
    const plain = await logIn(app, anna)
    t.same(plain.cookies, [
      {
        name: 'session',
        value: plain.json().token,
        maxAge: 30 * 86_400,
        path: '/',
        httpOnly: true,
        sameSite: 'Strict'
      }
    ])
    const tls = await logIn(app, anna, { 'x-forwarded-proto': 'https' })
    const { token } = tls.json()
    t.same(tls.cookies, [
      {
        name: '__Host-session',
        value: token,
        maxAge: 30 * 86_400,
        path: '/',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict'
      }
    ])
    const over = async (name: string, protocol: string) =>
      (await me(app, { cookie: `${name}=${token}`, 'x-forwarded-proto': protocol })).statusCode
    t.strictSame(
      [await over('__Host-session', 'https'), await over('session', 'https')],
      [200, 401],
      'a neighbouring host cannot plant one'
    )
  }
)

tap.test(
  'with a cookie, writes from a foreign Origin or Sec-Fetch-Site are refused, and reads are not',
  async t => {
    const app = await build(t, { ALLOWED_ORIGINS: 'https://web.example.org' })
    const { token, id } = await register(app)
    const addmsg = async (given: Record<string, string>) => {
      const headers = { host: 'chat.example.org:5009', ...given }
      const payload = { message: 'hi', sender: id, reciver: id }
      const answer = await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers, payload })
      return answer.statusCode
    }
    const cookie = `session=${token}`
    t.equal(await addmsg({ cookie }), 201, 'no browser: Postman')
    const cases: [Record<string, string>, number][] = [
      [{ origin: 'http://chat.example.org:5009' }, 201],
      [{ origin: 'http://chat.example.org:5009', 'sec-fetch-site': 'same-origin' }, 201],
      [{ 'sec-fetch-site': 'none' }, 201],
      [{ origin: 'https://web.example.org', 'sec-fetch-site': 'same-site' }, 201],
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
      [{ origin: '' }, 403],
      [{ origin: 'http://chat.example.org' }, 403],
      [{ origin: 'http://chat.example.org:5009.evil.example' }, 403],
      [{ origin: 'http://web.example.org' }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403]
    ]
    for (const [headers, status] of cases) {
      t.equal(await addmsg({ cookie, ...headers }), status, JSON.stringify(headers))
    }
    t.equal(
      await addmsg({ authorization: `Bearer ${token}`, origin: 'https://evil.example' }),
      201,
      'a token is sent by no browser on its own'
    )
    t.equal(
      (await me(app, { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).statusCode,
      200
    )
  }
)

tap.test("an Origin without a port is that of its scheme's own", async t => {
  const app = await build(t)
  const { token } = await register(app)
  const logout = async (host: string, origin: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/api/v1/conversations/x/read',
        headers: { host, origin, cookie: `session=${token}` },
        payload: {}
      })
    ).statusCode
  t.equal(
    await logout('chat.example.org:443', 'https://chat.example.org'),
    400,
    'refused only for its parameter'
  )
  t.equal(await logout('chat.example.org', 'https://chat.example.org'), 400)
  t.equal(await logout('chat.example.org:80', 'https://chat.example.org'), 403)
})

tap.test('the device of a session is cut at 256 characters', async t => {
  const app = await build(t)
  const anna = await register(app)
  await logIn(app, anna, { 'user-agent': 'x'.repeat(5_000) })
  t.ok((await app.sessions.list(anna.id)).some(({ userAgent }) => userAgent === 'x'.repeat(256)))
})

tap.test('tokens are 256 random bits: no two are alike', async t => {
  const app = await build(t)
  const user = randomBytes(12).toString('hex')
  const tokens = await Promise.all(
    Array.from({ length: 50 }, async () => await app.sessions.create(user, ''))
  )
  t.equal(new Set(tokens).size, 50)
  for (const token of tokens) t.equal(Buffer.from(token, 'base64url').length, 32)
})
