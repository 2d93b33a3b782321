import tap from 'tap'
import { collection, type SessionDocument } from '../../src/database/documents.js'
import { Sessions, type EndedSession } from '../../src/accounts/sessions.js'
import { build, databaseUrl, register } from '../helper.js'
import { DAY_MS, sha256, me, logIn, age } from '../sessions.js'

tap.test(
  'a session ends after SESSION_DAYS however much it is used, and unused after half of that',
  async t => {
    const app = await build(t, { SESSION_DAYS: 30 })
    const changes = [
      [{ createdAt: -29.9, expiresAt: 0.1 }, 200],
      [{ createdAt: -30, expiresAt: 0 }, 401],
      [{ lastSeenAt: -14.9 }, 200],
      [{ lastSeenAt: -15 }, 401]
    ] as const
    for (const [change, status] of changes) {
      const anna = await register(app)
      await age(app, anna.token, change)
      t.equal((await me(app, anna.headers)).statusCode, status, JSON.stringify(change))
      t.strictSame(
        await app.sessions.openAmong([sha256(anna.token)]),
        new Set(status === 200 ? [sha256(anna.token)] : [])
      )
      t.equal((await app.sessions.list(anna.id)).length, status === 200 ? 1 : 0)
    }
  }
)

tap.test('a session that expires while it is remembered ends then', async t => {
  const app = await build(t)
  const anna = await register(app)
  await age(app, anna.token, { expiresAt: 300 / DAY_MS })
  t.equal((await me(app, anna.headers)).statusCode, 200)
  const start = Date.now()
  while ((await me(app, anna.headers)).statusCode === 200) {
    t.ok(Date.now() - start < 700, 'before it would be forgotten')
  }
})

tap.test('a session that another process ended is accepted for at most a second', async t => {
  const MONGODB_URL = await databaseUrl()
  const [here, there] = [await build(t, { MONGODB_URL }), await build(t, { MONGODB_URL })]
  t.teardown(async () => await here.mongo.db!.dropDatabase())
  const anna = await register(here)
  t.equal((await me(there, anna.headers)).statusCode, 200)
  t.equal(
    (await here.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })).statusCode,
    200
  )
  t.equal((await me(here, anna.headers)).statusCode, 401, 'in the process itself it ends at once')
  const start = performance.now()
  // When a request begins counts: its answer may come late on a busy machine.
  let begun = start
  while ((await me(there, anna.headers)).statusCode === 200) {
    t.ok(begun - start < 1_000)
    begun = performance.now()
  }
})

tap.test(
  'a look-up during which the session ends gives no access, and is not cached',
  async t => {
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
  }
)

tap.test(
  'a token that is open is looked up once a second at most; its last use is written once a minute at most',
  async t => {
    const app = await build(t)
    const anna = await register(app)
    const documents = collection(app, 'sessions')
    const calls: string[] = []
    const counted: typeof documents = Object.create(
      documents,
      Object.fromEntries(
        (['findOne', 'updateOne'] as const).map(name => [
          name,
          {
            value: async (...given: unknown[]) => {
              calls.push(name)
              return await (documents[name] as (...given: unknown[]) => unknown)(...given)
            }
          }
        ])
      )
    )
    const sessions = new Sessions(counted, 30, () => {})
    await age(app, anna.token, { lastSeenAt: -61 / 86_400 })
    t.match(await sessions.find(anna.token), { user: anna.id })
    for (let i = 0; i < 20; i++) t.match(sessions.known(anna.token), { user: anna.id })
    t.strictSame(calls, ['findOne', 'updateOne'])
    const seen = async (): Promise<SessionDocument> => (await documents.findOne({ _id: sha256(anna.token) }))!
    while (Date.now() - +(await seen()).lastSeenAt > 30_000);
    t.match(await sessions.find(anna.token), { user: anna.id })
    t.strictSame(calls, ['findOne', 'updateOne', 'findOne'])
  }
)

tap.test('listeners learn at once which session ended', async t => {
  const app = await build(t)
  const anna = await register(app)
  const { token } = (await logIn(app, anna)).json()
  const ended: EndedSession[] = []
  app.sessions.onEnd(session => ended.push(session))
  await app.inject({
    method: 'POST',
    url: '/api/v1/user/password',
    headers: anna.headers,
    payload: { oldPassword: anna.password, newPassword: 'a new password' }
  })
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
  t.strictSame(
    (await collection(before, 'sessions').find({}).toArray()).map(({ _id }) => _id),
    [sha256(bert.token)]
  )
})
