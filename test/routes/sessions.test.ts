import { createHash } from 'node:crypto'
import { mongodb } from '@fastify/mongodb'
import { hash } from '@node-rs/argon2'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { build, register, type Person } from '../helper.js'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function login (app: App, username: string, password: string, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'POST', url: '/api/v1/user/login', payload: { username, password }, headers })
}

async function me (app: App, headers: Record<string, string>) {
  return (await app.inject({ url: '/api/v1/user/me', headers })).statusCode
}

/** Logs in once more, from another device. */
async function again (app: App, { username, password }: Person): Promise<{ token: string, headers: { authorization: string }, session: string }> {
  const { token } = (await login(app, username, password, { 'user-agent': 'another device' })).json()
  return { token, headers: { authorization: `Bearer ${token}` }, session: sha256(token) }
}

tap.test("login answers with the original's words, the user and a token of its own each time", async t => {
  const app = await build(t)
  const anna = await register(app, 'Müller')
  const first = await login(app, 'müller', anna.password)
  t.equal(first.statusCode, 200)
  t.match(first.json(), { status: 'success', message: 'Data Retrived', data: { _id: anna.id, username: 'Müller', email: /@/, password: '' }, token: /^[A-Za-z0-9_-]{43}$/ })
  const second = await login(app, 'MÜLLER', anna.password)
  t.not(first.json().token, second.json().token)
  for (const { token } of [first.json(), second.json(), anna]) t.equal(await me(app, { authorization: `Bearer ${token}` }), 200)
})

tap.test('the database keeps only the SHA-256 of a token', async t => {
  const app = await build(t)
  const anna = await register(app)
  const sessions = await collection(app, 'sessions').find({}).toArray()
  t.strictSame(sessions.map(({ _id }) => _id), [sha256(anna.token)])
  t.notOk(JSON.stringify(sessions).includes(anna.token))
})

tap.test('an unknown user and a wrong password get the identical 401', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const [wrong, unknown] = [await login(app, 'anna', 'not the password'), await login(app, 'nobody', anna.password)]
  t.strictSame([wrong.statusCode, unknown.statusCode], [401, 401])
  const bodies = [wrong, unknown].map(response => ({ ...response.json(), stack: '' }))
  t.strictSame(bodies[0], bodies[1])
  t.match(bodies[0].message, /^Unauthorized/)
  const headers = [wrong, unknown].map(({ headers }) => ({ ...headers, date: '', 'content-length': '' }))
  t.strictSame(headers[0], headers[1])
})

tap.test('login only checks for non-empty, bounded strings', async t => {
  const app = await build(t)
  t.equal((await login(app, 'x', 'y')).statusCode, 401, 'short ones are merely wrong')
  for (const [username, password, path] of [['', 'y', 'username'], ['x', '', 'password'], ['x'.repeat(257), 'y', 'username'], ['x', 'y'.repeat(1025), 'password'], ['x\uD800', 'y', 'username']] as const) {
    const response = await login(app, username, password)
    t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, path])
  }
})

tap.test('a password is the same in other code points of the same characters', async t => {
  const app = await build(t)
  await app.inject({ method: 'POST', url: '/api/v1/user/register', payload: { username: 'anna', email: 'a@b.c', password: 'P\u00e4sswort' } })
  t.equal((await login(app, 'anna', 'Pa\u0308sswort')).statusCode, 200)
  t.equal((await login(app, 'anna', 'Passwort')).statusCode, 401)
})

tap.test('logout ends the session at once and takes the cookie back', async t => {
  const app = await build(t)
  const anna = await register(app)
  t.equal(await me(app, anna.headers), 200)
  const response = await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })
  t.strictSame([response.statusCode, response.json().success], [200, 'success'])
  t.match(response.cookies, [{ name: 'session', value: '', maxAge: 0, path: '/' }])
  t.equal(await me(app, anna.headers), 401)
  t.equal(await collection(app, 'sessions').countDocuments({}), 0)
})

tap.test('sessions lists the open ones, the latest used first, with device and times, and never a token', async t => {
  const app = await build(t)
  const anna = await register(app)
  const other = await again(app, anna)
  await register(app)
  const response = await app.inject({ url: '/api/v1/user/sessions', headers: anna.headers })
  t.equal(response.statusCode, 200)
  const { data } = response.json()
  t.strictSame(data.map(({ id, current, userAgent }: Record<string, unknown>) => ({ id, current, userAgent })), [
    { id: other.session, current: false, userAgent: 'another device' },
    { id: sha256(anna.token), current: true, userAgent: 'lightMyRequest' }
  ])
  for (const session of data) {
    t.ok(Date.parse(session.createdAt) <= Date.parse(session.lastSeenAt))
    t.equal(Date.parse(session.expiresAt) - Date.parse(session.createdAt), 30 * 86_400_000)
  }
  t.notOk(response.body.includes(anna.token) || response.body.includes(other.token))
})

tap.test('a session that is ended by its id opens nothing any more, and the others stay open', async t => {
  const app = await build(t)
  const anna = await register(app)
  const other = await again(app, anna)
  t.equal(await me(app, other.headers), 200)
  const response = await app.inject({ method: 'DELETE', url: `/api/v1/user/sessions/${other.session}`, headers: anna.headers })
  t.equal(response.statusCode, 200)
  t.equal(await me(app, other.headers), 401)
  t.equal(await me(app, anna.headers), 200)
})

tap.test("somebody else's session and an unknown one are alike: 404, and nothing ends", async t => {
  const app = await build(t)
  const [anna, bert] = [await register(app), await register(app)]
  for (const id of [sha256(bert.token), sha256('nothing')]) {
    t.equal((await app.inject({ method: 'DELETE', url: `/api/v1/user/sessions/${id}`, headers: anna.headers })).statusCode, 404)
  }
  t.equal(await me(app, bert.headers), 200)
  t.equal((await app.inject({ method: 'DELETE', url: '/api/v1/user/sessions/xyz', headers: anna.headers })).statusCode, 400)
})

tap.test('a change of password needs the old one, ends the other sessions and keeps this one', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const other = await again(app, anna)
  const change = async (oldPassword: unknown, newPassword: unknown) => await app.inject({
    method: 'POST', url: '/api/v1/user/password', headers: anna.headers, payload: { oldPassword, newPassword }
  })
  const wrong = await change('not the password', 'a new password')
  t.strictSame([wrong.statusCode, wrong.json().errorMessages[0].path], [401, 'oldPassword'])
  t.equal(await me(app, other.headers), 200)
  t.strictSame([(await change(anna.password, 'short')).statusCode, (await change(undefined, 'a new password')).statusCode], [400, 400])

  t.equal((await change(anna.password, 'a new password')).statusCode, 200)
  t.equal(await me(app, other.headers), 401)
  t.equal(await me(app, anna.headers), 200)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 401)
  t.equal((await login(app, 'anna', 'a new password')).statusCode, 200)
})

tap.test('a new password follows REFUSE_COMMON_PASSWORDS too', async t => {
  const app = await build(t, { REFUSE_COMMON_PASSWORDS: true })
  const anna = await register(app)
  const response = await app.inject({ method: 'POST', url: '/api/v1/user/password', headers: anna.headers, payload: { oldPassword: anna.password, newPassword: 'password' } })
  t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'newPassword'])
})

tap.test('a login that verified the old password while it was changed gets no session', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const changed = await hash('a new password')
  const users = collection(app, 'users')
  // The change comes to the database between the login's check and its session, and its sessions end before that one is there.
  const create = app.sessions.create.bind(app.sessions)
  app.sessions.create = async (...given) => {
    await users.updateOne({ usernameKey: 'anna' }, { $set: { password: changed } })
    await app.sessions.endOthers(anna.id)
    return await create(...given)
  }
  t.equal((await login(app, 'anna', anna.password)).statusCode, 401)
  t.equal(await collection(app, 'sessions').countDocuments({}), 0)
})

tap.test('a login meets another that renewed the hash of the same password, and both get in', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const renewed = await hash(anna.password)
  const create = app.sessions.create.bind(app.sessions)
  app.sessions.create = async (...given) => {
    await collection(app, 'users').updateOne({ usernameKey: 'anna' }, { $set: { password: renewed } })
    return await create(...given)
  }
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
})

tap.test("a hash with less work than today's is renewed at login, and only there", async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const users = collection(app, 'users')
  const weak = await hash(anna.password, { memoryCost: 8 * 1024, timeCost: 1, parallelism: 1 })
  await users.updateOne({}, { $set: { password: weak } })
  t.equal((await login(app, 'anna', 'not the password')).statusCode, 401)
  t.equal((await users.findOne({}))?.password, weak)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
  t.match((await users.findOne({}))?.password, /\$m=19456,t=2,p=1\$/)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200, 'and it is still the same password')
})

tap.test('an account is deleted with its password: sessions end, name and address are not given out again, nothing personal is left', async t => {
  const app = await build(t)
  const [anna, bert] = [await register(app, 'anna'), await register(app, 'bert')]
  const other = await again(app, anna)
  t.equal(await app.accounts.exists(anna.id), true)
  const remove = async (id: string, password: unknown) => await app.inject({ method: 'DELETE', url: `/api/v1/user/${id}`, headers: anna.headers, payload: { password } })
  t.equal((await remove(bert.id, bert.password)).statusCode, 403, 'only the own one')
  const wrong = await remove(anna.id, 'not the password')
  t.strictSame([wrong.statusCode, wrong.json().errorMessages[0].path], [401, 'password'])
  t.equal((await remove(anna.id, undefined)).statusCode, 400)
  t.equal(await me(app, other.headers), 200)

  const { email } = (await collection(app, 'users').findOne({ usernameKey: 'anna' }))!
  t.equal((await remove(anna.id, anna.password)).statusCode, 200)
  t.strictSame([await me(app, anna.headers), await me(app, other.headers)], [401, 401])
  t.equal((await login(app, 'anna', anna.password)).statusCode, 401)
  t.equal(await app.accounts.exists(anna.id), false)
  const list = (await app.inject({ url: `/api/v1/allusers/${bert.id}`, headers: bert.headers })).json()
  t.strictSame(list.data, [])

  const again409 = async (payload: object) => (await app.inject({ method: 'POST', url: '/api/v1/user/register', payload: { username: 'other', email: 'other@example.org', password: '12345678', ...payload } })).statusCode
  t.strictSame([await again409({ username: 'Anna' }), await again409({ email })], [409, 409])
  const left = await collection(app, 'users').findOne({ _id: new mongodb.ObjectId(anna.id) })
  const hash = /^deleted:[A-Za-z0-9_-]{43}$/
  for (const key of ['usernameKey', 'emailKey', 'skeleton'] as const) t.match(left![key], hash, key)
  t.strictSame({ ...left, _id: '', deletedAt: '', createdAt: '', usernameKey: '', emailKey: '', skeleton: '' }, {
    _id: '', username: '', usernameKey: '', email: '', emailKey: '', skeleton: '', password: '', avatarImage: '', isAvatarImageSet: false, createdAt: '', deletedAt: ''
  })
})

tap.test('a deleted account stays deleted for a login that was under way', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const create = app.sessions.create.bind(app.sessions)
  app.sessions.create = async (...given) => {
    const response = await app.inject({ method: 'DELETE', url: `/api/v1/user/${anna.id}`, headers: anna.headers, payload: { password: anna.password } })
    t.equal(response.statusCode, 200)
    return await create(...given)
  }
  t.equal((await login(app, 'anna', anna.password)).statusCode, 401)
  t.equal(await collection(app, 'sessions').countDocuments({}), 0)
})

tap.test('a browser that logs in again with its cookie leaves no session behind; one of another user stays', async t => {
  const app = await build(t)
  const [anna, bert] = [await register(app), await register(app)]
  const response = await login(app, anna.username, anna.password, { cookie: `session=${anna.token}` })
  t.equal(await me(app, anna.headers), 401)
  t.equal(await me(app, { authorization: `Bearer ${response.json().token}` }), 200)
  await login(app, anna.username, anna.password, { cookie: `session=${bert.token}` })
  t.equal(await me(app, bert.headers), 200)
})

tap.test('of more than 100 sessions of one user the oldest end', async t => {
  const app = await build(t)
  const anna = await register(app)
  const sessions = collection(app, 'sessions')
  const own = (await sessions.findOne({}))!
  // 99 younger ones: the next login makes one too many.
  await sessions.insertMany(Array.from({ length: 99 }, (_, index) => ({ ...own, _id: sha256(String(index)), createdAt: new Date(+own.createdAt + 1) })))
  t.equal(await me(app, anna.headers), 200)
  const other = await again(app, anna)
  t.strictSame([await me(app, anna.headers), await me(app, other.headers)], [401, 200])
  t.equal(await sessions.countDocuments({}), 100)
})
