import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, register } from '../helper.js'
import { SVG, SCRIPT, post, allusers, body } from './users.js'

tap.test("setAvatar answers with the original's words and the user, and its avatar is kept", async t => {
  const app = await build(t)
  const anna = await register(app)
  const response = await post(app, `setAvatar/${anna.id}`, { _id: anna.id, avatarImage: SVG }, anna.headers)
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    success: 'success',
    message: 'Avatar Image set successfully',
    data: { _id: anna.id, username: anna.username, password: '', avatarImage: SVG, isAvatarImageSet: true }
  })
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
  t.equal(
    (await post(app, `setAvatar/${bert.id}`, { _id: bert.id, avatarImage: SVG }, anna.headers)).statusCode,
    403
  )
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

tap.test(
  "allusers answers with the original's words, all users by name, without the caller, e-mails and hashes",
  async t => {
    const app = await build(t)
    const anna = await register(app, 'Anna')
    for (const name of ['zoe', 'Émile', 'Bert']) await register(app, name)
    const response = await allusers(app, anna)
    t.equal(response.statusCode, 200)
    const { success, message, data, next } = response.json()
    t.strictSame([success, message, next], ['success', 'All Uers retrived successfully', undefined])
    t.strictSame(
      data.map((user: { username: string }) => user.username),
      ['Bert', 'zoe', 'Émile']
    )
    for (const user of data) {
      t.strictSame(Object.keys(user).sort(), [
        '_id',
        'avatarImage',
        'isAvatarImageSet',
        'password',
        'username'
      ])
    }
    t.notMatch(response.body, /argon2|@example/)
  }
)

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
  const search = async (text: string) =>
    (await allusers(app, anna, `?search=${encodeURIComponent(text)}`))
      .json()
      .data.map((user: { username: string }) => user.username)
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
  await users.insertMany(
    Array.from({ length: 150 }, (_, index) => {
      const name = `large${String(index).padStart(3, '0')}`
      return {
        ...stored!,
        _id: new ObjectId(),
        username: name,
        usernameKey: name,
        email: name,
        emailKey: name,
        avatarImage: 'A'.repeat(40_000)
      }
    })
  )
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
  for (const limit of ['0', '1001', '1.5', 'x', '']) {
    t.equal((await allusers(app, anna, `?limit=${limit}`)).statusCode, 400, limit)
  }
  t.equal((await allusers(app, anna, '?limit=1000')).statusCode, 200)
})

tap.test("me is the caller's own account, with its e-mail", async t => {
  const app = await build(t)
  const anna = await register(app, 'anna')
  const response = await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    success: 'success',
    data: { _id: anna.id, username: 'anna', email: /@example\.org$/, password: '' }
  })
})
