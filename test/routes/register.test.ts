import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, register } from '../helper.js'
import { SVG, SCRIPT, post, body } from './users.js'

tap.test("register answers the original's sample with 201, its words, the user and a token", async t => {
  const app = await build(t)
  const response = await post(app, 'user/register', {
    username: 'Müller',
    email: 'Mueller@example.org',
    password: '12345678',
    avatarImage: '',
    isAvatarImageSet: false
  })
  t.equal(response.statusCode, 201)
  const { status, message, data, token } = response.json()
  t.equal(status, 'success')
  t.equal(message, 'Data Inserted')
  t.match(data._id, /^[0-9a-f]{24}$/)
  t.strictSame(data, {
    _id: data._id,
    username: 'Müller',
    email: 'Mueller@example.org',
    password: '',
    avatarImage: '',
    isAvatarImageSet: false
  })
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

tap.test(
  'a username or e-mail that is taken is a 409 in the words of E11000, naming the field and the value given',
  async t => {
    const app = await build(t)
    await post(app, 'user/register', body({ username: 'Müller', email: 'mueller@example.org' }))
    const name = await post(app, 'user/register', body({ username: 'MÜLLER' }))
    t.equal(name.statusCode, 409)
    t.equal(
      name.json().message,
      'E11000 duplicate key error collection: users index: username_1 dup key: { username: "MÜLLER" }'
    )
    t.equal(name.json().errorMessages[0].path, 'username')
    const decomposed = await post(app, 'user/register', body({ username: 'Mu\u0308ller' }))
    t.equal(decomposed.statusCode, 409, 'also when it is only written in other code points')
    const email = await post(app, 'user/register', body({ email: 'MUELLER@example.org' }))
    t.equal(email.statusCode, 409)
    t.equal(
      email.json().message,
      'E11000 duplicate key error collection: users index: email_1 dup key: { email: "MUELLER@example.org" }'
    )
    t.equal(email.json().errorMessages[0].path, 'email')
  }
)

tap.test('of eight registrations of one name at once, one succeeds and seven get 409', async t => {
  const app = await build(t)
  const responses = await Promise.all(
    Array.from({ length: 8 }, async () => await post(app, 'user/register', body({ username: 'wanted' })))
  )
  t.strictSame(
    responses.map(response => response.statusCode).sort(),
    [201, 409, 409, 409, 409, 409, 409, 409]
  )
  t.equal(await collection(app, 'users').countDocuments({}), 1)
})

tap.test('register refuses with 400 and the name of the field', async t => {
  const app = await build(t)
  const cases: [string, unknown][] = [
    ['username', undefined],
    ['username', 'ab'],
    ['username', 'a'.repeat(31)],
    ['username', 5],
    ['username', 'a\u200Bbc'],
    ['username', 'pаypal'],
    ['username', '\uD800abc'],
    ['username', '<b>abc</b>'],
    ['email', undefined],
    ['email', 'none'],
    ['email', 'a@b@c'],
    ['email', `${'a'.repeat(250)}@b.c`],
    ['email', null],
    ['password', undefined],
    ['password', '1234567'],
    ['password', 'x'.repeat(129)],
    ['password', ['12345678']],
    ['password', 'abcdefgh\uDC00'],
    ['avatarImage', SCRIPT],
    ['avatarImage', 'no base64!'],
    ['avatarImage', null],
    ['isAvatarImageSet', 'false']
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

tap.test(
  'REFUSE_COMMON_PASSWORDS refuses the username and the e-mail address as password, however they are spelled',
  async t => {
    const app = await build(t, { REFUSE_COMMON_PASSWORDS: true })
    for (const password of ['HeinzMüller', 'HEINZMÜLLER', 'Kontakt.Heinz', 'kontakt.heinz@example.org']) {
      const response = await post(app, 'user/register', {
        username: 'HeinzMüller',
        email: 'kontakt.heinz@example.org',
        password
      })
      t.strictSame([response.statusCode, response.json().errorMessages[0].path], [400, 'password'], password)
    }
  }
)

tap.test('register and setAvatar store the avatar as it was written anew, without comments', async t => {
  const app = await build(t)
  const commented = Buffer.from(
    '<!-- me --><svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'
  ).toString('base64')
  const registered = await post(app, 'user/register', body({ avatarImage: commented }))
  t.equal(registered.json().data.avatarImage, SVG)
  const {
    data: { _id },
    token
  } = (await post(app, 'user/register', body())).json()
  const set = await post(
    app,
    `setAvatar/${_id}`,
    { _id, avatarImage: commented },
    { authorization: `Bearer ${token}` }
  )
  t.strictSame([set.statusCode, set.json().data.avatarImage], [200, SVG])
})
