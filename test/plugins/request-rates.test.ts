import tap from 'tap'
import { append, build, connect, listen, register, type Person } from '../helper.js'
import { login, statuses, WRONG } from './attempts.js'

tap.test(
  'HTTP_RATE holds for a user over 3 seconds, so that all of it may come at once, and for each user alone',
  async t => {
    const app = await build(t, { HTTP_RATE: 2 })
    const [anna, bert] = [await register(app), await register(app)]
    const ask = async (headers: Record<string, string>) =>
      await app.inject({ url: '/api/v1/user/me', headers })
    t.strictSame(
      await statuses(Array.from({ length: 6 }, async () => await ask(anna.headers))),
      Array(6).fill(200)
    )
    const refused = await ask(anna.headers)
    t.equal(refused.statusCode, 429)
    const seconds = Number(refused.headers['retry-after'])
    t.ok(seconds >= 1 && seconds <= 3)
    t.equal((await ask(bert.headers)).statusCode, 200)
  }
)

tap.test(
  'requests without a session count for their address; above the limit no token is looked up',
  async t => {
    const app = await build(t, { HTTP_RATE: 2 })
    const anna = await register(app)
    const ask = async (url: string, headers = {}, remoteAddress = '192.0.2.1') =>
      (await app.inject({ url, headers, remoteAddress })).statusCode
    t.strictSame(
      [
        await ask('/api/v1/avatars?count=1'),
        await ask('/nothing'),
        await ask('/api/v1/user/me'),
        await ask('/api/v1/user/me', { authorization: `Bearer ${'A'.repeat(43)}` }),
        await ask('/api/v1/user/me', { cookie: 'session=x' }),
        await ask('/nothing')
      ],
      [200, 404, 401, 401, 401, 404]
    )
    for (const url of ['/api/v1/avatars?count=1', '/nothing', '/api/v1/user/me']) {
      t.equal(await ask(url), 429, url)
    }
    t.equal(await ask('/api/v1/user/me', anna.headers), 429, 'a session that is not known here yet')
    t.equal(await ask('/api/v1/user/me', anna.headers, '192.0.2.2'), 200)
  }
)

tap.test('probes are not counted', async t => {
  const app = await build(t, { HTTP_RATE: 1 })
  t.strictSame(
    await statuses(Array.from({ length: 10 }, async () => await app.inject('/health'))),
    Array(10).fill(200)
  )
})

tap.test('a limit of 0 is switched off', async t => {
  const app = await build(t, { HTTP_RATE: 0, LOGIN_LIMIT: 0 })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 30; i++) await login(app, 'anna', WRONG)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
})

tap.test(
  'HTTP_RATE: a large body or answer, and an upgrade, count as several requests of their user',
  async t => {
    const { app, origin } = await listen(t, { HTTP_RATE: 20 })
    const [anna, bert] = [await register(app), await register(app)]
    const path = `/api/v1/setAvatar/${anna.id}`
    // 60 requests at once; 100 KiB count as 12 more.
    const payload = { _id: anna.id, avatarImage: 'x'.repeat(100 * 1024) }
    const bodies = await statuses(
      Array.from(
        { length: 20 },
        async () => await app.inject({ method: 'POST', url: path, headers: anna.headers, payload })
      )
    )
    t.ok(bodies.filter(status => status === 400).length < 20)
    const refused = await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
    t.equal(refused.statusCode, 429)
    t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
    t.match(refused.json().message, /too many requests/)
    t.equal(
      (await app.inject({ url: '/api/v1/user/me', headers: bert.headers })).statusCode,
      200,
      'others have their own'
    )

    let opened = 0
    const upgrade = async () =>
      await connect(t, origin, bert).then(
        () => {
          opened++
        },
        () => {}
      )
    for (let n = 0; n < 40; n++) await upgrade()
    t.ok(opened >= 19 && opened < 40, `${opened} of 40 upgrades`)
  }
)

tap.test(
  'HTTP_RATE: an answer counts by its bytes, and no list is read for a user who has a debt',
  async t => {
    const app = await build(t, { HTTP_RATE: 5 })
    const people = await Promise.all([register(app), register(app)])
    const long = '👍'.repeat(10_000)
    // A page of 800 KB counts as 13 requests; 15 are there at once.
    for (const { id } of people) {
      for (let n = 0; n < 20; n++) await append(app, { sender: id, reciver: id, message: long })
    }
    const read = async ({ id, headers }: Person) =>
      await app.inject({
        url: `/api/v1/getallmessages?sender=${id}&reciver=${id}`,
        headers
      })
    const [anna, bert] = people as [Person, Person]
    t.equal((await read(anna)).statusCode, 200)
    t.equal((await read(anna)).statusCode, 200, 'the rest of the burst is enough')
    const refused = await read(anna)
    t.equal(refused.statusCode, 429)
    t.ok(Number(refused.headers['retry-after']) >= 2, 'until the debt is paid')

    // All are let through at once; four are read at a time, and then there is a debt.
    const all = await statuses(Array.from({ length: 12 }, async () => await read(bert)))
    const found = all.filter(status => status === 200).length
    t.ok(found >= 4 && found <= 6, all.join())
    t.equal(all.filter(status => status === 429).length, 12 - found)
  }
)

tap.test('FRAME_RATE=0 switches off the limit by cost as well', async t => {
  for (const [FRAME_RATE, wait] of [
    [0, 0],
    [20, 1_000]
  ] as const) {
    const app = await build(t, { FRAME_RATE, USER_FRAME_RATE: 1 })
    const allowance = app.limits.frames.of('anna')
    allowance.charge(0, 1_000)
    allowance.charge(0, -1_000 + allowance.burst)
    t.equal(allowance.wait(0, 1), wait)
  }
})
