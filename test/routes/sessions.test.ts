import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, register, registerOverHttp } from '../helper.js'
import { logIn, again, sha256, statusOfMe } from '../sessions.js'

tap.test("login answers with the original's words, the user and a token of its own each time", async t => {
  const app = await build(t)
  const anna = await register(app, 'Müller')
  const first = await logIn(app, { username: 'müller', password: anna.password })
  t.equal(first.statusCode, 200)
  t.match(first.json(), {
    status: 'success',
    message: 'Data Retrived',
    data: { _id: anna.id, username: 'Müller', email: /@/, password: '' },
    token: /^[A-Za-z0-9_-]{43}$/
  })
  const second = await logIn(app, { username: 'MÜLLER', password: anna.password })
  t.not(first.json().token, second.json().token)
  for (const { token } of [first.json(), second.json(), anna]) {
    t.equal(await statusOfMe(app, { authorization: `Bearer ${token}` }), 200)
  }
})

tap.test('the database keeps only the SHA-256 of a token', async t => {
  const app = await build(t)
  const anna = await register(app)
  const sessions = await collection(app, 'sessions').find({}).toArray()
  t.strictSame(
    sessions.map(({ _id }) => _id),
    [sha256(anna.token)]
  )
  t.notOk(JSON.stringify(sessions).includes(anna.token))
})

tap.test('an unknown user and a wrong password get the identical 401', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const [wrong, unknown] = [
    await logIn(app, { username: 'anna', password: 'not the password' }),
    await logIn(app, { username: 'nobody', password: anna.password })
  ]
  t.strictSame([wrong.statusCode, unknown.statusCode], [401, 401])
  const bodies = [wrong, unknown].map(response => ({ ...response.json(), stack: '' }))
  t.strictSame(bodies[0], bodies[1])
  t.match(bodies[0].message, /^Unauthorized/)
  const headers = [wrong, unknown].map(({ headers }) => ({ ...headers, date: '', 'content-length': '' }))
  t.strictSame(headers[0], headers[1])
})

tap.test('login only checks for non-empty, bounded strings', async t => {
  const app = await build(t)
  t.equal((await logIn(app, { username: 'x', password: 'y' })).statusCode, 401, 'short ones are merely wrong')
  for (const [username, password, path] of [
    ['', 'y', 'username'],
    ['x', '', 'password'],
    ['x'.repeat(257), 'y', 'username'],
    ['x', 'y'.repeat(1025), 'password'],
    ['x\uD800', 'y', 'username']
  ] as const) {
    const response = await logIn(app, { username, password })
    t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, path])
  }
})

tap.test('a password is the same in other code points of the same characters', async t => {
  const app = await build(t)
  await app.inject({
    method: 'POST',
    url: '/api/v1/user/register',
    payload: { username: 'anna', email: 'a@b.c', password: 'P\u00e4sswort' }
  })
  t.equal((await logIn(app, { username: 'anna', password: 'Pa\u0308sswort' })).statusCode, 200)
  t.equal((await logIn(app, { username: 'anna', password: 'Passwort' })).statusCode, 401)
})

tap.test('logout ends the session at once and takes the cookie back', async t => {
  const app = await build(t)
  const anna = await register(app)
  t.equal(await statusOfMe(app, anna.headers), 200)
  const response = await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })
  t.strictSame([response.statusCode, response.json().success], [200, 'success'])
  t.match(response.cookies, [{ name: 'session', value: '', maxAge: 0, path: '/' }])
  t.equal(await statusOfMe(app, anna.headers), 401)
  t.equal(await collection(app, 'sessions').countDocuments({}), 0)
})

tap.test(
  'sessions lists the open ones, the latest used first, with device and times, and never a token',
  async t => {
    const app = await build(t)
    const anna = await registerOverHttp(app, 'anna')
    const other = await again(app, anna)
    await register(app)
    const response = await app.inject({ url: '/api/v1/user/sessions', headers: anna.headers })
    t.equal(response.statusCode, 200)
    const { data } = response.json()
    t.strictSame(
      data.map(({ id, current, userAgent }: Record<string, unknown>) => ({ id, current, userAgent })),
      [
        { id: other.session, current: false, userAgent: 'another device' },
        { id: sha256(anna.token), current: true, userAgent: 'lightMyRequest' }
      ]
    )
    for (const session of data) {
      t.ok(Date.parse(session.createdAt) <= Date.parse(session.lastSeenAt))
      t.equal(Date.parse(session.expiresAt) - Date.parse(session.createdAt), 30 * 86_400_000)
    }
    t.notOk(response.body.includes(anna.token) || response.body.includes(other.token))
  }
)

tap.test('a session that is ended by its id opens nothing any more, and the others stay open', async t => {
  const app = await build(t)
  const anna = await register(app)
  const other = await again(app, anna)
  t.equal(await statusOfMe(app, other.headers), 200)
  const response = await app.inject({
    method: 'DELETE',
    url: `/api/v1/user/sessions/${other.session}`,
    headers: anna.headers
  })
  t.equal(response.statusCode, 200)
  t.equal(await statusOfMe(app, other.headers), 401)
  t.equal(await statusOfMe(app, anna.headers), 200)
})

tap.test("somebody else's session and an unknown one are alike: 404, and nothing ends", async t => {
  const app = await build(t)
  const [anna, bert] = [await register(app), await register(app)]
  for (const id of [sha256(bert.token), sha256('nothing')]) {
    t.equal(
      (await app.inject({ method: 'DELETE', url: `/api/v1/user/sessions/${id}`, headers: anna.headers }))
        .statusCode,
      404
    )
  }
  t.equal(await statusOfMe(app, bert.headers), 200)
  t.equal(
    (await app.inject({ method: 'DELETE', url: '/api/v1/user/sessions/xyz', headers: anna.headers }))
      .statusCode,
    400
  )
})

tap.test(
  'a browser that logs in again with its cookie leaves no session behind; one of another user stays',
  async t => {
    const app = await build(t)
    const [anna, bert] = [await register(app), await register(app)]
    const response = await logIn(
      app,
      { username: anna.username, password: anna.password },
      { cookie: `session=${anna.token}` }
    )
    t.equal(await statusOfMe(app, anna.headers), 401)
    t.equal(await statusOfMe(app, { authorization: `Bearer ${response.json().token}` }), 200)
    await logIn(
      app,
      { username: anna.username, password: anna.password },
      { cookie: `session=${bert.token}` }
    )
    t.equal(await statusOfMe(app, bert.headers), 200)
  }
)

tap.test('of more than 100 sessions of one user the oldest end', async t => {
  const app = await build(t)
  const anna = await register(app)
  const sessions = collection(app, 'sessions')
  const own = (await sessions.findOne({}))!
  // 99 younger ones: the next login makes one too many.
  await sessions.insertMany(
    Array.from({ length: 99 }, (_, index) => ({
      ...own,
      _id: sha256(String(index)),
      createdAt: new Date(+own.createdAt + 1)
    }))
  )
  t.equal(await statusOfMe(app, anna.headers), 200)
  const other = await again(app, anna)
  t.strictSame([await statusOfMe(app, anna.headers), await statusOfMe(app, other.headers)], [401, 200])
  t.equal(await sessions.countDocuments({}), 100)
})
