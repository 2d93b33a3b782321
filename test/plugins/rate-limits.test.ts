import { randomBytes } from 'node:crypto'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { append, build, connect, listen, register, type Person } from '../helper.js'

const WRONG = 'not the password'

async function login (app: App, username: string, password: string, remoteAddress = '192.0.2.1') {
  return await app.inject({ method: 'POST', url: '/api/v1/user/login', payload: { username, password }, remoteAddress })
}

const statuses = async (responses: Promise<{ statusCode: number }>[]) => (await Promise.all(responses)).map(({ statusCode }) => statusCode)

tap.test('after LOGIN_LIMIT failures of an account from an address even the right password gets 429 there, with Retry-After', async t => {
  const app = await build(t, { LOGIN_LIMIT: 3 })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 3; i++) t.equal((await login(app, 'anna', WRONG)).statusCode, 401)
  const refused = await login(app, 'ANNA', anna.password)
  t.equal(refused.statusCode, 429)
  t.match(refused.json().message, /^Too Many Requests/)
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds > 800 && seconds <= 900, `${seconds} s`)
  t.equal((await login(app, 'anna', anna.password, '192.0.2.2')).statusCode, 200, 'but not from elsewhere')
  t.equal((await login(app, 'bert', WRONG)).statusCode, 401, 'nor of another account')
})

tap.test('five times LOGIN_LIMIT right passwords of an account, then 429 with Retry-After, for that account alone', async t => {
  const app = await build(t, { LOGIN_LIMIT: 1 })
  const [anna, bert] = [await register(app, 'anna'), await register(app, 'bert')]
  const change = async () => await app.inject({
    method: 'POST', url: '/api/v1/user/password', headers: anna.headers, payload: { oldPassword: anna.password, newPassword: anna.password }
  })
  for (let i = 0; i < 3; i++) t.equal((await login(app, 'anna', anna.password, `192.0.2.${i}`)).statusCode, 200)
  for (let i = 0; i < 2; i++) t.equal((await change()).statusCode, 200)
  const before = app.passwords.computed
  for (const refused of [await change(), await login(app, 'anna', anna.password)]) {
    t.equal(refused.statusCode, 429)
    t.match(refused.json().message, /logins or password changes of this account/)
    t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
  }
  t.equal(app.passwords.computed, before, 'no work is done')
  t.equal((await login(app, 'bert', bert.password)).statusCode, 200)
})

tap.test('a person who logs in on five devices ten times is not limited by default', async t => {
  const app = await build(t, { LOGIN_LIMIT: loadConfig({}).LOGIN_LIMIT })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 50; i++) t.equal((await login(app, 'anna', anna.password, `192.0.2.${i % 5}`)).statusCode, 200)
})

tap.test('five times LOGIN_LIMIT failures from one address, of whatever accounts, and it gets 429 for all', async t => {
  const app = await build(t, { LOGIN_LIMIT: 1 })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 5; i++) t.equal((await login(app, `nobody${i}`, WRONG)).statusCode, 401)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 429)
  t.equal((await login(app, 'anna', anna.password, '192.0.2.2')).statusCode, 200)
})

tap.test('all addresses of an IPv6 /48 are one to the account of somebody else', async t => {
  const app = await build(t, { LOGIN_LIMIT: 2 })
  const anna = await register(app, 'anna')
  for (const net of ['1', '2']) t.equal((await login(app, 'anna', WRONG, `2001:db8:0:${net}::1`)).statusCode, 401)
  t.equal((await login(app, 'anna', anna.password, '2001:db8:0:3::1')).statusCode, 429)
  t.equal((await login(app, 'anna', anna.password, '2001:db8:1:1::1')).statusCode, 200)
})

tap.test('all addresses of an IPv6 /64 are one to an account that knows it, and neighbours do not keep it out', async t => {
  const app = await build(t, { LOGIN_LIMIT: 2 })
  const anna = await register(app, 'anna')
  t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::1')).statusCode, 200)
  for (let i = 2; i < 4; i++) t.equal((await login(app, 'anna', WRONG, `2001:db8:0:${i}::1`)).statusCode, 401)
  t.equal((await login(app, 'anna', WRONG, '2001:db8:0:4::1')).statusCode, 429)
  t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::2')).statusCode, 200)
  for (let i = 0; i < 2; i++) t.equal((await login(app, 'anna', WRONG, '2001:db8:0:1::2')).statusCode, 401)
  t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::1')).statusCode, 429)
})

tap.test('nobody can lock somebody else out: failures from many addresses only slow an account down', async t => {
  const app = await build(t, { LOGIN_LIMIT: 1 })
  const anna = await register(app, 'anna')
  for (let i = 1; i <= 4; i++) t.equal((await login(app, 'anna', WRONG, `198.51.100.${i}`)).statusCode, 401)
  const start = performance.now()
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
  // Three failures over the limit, 100 ms each; timers may fire a millisecond early.
  t.ok(performance.now() - start >= 298)
})

tap.test('attempts on an account are slowed one after the other, whatever addresses they come from', async t => {
  const app = await build(t, { LOGIN_LIMIT: 1 })
  await register(app, 'anna')
  for (let i = 1; i <= 6; i++) t.equal((await login(app, 'anna', WRONG, `198.51.100.${i}`)).statusCode, 401)
  const start = performance.now()
  t.strictSame(await statuses(Array.from({ length: 4 }, async (_, i) => await login(app, 'anna', WRONG, `2001:db8:${i}::1`))), Array(4).fill(401))
  // Five failures over the limit at first, then one more each: 500 + 600 + 700 + 800 ms. At the same time it were 500.
  t.ok(performance.now() - start >= 2_596)
})

tap.test('while strangers try an account, its owner gets in at once: from an address it knows, and with a session', async t => {
  const app = await build(t, { LOGIN_LIMIT: 1 })
  const anna = await register(app, 'anna')
  for (let i = 1; i <= 11; i++) t.equal((await login(app, 'anna', WRONG, `2001:db8:${i}::1`)).statusCode, 401)
  let tried = 0
  const strangers = Array.from({ length: 3 }, async (_, i) => {
    const { statusCode } = await login(app, 'anna', WRONG, `198.51.100.${i}`)
    tried++
    return statusCode
  })
  t.equal((await login(app, 'anna', anna.password, '127.0.0.1')).statusCode, 200, 'where it registered')
  const elsewhere = await app.inject({
    method: 'POST', url: '/api/v1/user/login', payload: { username: 'anna', password: anna.password }, cookies: { session: anna.token }, remoteAddress: '203.0.113.1'
  })
  t.equal(elsewhere.statusCode, 200, 'with the cookie of an open session')
  t.ok(tried <= 1, `${tried} strangers came before`)
  t.strictSame(await Promise.all(strangers), [401, 401, 401])
})

tap.test('guesses at the same time count each other: no more are answered than the limit', async t => {
  const app = await build(t, { LOGIN_LIMIT: 5 })
  await register(app, 'anna')
  const before = app.passwords.computed
  const answers = await statuses(Array.from({ length: 40 }, async () => await login(app, 'anna', WRONG)))
  const answered = answers.filter(status => status === 401).length
  t.equal(answered, 5)
  t.equal(answers.filter(status => status === 429).length, 40 - answered)
  t.equal(app.passwords.computed - before, answered, 'refused guesses cost no work')
})

tap.test('wrong passwords at a change of password and at a deletion count as well', async t => {
  const app = await build(t, { LOGIN_LIMIT: 2 })
  const anna = await register(app, 'anna')
  const change = await app.inject({ method: 'POST', url: '/api/v1/user/password', headers: anna.headers, payload: { oldPassword: WRONG, newPassword: 'a new password' } })
  const remove = async (password: string) => (await app.inject({ method: 'DELETE', url: `/api/v1/user/${anna.id}`, headers: anna.headers, payload: { password } })).statusCode
  t.strictSame([change.statusCode, await remove(WRONG), await remove(anna.password)], [401, 401, 429])
})

tap.test('REGISTER_LIMIT registrations an hour an address; those that the schema refuses do not count', async t => {
  const app = await build(t, { REGISTER_LIMIT: 2 })
  const attempt = async (remoteAddress: string, password = '12345678') => {
    const name = randomBytes(6).toString('hex')
    return await app.inject({ method: 'POST', url: '/api/v1/user/register', remoteAddress, payload: { username: name, email: `${name}@example.org`, password } })
  }
  t.equal((await attempt('192.0.2.1', 'short')).statusCode, 400)
  t.strictSame([(await attempt('192.0.2.1')).statusCode, (await attempt('192.0.2.1')).statusCode], [201, 201])
  const refused = await attempt('192.0.2.1')
  t.equal(refused.statusCode, 429)
  t.ok(Number(refused.headers['retry-after']) > 3_500)
  t.equal((await attempt('192.0.2.2')).statusCode, 201)
})

tap.test('HTTP_RATE holds for a user over 3 seconds, so that all of it may come at once, and for each user alone', async t => {
  const app = await build(t, { HTTP_RATE: 2 })
  const [anna, bert] = [await register(app), await register(app)]
  const ask = async (headers: Record<string, string>) => await app.inject({ url: '/api/v1/user/me', headers })
  t.strictSame(await statuses(Array.from({ length: 6 }, async () => await ask(anna.headers))), Array(6).fill(200))
  const refused = await ask(anna.headers)
  t.equal(refused.statusCode, 429)
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds >= 1 && seconds <= 3)
  t.equal((await ask(bert.headers)).statusCode, 200)
})

tap.test('requests without a session count for their address: public routes, unknown routes, wrong tokens; then no token is looked up', async t => {
  const app = await build(t, { HTTP_RATE: 2 })
  const anna = await register(app)
  const ask = async (url: string, headers = {}, remoteAddress = '192.0.2.1') => (await app.inject({ url, headers, remoteAddress })).statusCode
  t.strictSame([
    await ask('/api/v1/avatars?count=1'), await ask('/nothing'), await ask('/api/v1/user/me'),
    await ask('/api/v1/user/me', { authorization: `Bearer ${'A'.repeat(43)}` }), await ask('/api/v1/user/me', { cookie: 'session=x' }), await ask('/nothing')
  ], [200, 404, 401, 401, 401, 404])
  for (const url of ['/api/v1/avatars?count=1', '/nothing', '/api/v1/user/me']) t.equal(await ask(url), 429, url)
  t.equal(await ask('/api/v1/user/me', anna.headers), 429, 'a session that is not known here yet')
  t.equal(await ask('/api/v1/user/me', anna.headers, '192.0.2.2'), 200)
})

tap.test('probes are not counted', async t => {
  const app = await build(t, { HTTP_RATE: 1 })
  t.strictSame(await statuses(Array.from({ length: 10 }, async () => await app.inject('/health'))), Array(10).fill(200))
})

tap.test('a limit of 0 is switched off', async t => {
  const app = await build(t, { HTTP_RATE: 0, LOGIN_LIMIT: 0 })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 30; i++) await login(app, 'anna', WRONG)
  t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
})

tap.test('HTTP_RATE: a large body or answer, and an upgrade, count as several requests of their user', async t => {
  const { app, origin } = await listen(t, { HTTP_RATE: 20 })
  const [anna, bert] = [await register(app), await register(app)]
  const path = `/api/v1/setAvatar/${anna.id}`
  // 60 requests at once; 100 KiB count as 12 more.
  const payload = { _id: anna.id, avatarImage: 'x'.repeat(100 * 1024) }
  const bodies = await statuses(Array.from({ length: 20 }, async () =>
    await app.inject({ method: 'POST', url: path, headers: anna.headers, payload })))
  t.ok(bodies.filter(status => status === 400).length < 20)
  const refused = await app.inject({ url: '/api/v1/user/me', headers: anna.headers })
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
  t.match(refused.json().message, /too many requests/)
  t.equal((await app.inject({ url: '/api/v1/user/me', headers: bert.headers })).statusCode, 200, 'others have their own')

  let opened = 0
  const upgrade = async () => await connect(t, origin, bert).then(() => { opened++ }, () => {})
  for (let n = 0; n < 40; n++) await upgrade()
  t.ok(opened >= 19 && opened < 40, `${opened} of 40 upgrades`)
})

tap.test('HTTP_RATE: an answer counts by its bytes, and no list is read for a user who has a debt', async t => {
  const app = await build(t, { HTTP_RATE: 5 })
  const people = await Promise.all([register(app), register(app)])
  const long = '👍'.repeat(10_000)
  // A page of 800 KB counts as 13 requests; 15 are there at once.
  for (const { id } of people) {
    for (let n = 0; n < 20; n++) await append(app, { sender: id, reciver: id, message: long })
  }
  const read = async ({ id, headers }: Person) => await app.inject({
    url: `/api/v1/getallmessages?sender=${id}&reciver=${id}`, headers
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
})

tap.test('FRAME_RATE=0 switches off the limit by cost as well', async t => {
  for (const [FRAME_RATE, wait] of [[0, 0], [20, 1_000]] as const) {
    const app = await build(t, { FRAME_RATE, USER_FRAME_RATE: 1 })
    const allowance = app.limits.frames.of('anna')
    allowance.charge(0, 1_000)
    allowance.charge(0, -1_000 + allowance.burst)
    t.equal(allowance.wait(0, 1), wait)
  }
})
