import { randomBytes } from 'node:crypto'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { build, register, type Person } from '../helper.js'

const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>').toString('base64')
const SCRIPT = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>').toString('base64')

async function post (app: App, url: string, payload: object, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'POST', url: `/api/v1/${url}`, payload, headers })
}

async function allusers (app: App, person: Person, query = '') {
  return await app.inject({ url: `/api/v1/allusers/${person.id}${query}`, headers: person.headers })
}

const body = (changes: object = {}) =>
  ({ username: `user${randomBytes(5).toString('hex')}`, email: `${randomBytes(8).toString('hex')}@example.org`, password: '12345678', ...changes })

tap.test("register answers the original's sample with 201, its words, the user and a token", async t => {
  const app = await build(t)
  const response = await post(app, 'user/register', { username: 'Müller', email: 'Mueller@example.org', password: '12345678', avatarImage: '', isAvatarImageSet: false })
  t.equal(response.statusCode, 201)
  const { status, message, data, token } = response.json()
  t.equal(status, 'success')
  t.equal(message, 'Data Inserted')
  t.match(data._id, /^[0-9a-f]{24}$/)
  t.strictSame(data, { _id: data._id, username: 'Müller', email: 'Mueller@example.org', password: '', avatarImage: '', isAvatarImageSet: false })
  t.match(token, /^[A-Za-z0-9_-]{43}$/, 'the token has 256 bits in base64url')
})

tap.test('what register stores is an argon2id hash with 19 MiB, 2 passes, 1 lane', async t => {
  const app = await build(t)
  const { id } = await register(app)
  const user = await collection(app, 'users').findOne({})
  t.equal(user?._id.toHexString(), id)
  t.match(user?.password, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

tap.test('isAvatarImageSet is computed, whatever the client says', async t => {
  const app = await build(t)
  const without = await post(app, 'user/register', body({ isAvatarImageSet: true }))
  t.strictSame([without.statusCode, without.json().data.isAvatarImageSet], [201, false])
  const withOne = await post(app, 'user/register', body({ isAvatarImageSet: false, avatarImage: SVG }))
  t.strictSame([withOne.statusCode, withOne.json().data.isAvatarImageSet], [201, true])
})

tap.test('a username or e-mail that is taken is a 409 in the words of E11000, naming the field and the value given', async t => {
  const app = await build(t)
  await post(app, 'user/register', body({ username: 'Müller', email: 'mueller@example.org' }))
  const name = await post(app, 'user/register', body({ username: 'MÜLLER' }))
  t.equal(name.statusCode, 409)
  t.equal(name.json().message, 'E11000 duplicate key error collection: users index: username_1 dup key: { username: "MÜLLER" }')
  t.equal(name.json().errorMessages[0].path, 'username')
  const decomposed = await post(app, 'user/register', body({ username: 'Mu\u0308ller' }))
  t.equal(decomposed.statusCode, 409, 'also when it is only written in other code points')
  const email = await post(app, 'user/register', body({ email: 'MUELLER@example.org' }))
  t.equal(email.statusCode, 409)
  t.equal(email.json().message, 'E11000 duplicate key error collection: users index: email_1 dup key: { email: "MUELLER@example.org" }')
  t.equal(email.json().errorMessages[0].path, 'email')
})

tap.test('of eight registrations of one name at once, one succeeds and seven get 409', async t => {
  const app = await build(t)
  const responses = await Promise.all(Array.from({ length: 8 }, async () => await post(app, 'user/register', body({ username: 'wanted' }))))
  t.strictSame(responses.map(response => response.statusCode).sort(), [201, 409, 409, 409, 409, 409, 409, 409])
  t.equal(await collection(app, 'users').countDocuments({}), 1)
})

tap.test('register refuses with 400 and the name of the field', async t => {
  const app = await build(t)
  const cases: [string, unknown][] = [
    ['username', undefined], ['username', 'ab'], ['username', 'a'.repeat(31)], ['username', 5], ['username', 'a\u200Bbc'], ['username', 'pаypal'], ['username', '\uD800abc'], ['username', '<b>abc</b>'],
    ['email', undefined], ['email', 'none'], ['email', 'a@b@c'], ['email', `${'a'.repeat(250)}@b.c`], ['email', null],
    ['password', undefined], ['password', '1234567'], ['password', 'x'.repeat(129)], ['password', ['12345678']], ['password', 'abcdefgh\uDC00'],
    ['avatarImage', SCRIPT], ['avatarImage', 'no base64!'], ['avatarImage', null], ['isAvatarImageSet', 'false']
  ]
  for (const [path, value] of cases) {
    const response = await post(app, 'user/register', body({ [path]: value }))
    t.equal(response.statusCode, 400, `${path} ${JSON.stringify(value)?.slice(0, 40)}`)
    t.match(response.json().message, /^Validation Error/)
    t.equal(response.json().errorMessages[0].path, path)
  }
  t.equal(await collection(app, 'users').countDocuments({}), 0, 'and stores nothing')
})

tap.test('a password has 8 to 128 characters, counted as code points', async t => {
  const app = await build(t)
  for (const password of ['🔑'.repeat(8), '🔑'.repeat(128)]) {
    t.equal((await post(app, 'user/register', body({ password }))).statusCode, 201)
  }
  t.equal((await post(app, 'user/register', body({ password: '🔑'.repeat(7) }))).statusCode, 400)
})

tap.test('REFUSE_COMMON_PASSWORDS refuses the documented sample, and is off by default', async t => {
  const app = await build(t, { REFUSE_COMMON_PASSWORDS: true })
  const response = await post(app, 'user/register', body({ password: '12345678' }))
  t.equal(response.statusCode, 400)
  t.equal(response.json().errorMessages[0].path, 'password')
  t.equal((await post(app, 'user/register', body({ password: 'correct horse battery' }))).statusCode, 201)
})

tap.test('REFUSE_COMMON_PASSWORDS refuses the username and the e-mail address as password, however they are spelled', async t => {
  const app = await build(t, { REFUSE_COMMON_PASSWORDS: true })
  for (const password of ['HeinzMüller', 'HEINZMÜLLER', 'Kontakt.Heinz', 'kontakt.heinz@example.org']) {
    const response = await post(app, 'user/register', { username: 'HeinzMüller', email: 'kontakt.heinz@example.org', password })
    t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'password'], password)
  }
})

tap.test('register and setAvatar store the avatar as it was written anew, without comments', async t => {
  const app = await build(t)
  const commented = Buffer.from('<!-- me --><svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>').toString('base64')
  const registered = await post(app, 'user/register', body({ avatarImage: commented }))
  t.equal(registered.json().data.avatarImage, SVG)
  const { data: { _id }, token } = (await post(app, 'user/register', body())).json()
  const set = await post(app, `setAvatar/${_id}`, { _id, avatarImage: commented }, { authorization: `Bearer ${token}` })
  t.strictSame([set.statusCode, set.json().data.avatarImage], [200, SVG])
})

tap.test("setAvatar answers with the original's words and the user, and its avatar is kept", async t => {
  const app = await build(t)
  const anna = await register(app)
  const response = await post(app, `setAvatar/${anna.id}`, { _id: anna.id, avatarImage: SVG }, anna.headers)
  t.equal(response.statusCode, 200)
  t.match(response.json(), { success: 'success', message: 'Avatar Image set successfully', data: { _id: anna.id, username: anna.username, password: '', avatarImage: SVG, isAvatarImageSet: true } })
  const me = await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
  t.match(me.json().data, { avatarImage: SVG, isAvatarImageSet: true })
})

tap.test('setAvatar takes every avatar that the server offers', async t => {
  const app = await build(t)
  const anna = await register(app)
  const { data } = (await app.inject('/api/v1/avatars?count=5')).json()
  for (const avatarImage of data) {
    const response = await post(app, `setAvatar/${anna.id}`, { _id: anna.id, avatarImage }, anna.headers)
    t.strictSame([response.statusCode, response.json().data.avatarImage], [200, avatarImage])
  }
})

tap.test('setAvatar refuses harmful and empty pictures with 400, and keeps the one before', async t => {
  const app = await build(t)
  const anna = await register(app)
  await post(app, `setAvatar/${anna.id}`, { _id: anna.id, avatarImage: SVG }, anna.headers)
  for (const avatarImage of [SCRIPT, '', 'abc', 7]) {
    const response = await post(app, `setAvatar/${anna.id}`, { _id: anna.id, avatarImage }, anna.headers)
    t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'avatarImage'])
  }
  t.equal((await app.inject({ url: '/api/v1/user/me', headers: anna.headers })).json().data.avatarImage, SVG)
})

tap.test(':id and _id must be the caller: 403', async t => {
  const app = await build(t)
  const [anna, bert] = [await register(app), await register(app)]
  t.equal((await post(app, `setAvatar/${bert.id}`, { _id: bert.id, avatarImage: SVG }, anna.headers)).statusCode, 403)
  const mixed = await post(app, `setAvatar/${anna.id}`, { _id: bert.id, avatarImage: SVG }, anna.headers)
  t.strictSame([mixed.statusCode, mixed.json().errorMessages[0].path], [403, '_id'])
  t.equal((await app.inject({ url: `/api/v1/allusers/${bert.id}`, headers: anna.headers })).statusCode, 403)
})

tap.test('an id that is not an ObjectId is a Cast Error', async t => {
  const app = await build(t)
  const anna = await register(app)
  const response = await app.inject({ url: '/api/v1/allusers/12345', headers: anna.headers })
  t.equal(response.statusCode, 400)
  t.match(response.json().message, /^Cast Error/)
  const inBody = await post(app, `setAvatar/${anna.id}`, { _id: 'XYZ', avatarImage: SVG }, anna.headers)
  t.match(inBody.json().message, /^Cast Error/)
  const missing = await post(app, `setAvatar/${anna.id}`, { avatarImage: SVG }, anna.headers)
  t.match(missing.json().message, /^Validation Error/, 'a missing one is a Validation Error')
})

tap.test("allusers answers with the original's words, all users by name, without the caller, e-mails and hashes", async t => {
  const app = await build(t)
  const anna = await register(app, 'Anna')
  for (const name of ['zoe', 'Émile', 'Bert']) await register(app, name)
  const response = await allusers(app, anna)
  t.equal(response.statusCode, 200)
  const { success, message, data, next } = response.json()
  t.strictSame([success, message, next], ['success', 'All Uers retrived successfully', undefined])
  t.strictSame(data.map((user: { username: string }) => user.username), ['Bert', 'zoe', 'Émile'])
  for (const user of data) t.strictSame(Object.keys(user).sort(), ['_id', 'avatarImage', 'isAvatarImageSet', 'password', 'username'])
  t.notMatch(response.body, /argon2|@example/)
})

tap.test('allusers pages without gap or repeat by limit and next', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  for (const name of ['bob1', 'bob2', 'bob3', 'bob4', 'bob5']) await register(app, name)
  const seen: string[] = []
  let after = ''
  for (let pages = 0; pages < 10; pages++) {
    const { data, next } = (await allusers(app, anna, `?limit=2${after}`)).json()
    t.ok(data.length <= 2)
    seen.push(...data.map((user: { username: string }) => user.username))
    if (next === undefined) break
    after = `&after=${encodeURIComponent(next)}`
  }
  t.strictSame(seen, ['bob1', 'bob2', 'bob3', 'bob4', 'bob5'])
})

tap.test('search finds the names that begin so, letter case ignored, and takes no pattern', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  for (const name of ['Müller', 'mümmel', 'mull', 'xmü']) await register(app, name)
  const search = async (text: string) => (await allusers(app, anna, `?search=${encodeURIComponent(text)}`)).json().data.map((user: { username: string }) => user.username)
  t.strictSame(await search('MÜ'), ['Müller', 'mümmel'])
  t.strictSame(await search('m'), ['mull', 'Müller', 'mümmel'])
  t.strictSame(await search('.*'), [])
  t.strictSame(await search('mü.*'), [])
  t.strictSame(await search('nobody'), [])
})

tap.test('allusers stops at 4 MiB, and goes on from there', async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const users = collection(app, 'users')
  const stored = await users.findOne({})
  const { ObjectId } = app.mongo
  // 40,000 characters each: 104 of them are within 4 MiB, 105 are not.
  await users.insertMany(Array.from({ length: 150 }, (_, index) => {
    const name = `large${String(index).padStart(3, '0')}`
    return { ...stored!, _id: new ObjectId(), username: name, usernameKey: name, email: name, emailKey: name, avatarImage: 'A'.repeat(40_000) }
  }))
  const first = await allusers(app, anna)
  t.ok(first.body.length < 4 * 1024 * 1024 && first.body.length > 4_000_000, String(first.body.length))
  const { data, next } = first.json()
  const second = (await allusers(app, anna, `?after=${next}`)).json()
  t.equal(data.length + second.data.length, 150)
  t.equal(second.next, undefined)
})

tap.test('unknown query parameters are a 400, unknown body properties are ignored', async t => {
  const app = await build(t)
  const anna = await register(app)
  const response = await allusers(app, anna, '?sort=1')
  t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'sort'])
  t.equal((await post(app, 'user/register', body({ admin: true, _id: anna.id }))).statusCode, 201)
})

tap.test('limit is an integer from 1 to 1000', async t => {
  const app = await build(t)
  const anna = await register(app)
  for (const limit of ['0', '1001', '1.5', 'x', '']) t.equal((await allusers(app, anna, `?limit=${limit}`)).statusCode, 400, limit)
  t.equal((await allusers(app, anna, '?limit=1000')).statusCode, 200)
})

tap.test("me is the caller's own account, with its e-mail", async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const response = await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
  t.equal(response.statusCode, 200)
  t.match(response.json(), { success: 'success', data: { _id: anna.id, username: 'anna', email: /@example\.org$/, password: '' } })
})
