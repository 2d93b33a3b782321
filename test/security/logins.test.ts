import tap from 'tap'
import { build, connect, listen, register } from '../helper.js'

const LOGINS = 1_000
/**
 * A message waits for its turn among a thousand requests, not for their hashes, which alone take
 * tens of seconds on one core.
 */
const MAX_MESSAGE_MS = 4_000

tap.test(
  '1,000 logins at once: each gets a session, or 503 with Retry-After, and sockets are served meanwhile',
  async t => {
    const { app, origin } = await listen(t)
    const [anna, bert, carl] = [await register(app), await register(app), await register(app)]
    const [from, to] = [await connect(t, origin, anna), await connect(t, origin, bert)]
    const before = app.passwords.computed

    const logins = { going: true }
    const payload = { username: carl.username, password: carl.password }
    const login = { method: 'POST', url: '/api/v1/user/login', payload } as const
    const all = Promise.all(Array.from({ length: LOGINS }, () => app.inject(login))).finally(() => {
      logins.going = false
    })
    const times: number[] = []
    while (logins.going) {
      const start = performance.now()
      const { message } = await from.say(bert.id, `message ${times.length}`)
      await to.until(() => to.all('message').find(frame => frame.message.seq === message.seq))
      times.push(performance.now() - start)
    }
    const answers = await all

    const count = (status: number) => answers.filter(answer => answer.statusCode === status).length
    const slowest = Math.max(...times)
    t.comment(
      `${count(200)} logged in, ${count(503)} were told to come back; ` +
        `${times.length} messages meanwhile, the slowest in ${slowest.toFixed(0)} ms`
    )
    t.equal(count(200) + count(503), LOGINS)
    t.ok(count(200) > 0)
    for (const { statusCode, headers } of answers) {
      if (statusCode === 503) t.match(headers['retry-after'], /^[1-9]\d*$/)
    }
    t.equal(app.passwords.computed - before, count(200), 'no work was done for those that were refused')
    t.ok(
      times.length >= 5 && slowest < MAX_MESSAGE_MS,
      `the slowest of ${times.length} messages took ${slowest.toFixed(0)} ms`
    )
    t.ok((await app.sessions.list(carl.id)).length <= 100, 'and no more sessions are kept than the limit')
  }
)

tap.test(
  'enumeration by work: a login costs one hash, whether the account exists, was deleted or never was',
  async t => {
    const app = await build(t)
    const [anna, gone] = [await register(app), await register(app)]
    await app.inject({
      method: 'DELETE',
      url: `/api/v1/user/${gone.id}`,
      headers: gone.headers,
      payload: { password: gone.password }
    })
    for (const username of [anna.username, gone.username, 'nobody', 'no name at all: <>', '\u200B']) {
      const before = app.passwords.computed
      const response = await app.inject({
        method: 'POST',
        url: '/api/v1/user/login',
        payload: { username, password: 'a wrong password' }
      })
      t.strictSame(
        [response.statusCode, response.json().message, app.passwords.computed - before],
        [401, 'Unauthorized: wrong username or password', 1],
        username
      )
    }
  }
)

tap.test('enumeration by registering costs a hash an attempt, taken name or not', async t => {
  const app = await build(t)
  const anna = await register(app)
  for (const [username, status] of [
    [anna.username, 409],
    ['somebody', 201]
  ] as const) {
    const before = app.passwords.computed
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/user/register',
      payload: { username, email: 'somebody@example.org', password: '12345678' }
    })
    t.strictSame([response.statusCode, app.passwords.computed - before], [status, 1])
  }
})

tap.test(
  'enumeration by ids: writing to an account that was deleted or never was is the same 404',
  async t => {
    const app = await build(t)
    const [anna, gone] = [await register(app), await register(app)]
    await app.inject({
      method: 'DELETE',
      url: `/api/v1/user/${gone.id}`,
      headers: gone.headers,
      payload: { password: gone.password }
    })
    const answers = await Promise.all(
      [gone.id, 'a'.repeat(24)].map(async reciver => {
        const response = await app.inject({
          method: 'POST',
          url: '/api/v1/addmsg',
          headers: anna.headers,
          payload: { message: 'hello', sender: anna.id, reciver }
        })
        return { status: response.statusCode, message: response.json().message }
      })
    )
    t.strictSame(answers[0], answers[1])
    t.equal(answers[0]?.status, 404)
  }
)
