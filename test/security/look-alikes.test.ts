import tap from 'tap'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { build, databaseUrl, register } from '../helper.js'

let addresses = 0

async function open (app: App, username: string) {
  const payload = { username, email: `person${addresses++}@example.org`, password: 'correct horse battery' }
  return await app.inject({ method: 'POST', url: '/api/v1/user/register', payload })
}

async function login (app: App, username: string): Promise<number> {
  const payload = { username, password: 'correct horse battery' }
  return (await app.inject({ method: 'POST', url: '/api/v1/user/login', payload })).statusCode
}

tap.test('a name that looks like that of another account is taken', async t => {
  const app = await build(t)
  const pairs: Array<[taken: string, alike: string]> = [
    ['lisa', 'Iisa'],
    ['Lisa Marie', 'lisa rnarie'],
    ['Oliver', '0liver'],
    ['user1', 'userl'],
    ['coco', 'сосо'],
    ['Mary', 'rnary'],
    ['ΑΒΕΖ', 'ABEZ']
  ]
  for (const [taken, alike] of pairs) {
    t.equal((await open(app, taken)).statusCode, 201, taken)
    const refused = await open(app, alike)
    t.strictSame(
      [refused.statusCode, refused.json().errorMessages[0].path],
      [409, 'username'],
      `${alike} after ${taken}`
    )
    t.match(refused.json().message, alike, "worded from the caller's own value")
  }
})

tap.test('names that differ to the eye are free: letter case alone does not make i and l one', async t => {
  const app = await build(t)
  for (const name of [
    'Ali',
    'All',
    'Mail',
    'Mali',
    'Elia',
    'Eila',
    'Jose',
    'José',
    'Bob1',
    'Bob2',
    'a-b',
    'a_b',
    'a.b',
    'a b'
  ]) {
    t.equal((await open(app, name)).statusCode, 201, name)
  }
})

tap.test('what looks like "Deleted user" is reserved', async t => {
  const app = await build(t)
  for (const name of ['Deleted user', 'DeIeted user', 'DEIETED USER', 'deleted user', 'De1eted user']) {
    const refused = await open(app, name)
    t.strictSame([refused.statusCode, refused.json().errorMessages[0].path], [400, 'username'], name)
  }
})

tap.test(
  'accounts of an earlier version whose names look alike both stay and log in, and a third is refused',
  async t => {
    const url = await databaseUrl()
    const app = await build(t, { MONGODB_URL: url })
    await register(app, 'lisa')
    const users = collection(app, 'users')
    const { _id } = (await users.findOne({ usernameKey: 'lisa' }))!
    const { password } = (await users.findOne({ _id }))!
    const other = await register(app, 'somebody')
    await users.updateOne(
      { username: 'somebody' },
      { $set: { username: 'Iisa', usernameKey: 'iisa', password } }
    )
    await users.updateMany({}, { $unset: { skeleton: '' } })
    const next = await build(t, { MONGODB_URL: url })
    await next.accounts.upgraded
    t.strictSame(
      [await login(next, 'lisa'), await login(next, 'Iisa'), await login(next, 'IISA')],
      [200, 200, 200]
    )
    t.equal(
      (await next.inject({ url: '/api/v1/user/me', headers: other.headers })).json().data.username,
      'Iisa'
    )
    t.equal((await open(next, '1isa')).statusCode, 409)
  }
)
