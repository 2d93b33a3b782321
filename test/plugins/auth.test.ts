import { createHash, randomBytes } from 'node:crypto'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { collection, type SessionDocument } from '../../src/database/documents.js'
import { Sessions, type EndedSession } from '../../src/accounts/sessions.js'
import { build, databaseUrl, register, type Person } from '../helper.js'

const DAY_MS = 86_400_000
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function me (app: App, headers: Record<string, string>) {
  return await app.inject({ url: '/api/v1/user/me', headers })
}

async function logIn (app: App, { username, password }: Person, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'POST', url: '/api/v1/user/login', payload: { username, password }, headers })
}

/** Changes a stored session by days. */
async function age (app: App, token: string, changes: Partial<Record<'createdAt' | 'lastSeenAt' | 'expiresAt', number>>) {
  const set = Object.fromEntries(Object.entries(changes).map(([name, days]) => [name, new Date(Date.now() + days * DAY_MS)]))
  await collection(app, 'sessions').updateOne({ _id: sha256(token) }, { $set: set })
}

tap.test('a session is shown by Bearer or by cookie; without one every route but the public ones is 401 and says how to get one', async t => {
  const app = await build(t)
  const anna = await register(app)
  t.equal((await me(app, anna.headers)).statusCode, 200)
  t.equal((await me(app, { authorization: `bearer ${anna.token}` })).statusCode, 200, 'the scheme knows no letter case')
  t.equal((await me(app, { cookie: `theme=dark; session=${anna.token}` })).statusCode, 200)
  const refused = await me(app, {})
  t.equal(refused.statusCode, 401)
  t.match(refused.json().message, /^Unauthorized: .*login.*Bearer.*cookie/)
  t.equal(refused.headers['www-authenticate'], 'Bearer')
  for (const [method, url] of [['POST', 'setAvatar/x'], ['GET', 'allusers/x'], ['POST', 'addmsg'], ['GET', 'getallmessages'], ['GET', 'user/me'], ['POST', 'user/logout'], ['GET', 'user/sessions'], ['DELETE', 'user/sessions/x'], ['POST', 'user/password'], ['DELETE', 'user/x'], ['GET', 'conversations'], ['POST', 'conversations/x/read']] as const) {
    t.equal((await app.inject({ method, url: `/api/v1/${url}` })).statusCode, 401, `${method} ${url}`)
  }
})

tap.test('no route is public by accident', async t => {
  const app = await build(t)
  const answers = await Promise.all(['/health', '/ready', '/docs/json', '/api/v1/avatars'].map(async url => (await app.inject(url)).statusCode))
  t.strictSame(answers, [200, 200, 200, 200])
  const { paths } = (await app.inject('/docs/json')).json()
  const open: string[] = []
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    for (const method of Object.keys(methods)) {
      const url = path.replaceAll(/\{\w+\}/g, 'x')
      const response = await app.inject({ method: method.toUpperCase() as 'GET', url, ...(method === 'get' ? {} : { payload: {} }) })
      if (response.statusCode !== 401) open.push(`${method} ${path}`)
    }
  }
  t.strictSame(open.filter(path => path !== 'get /metrics').sort(), ['get /api/v1/avatars', 'get /health', 'get /ready', 'post /api/v1/user/login', 'post /api/v1/user/register'])
})

tap.test('a bad Bearer never falls back to a good cookie; another scheme is not ours', async t => {
  const app = await build(t)
  const { token } = await register(app)
  const cookie = `session=${token}`
  for (const authorization of ['Bearer', 'Bearer ', 'Bearer x', `Bearer ${token}x`, `Bearer ${token} ${token}`, `Bearer  ${token}`, `Bearer ${'A'.repeat(43)}`]) {
    t.equal((await me(app, { authorization, cookie })).statusCode, 401, JSON.stringify(authorization))
  }
  t.equal((await me(app, { authorization: 'Basic dTpw', cookie })).statusCode, 200)
})

tap.test('the cookie is HttpOnly, SameSite=Strict, for 30 days; behind TLS it is Secure and bound to this host', async t => {
  const app = await build(t, { TRUST_PROXY: 'true' })
  const anna = await register(app)
  const plain = await logIn(app, anna)
  t.same(plain.cookies, [{ name: 'session', value: plain.json().token, maxAge: 30 * 86_400, path: '/', httpOnly: true, sameSite: 'Strict' }])
  const tls = await logIn(app, anna, { 'x-forwarded-proto': 'https' })
  const { token } = tls.json()
  t.same(tls.cookies, [{ name: '__Host-session', value: token, maxAge: 30 * 86_400, path: '/', httpOnly: true, secure: true, sameSite: 'Strict' }])
  const over = async (name: string, protocol: string) => (await me(app, { cookie: `${name}=${token}`, 'x-forwarded-proto': protocol })).statusCode
  t.strictSame([await over('__Host-session', 'https'), await over('session', 'https')], [200, 401], 'a neighbouring host cannot plant one')
})

tap.test('with the cookie, what changes something refuses a foreign Origin and Sec-Fetch-Site; what only reads does not', async t => {
  const app = await build(t, { ALLOWED_ORIGINS: 'https://web.example.org' })
  const { token, id } = await register(app)
  const addmsg = async (headers: Record<string, string>) => (await app.inject({
    method: 'POST', url: '/api/v1/addmsg', headers: { host: 'chat.example.org:5009', ...headers }, payload: { message: 'hi', sender: id, reciver: id }
  })).statusCode
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
  for (const [headers, status] of cases) t.equal(await addmsg({ cookie, ...headers }), status, JSON.stringify(headers))
  t.equal(await addmsg({ authorization: `Bearer ${token}`, origin: 'https://evil.example' }), 201, 'a token is sent by no browser on its own')
  t.equal((await me(app, { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).statusCode, 200)
})

tap.test("an Origin without a port is that of its scheme's own", async t => {
  const app = await build(t)
  const { token } = await register(app)
  const logout = async (host: string, origin: string) => (await app.inject({ method: 'POST', url: '/api/v1/conversations/x/read', headers: { host, origin, cookie: `session=${token}` }, payload: {} })).statusCode
  t.equal(await logout('chat.example.org:443', 'https://chat.example.org'), 400, 'refused only for its parameter')
  t.equal(await logout('chat.example.org', 'https://chat.example.org'), 400)
  t.equal(await logout('chat.example.org:80', 'https://chat.example.org'), 403)
})

tap.test('a session ends after SESSION_DAYS however much it is used, and unused after half of that', async t => {
  const app = await build(t, { SESSION_DAYS: 30 })
  const changes = [
    [{ createdAt: -29.9, expiresAt: 0.1 }, 200], [{ createdAt: -30, expiresAt: 0 }, 401],
    [{ lastSeenAt: -14.9 }, 200], [{ lastSeenAt: -15 }, 401]
  ] as const
  for (const [change, status] of changes) {
    const anna = await register(app)
    await age(app, anna.token, change)
    t.equal((await me(app, anna.headers)).statusCode, status, JSON.stringify(change))
    t.strictSame(await app.sessions.openAmong([sha256(anna.token)]), new Set(status === 200 ? [sha256(anna.token)] : []))
    t.equal((await app.sessions.list(anna.id)).length, status === 200 ? 1 : 0)
  }
})

tap.test('a session that expires while it is remembered ends then', async t => {
  const app = await build(t)
  const anna = await register(app)
  await age(app, anna.token, { expiresAt: 300 / DAY_MS })
  t.equal((await me(app, anna.headers)).statusCode, 200)
  const start = Date.now()
  while ((await me(app, anna.headers)).statusCode === 200) t.ok(Date.now() - start < 700, 'before it would be forgotten')
})

tap.test('a session that another process ended is believed for a second at most', async t => {
  const MONGODB_URL = await databaseUrl()
  const [here, there] = [await build(t, { MONGODB_URL }), await build(t, { MONGODB_URL })]
  t.teardown(async () => await here.mongo.db!.dropDatabase())
  const anna = await register(here)
  t.equal((await me(there, anna.headers)).statusCode, 200)
  t.equal((await here.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })).statusCode, 200)
  t.equal((await me(here, anna.headers)).statusCode, 401, 'in the process itself it ends at once')
  const start = performance.now()
  // When a request begins counts: its answer may come late on a busy machine.
  let begun = start
  while ((await me(there, anna.headers)).statusCode === 200) {
    t.ok(begun - start < 1_000)
    begun = performance.now()
  }
})

tap.test('a look-up that was under way while the session ended opens nothing, and is not remembered', async t => {
  const app = await build(t)
  const anna = await register(app)
  const documents = collection(app, 'sessions')
  const slow: typeof documents = Object.create(documents, {
    findOne: {
      value: async (filter: object) => {
        const found = await documents.findOne(filter)
        if (!('user' in filter)) await sessions.end(anna.id, sha256(anna.token))
        return found
      }
    }
  })
  const sessions = new Sessions(slow, 30, () => {})
  t.equal(await sessions.find(anna.token), undefined)
  t.equal(sessions.known(anna.token), undefined)
})

tap.test('a token that is open is looked up once a second at most; its last use is written once a minute at most', async t => {
  const app = await build(t)
  const anna = await register(app)
  const documents = collection(app, 'sessions')
  const calls: string[] = []
  const counted: typeof documents = Object.create(documents, Object.fromEntries((['findOne', 'updateOne'] as const).map(name => [name, {
    value: async (...given: unknown[]) => { calls.push(name); return await (documents[name] as (...given: unknown[]) => unknown)(...given) }
  }])))
  const sessions = new Sessions(counted, 30, () => {})
  await age(app, anna.token, { lastSeenAt: -61 / 86_400 })
  t.match(await sessions.find(anna.token), { user: anna.id })
  for (let i = 0; i < 20; i++) t.match(sessions.known(anna.token), { user: anna.id })
  t.strictSame(calls, ['findOne', 'updateOne'])
  const seen = async (): Promise<SessionDocument> => (await documents.findOne({ _id: sha256(anna.token) }))!
  while (Date.now() - +(await seen()).lastSeenAt > 30_000);
  t.match(await sessions.find(anna.token), { user: anna.id })
  t.strictSame(calls, ['findOne', 'updateOne', 'findOne'])
})

tap.test('whoever listens is told at once which session ended', async t => {
  const app = await build(t)
  const anna = await register(app)
  const { token } = (await logIn(app, anna)).json()
  const ended: EndedSession[] = []
  app.sessions.onEnd(session => ended.push(session))
  await app.inject({ method: 'POST', url: '/api/v1/user/password', headers: anna.headers, payload: { oldPassword: anna.password, newPassword: 'a new password' } })
  t.strictSame(ended, [{ user: anna.id, session: sha256(token) }])
  await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })
  t.strictSame(ended[1], { user: anna.id, session: sha256(anna.token) })
})

tap.test('expired sessions are deleted at the start', async t => {
  const MONGODB_URL = await databaseUrl()
  const before = await build(t, { MONGODB_URL })
  t.teardown(async () => await before.mongo.db!.dropDatabase())
  const [anna, bert] = [await register(before), await register(before)]
  await age(before, anna.token, { expiresAt: -1 })
  await build(t, { MONGODB_URL })
  t.strictSame((await collection(before, 'sessions').find({}).toArray()).map(({ _id }) => _id), [sha256(bert.token)])
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
  const tokens = await Promise.all(Array.from({ length: 50 }, async () => await app.sessions.create(user, '')))
  t.equal(new Set(tokens).size, 50)
  for (const token of tokens) t.equal(Buffer.from(token, 'base64url').length, 32)
})
