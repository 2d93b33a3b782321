import { once } from 'node:events'
import tap from 'tap'
import { WebSocket } from 'ws'
import { build, connect, listen, register } from '../helper.js'
import { upgrade } from '../upgrade.js'
import { sha256 } from '../sessions.js'

/** What is near a token, but was not given out. */
function forgedFrom (token: string): string[] {
  const session = sha256(token)
  return [
    '', ' ', token.slice(1), token.slice(0, -1), token + '=', token + 'A',
    token.toUpperCase(), token.toLowerCase(),
    Buffer.from(session, 'hex').toString('base64url'),
    Buffer.from(token, 'base64url').toString('hex'),
    'null', 'undefined', '[object Object]', '{"$ne":null}', '*', '../../', 'A'.repeat(10_000),
    ['{"alg":"none"}', '{"user":"1"}', ''].map(part => Buffer.from(part).toString('base64url')).join('.')
  ]
}

tap.test('a token that was not given out opens nothing: changed, cut, padded, its hash', async t => {
  const { app, origin } = await listen(t)
  const { token } = await register(app)
  const flipped = (token[0] === 'A' ? 'B' : 'A') + token.slice(1)
  const likely = [flipped, sha256(token), 'A'.repeat(43)]
  for (const guess of [...likely, ...forgedFrom(token)]) {
    for (const headers of [{ authorization: `Bearer ${guess}` }, { cookie: `session=${guess}` }]) {
      const { statusCode } = await app.inject({ url: '/api/v1/user/me', headers })
      t.equal(statusCode, 401, guess.slice(0, 50))
    }
  }
  for (const guess of likely) {
    t.equal(await upgrade(t, origin, { authorization: `Bearer ${guess}` }), 401)
    t.equal(await upgrade(t, origin, { cookie: `session=${guess}` }), 401)
    t.equal(await upgrade(t, origin, {}, ['chat.v1', `bearer.${guess}`]), 401)
  }
})

tap.test('a token is only taken from its places: not from the URL, the body or another header', async t => {
  const { app, origin } = await listen(t)
  const { token } = await register(app)
  for (const url of [`/api/v1/user/me?token=${token}`, `/api/v1/user/me?access_token=${token}`]) {
    t.equal((await app.inject(url)).statusCode, 401)
  }
  for (const headers of [
    { 'x-access-token': token },
    { authorization: token },
    { authorization: `Token ${token}` },
    { 'proxy-authorization': `Bearer ${token}` },
    { 'sec-websocket-protocol': `bearer.${token}` },
    { cookie: `token=${token}` }
  ] as Record<string, string>[]) {
    t.equal(
      (await app.inject({ url: '/api/v1/user/me', headers })).statusCode,
      401,
      Object.keys(headers).join()
    )
  }
  for (const path of [`/ws?token=${token}`, `/ws?access_token=${token}`]) {
    t.equal(await upgrade(t, origin, {}, [], path), 401)
  }
  t.equal(await upgrade(t, origin, {}, ['chat.v1', `bearer.${token}`]), 101)
})

tap.test('at a socket too, a bad token never falls back to a good cookie', async t => {
  const { app, origin } = await listen(t)
  const { token } = await register(app)
  const cookie = `session=${token}`
  t.equal(await upgrade(t, origin, { cookie }), 101)
  t.equal(await upgrade(t, origin, { cookie, authorization: 'Bearer x' }), 401)
  t.equal(await upgrade(t, origin, { cookie }, ['chat.v1', 'bearer.x']), 401)
})

tap.test(
  'logout ends its token, and closes the sockets that it opened with 4401',
  async t => {
    const { app, origin } = await listen(t)
    const anna = await register(app)
    const socket = await connect(t, origin, anna)
    t.equal(
      (await app.inject({ method: 'POST', url: '/api/v1/user/logout', headers: anna.headers })).statusCode,
      200
    )
    t.equal((await socket.untilClosed()).code, 4401)
    for (let i = 0; i < 3; i++) {
      t.equal((await app.inject({ url: '/api/v1/user/me', headers: anna.headers })).statusCode, 401)
    }
    t.equal(
      (await app.inject({ url: '/api/v1/user/me', headers: { cookie: `session=${anna.token}` } })).statusCode,
      401
    )
    t.equal(await upgrade(t, origin, anna.headers), 401)
  }
)

tap.test(
  'a change of password closes the sockets of the other sessions with 4401, not those of this one',
  async t => {
    const { app, origin } = await listen(t)
    const anna = await register(app)
    const { token } = (
      await app.inject({
        method: 'POST',
        url: '/api/v1/user/login',
        payload: { username: anna.username, password: anna.password }
      })
    ).json()
    const [mine, other] = [await connect(t, origin, anna), await connect(t, origin, { token })]
    await app.inject({
      method: 'POST',
      url: '/api/v1/user/password',
      headers: anna.headers,
      payload: { oldPassword: anna.password, newPassword: 'another password' }
    })
    t.equal((await other.untilClosed()).code, 4401)
    await mine.roundTrip()
  }
)

tap.test('a deleted account has no sockets', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  await app.inject({
    method: 'DELETE',
    url: `/api/v1/user/${anna.id}`,
    headers: anna.headers,
    payload: { password: anna.password }
  })
  t.equal((await socket.untilClosed()).code, 4401)
})

tap.test(
  'session fixation: a token that the client brings is never taken over by register or login',
  async t => {
    const app = await build(t)
    const { username, password } = await register(app)
    const planted = 'A'.repeat(43)
    for (const [url, payload] of [
      ['login', { username, password }],
      ['register', { username: 'victim', email: 'v@example.org', password }]
    ] as const) {
      const response = await app.inject({
        method: 'POST',
        url: `/api/v1/user/${url}`,
        payload,
        headers: { cookie: `session=${planted}`, authorization: `Bearer ${planted}` }
      })
      t.match(response.statusCode, url === 'login' ? 200 : 201)
      const [cookie] = response.cookies
      t.match(cookie, { name: 'session', value: response.json().token })
      t.not(response.json().token, planted)
    }
    t.equal(
      (await app.inject({ url: '/api/v1/user/me', headers: { authorization: `Bearer ${planted}` } }))
        .statusCode,
      401
    )
  }
)

tap.test('a refused upgrade leaves no connection open', async t => {
  const { app, origin } = await listen(t)
  await register(app)
  const ws = new WebSocket(`${origin.replace('http', 'ws')}/ws`)
  ws.on('error', () => {})
  const [, response] = await once(ws, 'unexpected-response')
  response.resume()
  await once(response.socket, 'close')
  t.equal(response.statusCode, 401)
})
