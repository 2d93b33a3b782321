import { mongodb } from '@fastify/mongodb'
import { hash } from '@node-rs/argon2'
import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, register } from '../helper.js'
import { logIn, again, statusOfMe } from '../sessions.js'

tap.test('a change of password needs the old one, ends the other sessions and keeps this one', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const other = await again(app, anna)
  const change = async (oldPassword: unknown, newPassword: unknown) =>
    await app.inject({
      method: 'POST',
      url: '/api/v1/user/password',
      headers: anna.headers,
      payload: { oldPassword, newPassword }
    })
  const wrong = await change('not the password', 'a new password')
  t.strictSame([wrong.statusCode, wrong.json().errorMessages[0].path], [401, 'oldPassword'])
  t.equal(await statusOfMe(app, other.headers), 200)
  t.strictSame(
    [
      (await change(anna.password, 'short')).statusCode,
      (await change(undefined, 'a new password')).statusCode
    ],
    [400, 400]
  )

  t.equal((await change(anna.password, 'a new password')).statusCode, 200)
  t.equal(await statusOfMe(app, other.headers), 401)
  t.equal(await statusOfMe(app, anna.headers), 200)
  t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 401)
  t.equal((await logIn(app, { username: 'anna', password: 'a new password' })).statusCode, 200)
})

tap.test('a new password follows REFUSE_COMMON_PASSWORDS too', async t => {
  const app = await build(t, { REFUSE_COMMON_PASSWORDS: true })
  const anna = await register(app)
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/user/password',
    headers: anna.headers,
    payload: { oldPassword: anna.password, newPassword: 'password' }
  })
  t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'newPassword'])
})

tap.test('a login that verified the old password while it was changed gets no session', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const changed = await hash('a new password')
  const users = collection(app, 'users')
  // The change comes to the database between the login's check and its session, and its sessions
  // end before that one is there.
  const create = app.sessions.create.bind(app.sessions)
  app.sessions.create = async (...given) => {
    await users.updateOne({ usernameKey: 'anna' }, { $set: { password: changed } })
    await app.sessions.endOthers(anna.id)
    return await create(...given)
  }
  t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 401)
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
  t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 200)
})

tap.test("a hash with less work than today's is renewed at login, and only there", async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const users = collection(app, 'users')
  const weak = await hash(anna.password, { memoryCost: 8 * 1024, timeCost: 1, parallelism: 1 })
  await users.updateOne({}, { $set: { password: weak } })
  t.equal((await logIn(app, { username: 'anna', password: 'not the password' })).statusCode, 401)
  t.equal((await users.findOne({}))?.password, weak)
  t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 200)
  t.match((await users.findOne({}))?.password, /\$m=19456,t=2,p=1\$/)
  t.equal(
    (await logIn(app, { username: 'anna', password: anna.password })).statusCode,
    200,
    'and it is still the same password'
  )
})

tap.test(
  'deleting an account ends its sessions, keeps its name and address taken, and leaves nothing personal',
  async t => {
    const app = await build(t)
    const [anna, bert] = [await register(app, 'anna'), await register(app, 'bert')]
    const other = await again(app, anna)
    t.equal(await app.accounts.exists(anna.id), true)
    const asAnna = { method: 'DELETE', headers: anna.headers } as const
    const remove = async (id: string, password: unknown) =>
      await app.inject({ ...asAnna, url: `/api/v1/user/${id}`, payload: { password } })
    t.equal((await remove(bert.id, bert.password)).statusCode, 403, 'only the own one')
    const wrong = await remove(anna.id, 'not the password')
    t.strictSame([wrong.statusCode, wrong.json().errorMessages[0].path], [401, 'password'])
    t.equal((await remove(anna.id, undefined)).statusCode, 400)
    t.equal(await statusOfMe(app, other.headers), 200)

    const { email } = (await collection(app, 'users').findOne({ usernameKey: 'anna' }))!
    t.equal((await remove(anna.id, anna.password)).statusCode, 200)
    t.strictSame([await statusOfMe(app, anna.headers), await statusOfMe(app, other.headers)], [401, 401])
    t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 401)
    t.equal(await app.accounts.exists(anna.id), false)
    const list = (await app.inject({ url: `/api/v1/allusers/${bert.id}`, headers: bert.headers })).json()
    t.strictSame(list.data, [])

    const again409 = async (changes: object) => {
      const payload = { username: 'other', email: 'other@example.org', password: '12345678', ...changes }
      return (await app.inject({ method: 'POST', url: '/api/v1/user/register', payload })).statusCode
    }
    t.strictSame([await again409({ username: 'Anna' }), await again409({ email })], [409, 409])
    const left = await collection(app, 'users').findOne({ _id: new mongodb.ObjectId(anna.id) })
    const hash = /^deleted:[A-Za-z0-9_-]{43}$/
    for (const key of ['usernameKey', 'emailKey', 'skeleton'] as const) t.match(left![key], hash, key)
    const { _id, deletedAt, createdAt, usernameKey, emailKey, skeleton, ...rest } = left!
    const blank = { username: '', email: '', password: '', avatarImage: '', isAvatarImageSet: false }
    t.strictSame(rest, blank)
  }
)

tap.test('a deleted account stays deleted for a login that was under way', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const create = app.sessions.create.bind(app.sessions)
  app.sessions.create = async (...given) => {
    const response = await app.inject({
      method: 'DELETE',
      url: `/api/v1/user/${anna.id}`,
      headers: anna.headers,
      payload: { password: anna.password }
    })
    t.equal(response.statusCode, 200)
    return await create(...given)
  }
  t.equal((await logIn(app, { username: 'anna', password: anna.password })).statusCode, 401)
  t.equal(await collection(app, 'sessions').countDocuments({}), 0)
})
