import { randomBytes } from 'node:crypto'
import tap from 'tap'
import { loadConfig } from '../../src/config.js'
import { build, register, registerOverHttp } from '../helper.js'
import { login, statuses, WRONG } from './attempts.js'

tap.test(
  'after LOGIN_LIMIT failures from an address even the right password gets 429, with Retry-After',
  async t => {
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
  }
)

tap.test(
  'five times LOGIN_LIMIT right passwords of an account, then 429 with Retry-After, for that account alone',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 1 })
    const [anna, bert] = [await register(app, 'anna'), await register(app, 'bert')]
    const change = async () =>
      await app.inject({
        method: 'POST',
        url: '/api/v1/user/password',
        headers: anna.headers,
        payload: { oldPassword: anna.password, newPassword: anna.password }
      })
    for (let i = 0; i < 3; i++) {
      t.equal((await login(app, 'anna', anna.password, `192.0.2.${i}`)).statusCode, 200)
    }
    for (let i = 0; i < 2; i++) t.equal((await change()).statusCode, 200)
    const before = app.passwords.computed
    for (const refused of [await change(), await login(app, 'anna', anna.password)]) {
      t.equal(refused.statusCode, 429)
      t.match(refused.json().message, /logins or password changes of this account/)
      t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
    }
    t.equal(app.passwords.computed, before, 'no work is done')
    t.equal((await login(app, 'bert', bert.password)).statusCode, 200)
  }
)

tap.test('a person who logs in on five devices ten times is not limited by default', async t => {
  const app = await build(t, { LOGIN_LIMIT: loadConfig({}).LOGIN_LIMIT })
  const anna = await register(app, 'anna')
  for (let i = 0; i < 50; i++) {
    t.equal((await login(app, 'anna', anna.password, `192.0.2.${i % 5}`)).statusCode, 200)
  }
})

tap.test(
  'five times LOGIN_LIMIT failures from one address, of whatever accounts, and it gets 429 for all',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 1 })
    const anna = await register(app, 'anna')
    for (let i = 0; i < 5; i++) t.equal((await login(app, `nobody${i}`, WRONG)).statusCode, 401)
    t.equal((await login(app, 'anna', anna.password)).statusCode, 429)
    t.equal((await login(app, 'anna', anna.password, '192.0.2.2')).statusCode, 200)
  }
)

tap.test('all addresses of an IPv6 /48 are one to the account of somebody else', async t => {
  const app = await build(t, { LOGIN_LIMIT: 2 })
  const anna = await register(app, 'anna')
  for (const net of ['1', '2']) {
    t.equal((await login(app, 'anna', WRONG, `2001:db8:0:${net}::1`)).statusCode, 401)
  }
  t.equal((await login(app, 'anna', anna.password, '2001:db8:0:3::1')).statusCode, 429)
  t.equal((await login(app, 'anna', anna.password, '2001:db8:1:1::1')).statusCode, 200)
})

tap.test(
  'all addresses of an IPv6 /64 are one to an account that knows it, and neighbours do not keep it out',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 2 })
    const anna = await register(app, 'anna')
    t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::1')).statusCode, 200)
    for (let i = 2; i < 4; i++) {
      t.equal((await login(app, 'anna', WRONG, `2001:db8:0:${i}::1`)).statusCode, 401)
    }
    t.equal((await login(app, 'anna', WRONG, '2001:db8:0:4::1')).statusCode, 429)
    t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::2')).statusCode, 200)
    for (let i = 0; i < 2; i++) t.equal((await login(app, 'anna', WRONG, '2001:db8:0:1::2')).statusCode, 401)
    t.equal((await login(app, 'anna', anna.password, '2001:db8:0:1::1')).statusCode, 429)
  }
)

tap.test(
  'nobody can lock somebody else out: failures from many addresses only slow an account down',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 1 })
    const anna = await register(app, 'anna')
    for (let i = 1; i <= 4; i++) t.equal((await login(app, 'anna', WRONG, `198.51.100.${i}`)).statusCode, 401)
    const start = performance.now()
    t.equal((await login(app, 'anna', anna.password)).statusCode, 200)
    // Three failures over the limit, 100 ms each; timers may fire a millisecond early.
    t.ok(performance.now() - start >= 298)
  }
)

tap.test(
  'attempts on an account are slowed one after the other, whatever addresses they come from',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 1 })
    await register(app, 'anna')
    for (let i = 1; i <= 6; i++) t.equal((await login(app, 'anna', WRONG, `198.51.100.${i}`)).statusCode, 401)
    const start = performance.now()
    t.strictSame(
      await statuses(
        Array.from({ length: 4 }, async (_, i) => await login(app, 'anna', WRONG, `2001:db8:${i}::1`))
      ),
      Array(4).fill(401)
    )
    // Five failures over the limit at first, then one more each: 500 + 600 + 700 + 800 ms. At the
    // same time it were 500.
    t.ok(performance.now() - start >= 2_596)
  }
)

tap.test(
  'while strangers try an account, its owner gets in at once: from an address it knows, and with a session',
  async t => {
    const app = await build(t, { LOGIN_LIMIT: 1 })
    const anna = await registerOverHttp(app, 'anna')
    for (let i = 1; i <= 11; i++) {
      t.equal((await login(app, 'anna', WRONG, `2001:db8:${i}::1`)).statusCode, 401)
    }
    let tried = 0
    const strangers = Array.from({ length: 3 }, async (_, i) => {
      const { statusCode } = await login(app, 'anna', WRONG, `198.51.100.${i}`)
      tried++
      return statusCode
    })
    t.equal((await login(app, 'anna', anna.password, '127.0.0.1')).statusCode, 200, 'where it registered')
    const elsewhere = await app.inject({
      method: 'POST',
      url: '/api/v1/user/login',
      payload: { username: 'anna', password: anna.password },
      cookies: { session: anna.token },
      remoteAddress: '203.0.113.1'
    })
    t.equal(elsewhere.statusCode, 200, 'with the cookie of an open session')
    t.ok(tried <= 1, `${tried} strangers came before`)
    t.strictSame(await Promise.all(strangers), [401, 401, 401])
  }
)

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
  const change = await app.inject({
    method: 'POST',
    url: '/api/v1/user/password',
    headers: anna.headers,
    payload: { oldPassword: WRONG, newPassword: 'a new password' }
  })
  const remove = async (password: string) =>
    (
      await app.inject({
        method: 'DELETE',
        url: `/api/v1/user/${anna.id}`,
        headers: anna.headers,
        payload: { password }
      })
    ).statusCode
  t.strictSame([change.statusCode, await remove(WRONG), await remove(anna.password)], [401, 401, 429])
})

tap.test(
  'REGISTER_LIMIT registrations an hour an address; those that the schema refuses do not count',
  async t => {
    const app = await build(t, { REGISTER_LIMIT: 2 })
    const attempt = async (remoteAddress: string, password = '12345678') => {
      const name = randomBytes(6).toString('hex')
      return await app.inject({
        method: 'POST',
        url: '/api/v1/user/register',
        remoteAddress,
        payload: { username: name, email: `${name}@example.org`, password }
      })
    }
    t.equal((await attempt('192.0.2.1', 'short')).statusCode, 400)
    t.strictSame(
      [(await attempt('192.0.2.1')).statusCode, (await attempt('192.0.2.1')).statusCode],
      [201, 201]
    )
    const refused = await attempt('192.0.2.1')
    t.equal(refused.statusCode, 429)
    t.ok(Number(refused.headers['retry-after']) > 3_500)
    t.equal((await attempt('192.0.2.2')).statusCode, 201)
  }
)
