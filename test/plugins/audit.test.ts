import pino from 'pino'
import tap from 'tap'
import type { App } from '../../src/app.js'
import { build, register, registerOverHttp } from '../helper.js'

/** The app's log from now on, as the objects that were written. */
function logOf (app: App): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  Object.assign(app.log, {
    [pino.symbols.streamSym]: {
      write: (line: string) => {
        lines.push(JSON.parse(line))
      }
    }
  })
  return lines
}

tap.test('each change of an account or a session leaves an audit line with user and address', async t => {
  const app = await build(t, { LOG_LEVEL: 'info' })
  const lines = logOf(app)
  const anna = await registerOverHttp(app, 'anna')
  const from = { method: 'POST', remoteAddress: '192.0.2.7' } as const
  const post = async (url: string, payload: object, headers = {}) =>
    await app.inject({ ...from, url: `/api/v1/user/${url}`, payload, headers })
  await post('login', { username: 'anna', password: anna.password })
  await post('login', { username: 'anna', password: 'wrong secret' })
  await post('login', { username: 'nobody', password: 'wrong secret' })
  await post('password', { oldPassword: anna.password, newPassword: 'the next secret' }, anna.headers)
  const { token } = (await post('login', { username: 'anna', password: 'the next secret' })).json()
  await post('logout', {}, { authorization: `Bearer ${token}` })
  await app.inject({
    method: 'DELETE',
    url: `/api/v1/user/${anna.id}`,
    headers: anna.headers,
    payload: { password: 'the next secret' }
  })
  t.strictSame(
    lines.filter(({ audit }) => audit !== undefined).map(({ audit, user }) => [audit, user]),
    [
      ['register', anna.id],
      ['login', anna.id],
      ['failed login', anna.id],
      ['failed login', null],
      ['password change', anna.id],
      ['login', anna.id],
      ['logout', anna.id],
      ['deletion', anna.id]
    ]
  )
  for (const line of lines) t.match(line, { reqId: /^[0-9a-f-]{36}$/, time: Number })
  t.equal(lines.find(({ audit }) => audit === 'login')?.address, '192.0.2.7')
  const written = JSON.stringify(lines)
  for (const secret of [anna.token, token, anna.password, 'secret', 'nobody', 'argon2', '@example.org']) {
    t.notOk(written.includes(secret), secret)
  }
})

tap.test("attempts to access another user's data are audited", async t => {
  const app = await build(t, { LOG_LEVEL: 'info' })
  const [anna, bert] = [await register(app), await register(app)]
  const lines = logOf(app)
  await app.inject({ url: `/api/v1/allusers/${bert.id}`, headers: anna.headers })
  await app.inject({
    method: 'POST',
    url: '/api/v1/user/logout',
    headers: { cookie: `session=${anna.token}`, origin: 'https://evil.example' }
  })
  t.match(
    lines.filter(({ audit }) => audit !== undefined),
    [
      { audit: 'refused', user: anna.id, reason: /^Forbidden: id/ },
      { audit: 'refused', user: null, reason: /^Forbidden: a page/ }
    ]
  )
})

tap.test('logs hide credentials and what people write', async t => {
  const app = await build(t, { LOG_LEVEL: 'info' })
  const lines = logOf(app)
  const headers = {
    authorization: 'Bearer SECRET',
    cookie: 'session=SECRET',
    'sec-websocket-protocol': 'chat.v1, bearer.SECRET',
    'set-cookie': 'session=SECRET',
    host: 'seen'
  }
  const body = {
    password: 'SECRET',
    oldPassword: 'SECRET',
    newPassword: 'SECRET',
    token: 'SECRET',
    message: 'SECRET',
    username: 'seen'
  }
  const { message, ...fields } = body
  app.log.info({ headers, request: { headers, body }, reply: { headers }, body, ...fields, user: fields })
  const [line] = lines.map(line => JSON.stringify(line))
  t.notMatch(line, 'SECRET')
  t.equal(line?.match(/seen/g)?.length, 7)
})

tap.test("an error's message is logged, and it contains no user text", async t => {
  const app = await build(t, { LOG_LEVEL: 'info' })
  const lines = logOf(app)
  app.log.error({ err: new Error('the disk is full') })
  t.match(lines[0], { err: { message: 'the disk is full' } })
})
