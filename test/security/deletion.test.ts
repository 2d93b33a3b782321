import { mongodb } from '@fastify/mongodb'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { collection, type UserDocument } from '../../src/database/documents.js'
import { build, connect, databaseUrl, listen, register, type Person } from '../helper.js'

const NAME = 'Grace Hopper'
const EMAIL = 'grace.hopper@example.org'

async function open (
  app: App,
  username: string,
  email: string
): Promise<{ statusCode: number; person: Person }> {
  const password = 'correct horse battery'
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/user/register',
    payload: { username, email, password }
  })
  const { data, token } = response.json()
  return {
    statusCode: response.statusCode,
    person: { id: data?._id, username, password, token, headers: { authorization: `Bearer ${token}` } }
  }
}

async function remove (app: App, { id, headers, password }: Person): Promise<number> {
  return (await app.inject({ method: 'DELETE', url: `/api/v1/user/${id}`, headers, payload: { password } }))
    .statusCode
}

/** Everything in the database, as text. */
async function everything (app: App): Promise<string> {
  const db = app.mongo.db!
  const names = (await db.listCollections().toArray()).map(({ name }) => name)
  const documents = await Promise.all(names.map(async name => await db.collection(name).find({}).toArray()))
  return JSON.stringify(documents).toLowerCase()
}

const refused = async (app: App) => [
  (await open(app, 'GRACE Hopper', 'other@example.org')).statusCode,
  (await open(app, 'Grace Hopper', 'other@example.org')).statusCode,
  (await open(app, 'other', 'Grace.Hopper@EXAMPLE.org')).statusCode
]

tap.test(
  'a deleted account leaves neither its name nor its address in the database, and neither is given out again',
  async t => {
    const url = await databaseUrl()
    const app = await build(t, { MONGODB_URL: url })
    const { person } = await open(app, NAME, EMAIL)
    t.match(await everything(app), /grace/)
    t.equal(await remove(app, person), 200)
    t.notMatch(await everything(app), /grace|hopper/)
    t.strictSame(await refused(app), [409, 409, 409])
    const again = await build(t, { MONGODB_URL: url })
    t.strictSame(await refused(again), [409, 409, 409], 'after a restart too')
    t.equal((await open(again, 'other', 'other@example.org')).statusCode, 201, 'others are free')
  }
)

tap.test('the hash of a deleted address is keyed by a secret of its database', async t => {
  const keys = []
  for (let i = 0; i < 2; i++) {
    const app = await build(t)
    const { person } = await open(app, NAME, EMAIL)
    await remove(app, person)
    keys.push((await collection(app, 'users').findOne({}))!.emailKey)
  }
  t.not(keys[0], keys[1])
})

tap.test(
  'accounts that an earlier version deleted lose their keys at the next start, and stay reserved',
  async t => {
    const url = await databaseUrl()
    const app = await build(t, { MONGODB_URL: url })
    const { person } = await open(app, 'somebody', 'somebody@example.org')
    const stored = (await collection(app, 'users').findOne({}))!
    const { skeleton, ...earlier } = stored as UserDocument & { skeleton?: string }
    await collection(app, 'users').insertOne({
      ...earlier,
      _id: new mongodb.ObjectId(),
      username: '',
      usernameKey: NAME.toLowerCase(),
      email: '',
      emailKey: EMAIL,
      password: '',
      deletedAt: new Date()
    })
    const next = await build(t, { MONGODB_URL: url })
    await next.accounts.upgraded
    t.notMatch(await everything(next), /grace|hopper/)
    t.strictSame(await refused(next), [409, 409, 409])
    t.equal((await next.inject({ url: '/api/v1/user/me', headers: person.headers })).statusCode, 200)
  }
)

tap.test(
  'a deleted account shows and stores no lastSeen, whether its sockets leave before or after',
  async t => {
    const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 0 })
    const [anna, bert] = [await register(app), await register(app)]
    const watcher = await connect(t, origin, bert)
    const socket = await connect(t, origin, anna)
    watcher.send({ type: 'watch', users: [anna.id] })
    t.match(await watcher.next('presence'), { online: true })
    t.equal(await remove(app, anna), 200)
    await socket.untilClosed()
    t.strictSame(await watcher.next('presence'), { type: 'presence', user: anna.id, online: false })
    t.equal(
      (await collection(app, 'users').findOne({ _id: new mongodb.ObjectId(anna.id) }))!.lastSeenAt,
      undefined
    )

    // As an earlier version left it.
    await collection(app, 'users').updateOne(
      { _id: new mongodb.ObjectId(anna.id) },
      { $set: { lastSeenAt: new Date() } }
    )
    watcher.send({ type: 'watch', users: [anna.id] })
    t.strictSame(await watcher.next('presence'), { type: 'presence', user: anna.id, online: false })
  }
)

tap.test('a shutdown stores no lastSeen for an account that was deleted meanwhile', async t => {
  const url = await databaseUrl()
  const { app, origin } = await listen(t, { MONGODB_URL: url, PRESENCE_GRACE_MS: 60_000 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  t.equal(await remove(app, anna), 200)
  await socket.untilClosed()
  while (app.presence.gauges().leaving === 0) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  await app.close()
  const next = await build(t, { MONGODB_URL: url })
  t.equal((await collection(next, 'users').findOne({}))!.lastSeenAt, undefined)
})
