import t from 'tap'
import { build } from '../helper.js'

t.test('health and ready answer without a session', async t => {
  const app = await build(t)
  for (const url of ['/health', '/ready']) {
    const response = await app.inject({ url })
    t.equal(response.statusCode, 200)
    t.same(response.json(), { status: 'ok' })
  }
})

t.test('ready is 503 with Retry-After when the database is away', async t => {
  const app = await build(t)
  await app.mongo.client.close()
  const response = await app.inject({ url: '/ready' })
  t.equal(response.statusCode, 503)
  t.ok(Number(response.headers['retry-after']) > 0)
  t.match(response.json(), { success: false, message: /^Service Unavailable/ })
})

t.test('metrics: on loopback, or with METRICS_TOKEN', async t => {
  const METRICS_TOKEN = 'a secret of operation'
  const app = await build(t, { METRICS_TOKEN })
  const local = await app.inject({ url: '/metrics' })
  t.equal(local.statusCode, 200)
  t.match(local.headers['content-type'], /^text\/plain/)
  t.match(local.body, /^chat_sockets 0$/m)
  const foreign = (headers: Record<string, string>) => app.inject({ url: '/metrics', remoteAddress: '192.0.2.1', headers })
  t.equal((await foreign({})).statusCode, 403)
  t.equal((await foreign({ authorization: 'Bearer wrong' })).statusCode, 403)
  t.equal((await foreign({ authorization: `Bearer ${METRICS_TOKEN}` })).statusCode, 200)
  t.equal((await app.inject({ url: '/metrics', headers: { 'x-forwarded-for': '192.0.2.1' } })).statusCode, 403, 'behind a proxy on this machine')
})
