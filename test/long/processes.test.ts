/** Three server processes on one database and one Redis, and what goes wrong between them. */
import t, { type Test } from 'tap'
import { databaseUrl } from '../helper.js'
import { heard, open, register, texts, type User } from '../processes.js'
import { redisMissing, startRedis, type RedisProcess } from '../redis.js'
import { RedisProxy } from '../redis-proxy.js'
import { request, run, start, type ServerProcess } from '../server.js'

const skip = redisMissing() ?? false
async function ready (server: ServerProcess) {
  const { status, body } = await request(server.origin, 'GET', '/ready')
  return { status, body }
}

interface Trio { redis: RedisProcess, proxy: RedisProxy, servers: ServerProcess[], anna: User, ben: User }

/** Three processes; the second one, with ben's sockets, reaches Redis through the proxy. */
async function trio (t: Test): Promise<Trio> {
  const redis = await startRedis(t)
  const proxy = await RedisProxy.start(t, redis.port)
  const env = { MONGODB_URL: await databaseUrl(), PRESENCE_GRACE_MS: '500' }
  const urls = [redis.url, proxy.url, redis.url]
  const servers = await Promise.all(urls.map(async REDIS_URL => await start(t, { ...env, REDIS_URL })))
  const [anna, ben] = await Promise.all([register(servers[0]!, 'anna'), register(servers[1]!, 'ben')])
  return { redis, proxy, servers, anna, ben }
}

async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise(resolve => setTimeout(resolve, 50))
}

t.test('messages, typing, receipts, presence and the end of a session cross processes', { skip }, async t => {
  const { servers: [one, two, three], anna, ben } = await trio(t)
  const [annas, bens] = [await open(t, one!, anna), await open(t, two!, ben)]
  bens.send({ type: 'watch', users: [anna.id] })
  t.match(await bens.next('presence'), { user: anna.id, online: true }, 'the socket is at another process')
  const waits: number[] = []
  for (let n = 0; n < 50; n++) {
    const sent = performance.now()
    annas.send({ type: 'send', clientId: crypto.randomUUID(), reciver: ben.id, message: `m${n}` })
    await heard(bens, `m${n}`)
    waits.push(performance.now() - sent)
  }
  waits.sort((a, b) => a - b)
  const [p50, most] = [waits[25]!.toFixed(1), waits[49]!.toFixed(1)]
  t.comment(`sent until heard in another process: p50 ${p50} ms, max ${most} ms`)
  t.same(texts(bens), Array.from({ length: 50 }, (_, n) => `m${n}`))
  const conversation = bens.all('message')[0]!.message.conversation
  annas.send({ type: 'typing', conversation, on: true })
  t.match(await bens.next('typing'), { user: anna.id, on: true })
  bens.send({ type: 'read', conversation, seq: 50 })
  t.match(await annas.next('receipt'), { user: ben.id, read: 50 })
  const second = await open(t, three!, anna)
  await annas.close()
  await second.close()
  t.match(await bens.next('presence'), { user: anna.id, online: false }, 'only after the last device left')
  const began = performance.now()
  await request(three!.origin, 'POST', '/api/v1/user/logout', { token: ben.token })
  t.equal((await bens.untilClosed()).code, 4401)
  t.ok(performance.now() - began < 1_000)
})

t.test('MAX_SOCKETS_PER_USER counts over all processes; the oldest socket is closed', { skip }, async t => {
  const redis = await startRedis(t)
  const env = { MONGODB_URL: await databaseUrl(), REDIS_URL: redis.url, MAX_SOCKETS_PER_USER: '2' }
  const [one, two] = [await start(t, env), await start(t, env)]
  const anna = await register(one, 'anna')
  const first = await open(t, one, anna)
  await open(t, two, anna)
  await open(t, two, anna)
  t.equal((await first.untilClosed()).code, 4409)
})

async function fault (
  t: Test, { servers, anna, ben }: Trio, begin: () => unknown, end: () => unknown, ms: number
) {
  const [one, two] = [servers[0]!, servers[1]!]
  const [annas, bens] = [await open(t, one, anna), await open(t, two, ben)]
  const local = await open(t, one, ben)
  await annas.say(ben.id, 'before')
  await heard(bens, 'before')
  await begin()
  const acks: number[] = []
  const until = performance.now() + ms
  let count = 0
  while (performance.now() < until) {
    const sent = performance.now()
    await annas.say(ben.id, `during ${count++}`)
    acks.push(performance.now() - sent)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  t.ok(Math.max(...acks) < 4_000, `acks took at most ${Math.max(...acks).toFixed(0)} ms`)
  t.equal((await ready(one)).status, 200)
  await heard(local, `during ${count - 1}`)
  await end()
  const ended = performance.now()
  await heard(bens, `during ${count - 1}`)
  const after = performance.now() - ended
  t.ok(after < 10_000, `all was delivered ${after.toFixed(0)} ms after the end`)
  const all = ['before', ...Array.from({ length: count }, (_, n) => `during ${n}`)]
  t.same(texts(bens), all, 'no gap, no duplicate, in order')
  t.same(texts(local), all)
  await untilReady(servers)
}

async function untilReady (servers: ServerProcess[]): Promise<void> {
  await until(async () => {
    const states = await Promise.all(servers.map(ready))
    return states.every(({ body }) => body.status === 'ok')
  })
}

t.test('Redis is killed, and restarted empty', { skip }, async t => {
  const all = await trio(t)
  await fault(t, all, all.redis.kill, all.redis.restart, 5_000)
})

t.test('Redis is paused for 10 seconds', { skip }, async t => {
  const all = await trio(t)
  await fault(t, all, () => all.redis.signal('SIGSTOP'), () => all.redis.signal('SIGCONT'), 10_000)
})

t.test('one process is parted from Redis for 5 seconds', { skip }, async t => {
  const all = await trio(t)
  await fault(t, all, () => all.proxy.part(), () => all.proxy.heal(), 5_000)
})

t.test('a subscription that stays open and delivers nothing is noticed', { skip }, async t => {
  const { proxy, servers, anna, ben } = await trio(t)
  const [one, two, three] = servers as [ServerProcess, ServerProcess, ServerProcess]
  const [annas, bens] = [await open(t, one, anna), await open(t, two, ben)]
  await annas.say(ben.id, 'before')
  await heard(bens, 'before')
  proxy.swallows = true
  const [began, acked] = [performance.now(), await annas.say(ben.id, 'during').then(() => performance.now())]
  await Promise.all([
    heard(bens, 'during').then(() => t.ok(performance.now() - acked < 12_000, 'within 12 s of its ack')),
    until(async () => (await ready(two)).status === 503)
      .then(() => t.ok(performance.now() - began < 15_000, '/ready is red within 15 s'))
  ])
  t.strictSame([(await ready(one)).status, (await ready(three)).status], [200, 200])
  proxy.heal()
  const healed = performance.now()
  await untilReady(servers)
  t.ok(performance.now() - healed < 15_000, 'and green within 15 s of the end')
  await annas.say(ben.id, 'after')
  await heard(bens, 'after')
  t.same(texts(bens), ['before', 'during', 'after'])
})

t.test('a server that is killed with sockets leaves no ghosts', { skip }, async t => {
  const { servers: [one, two], anna, ben } = await trio(t)
  await open(t, one!, anna)
  const bens = await open(t, two!, ben)
  bens.send({ type: 'watch', users: [anna.id] })
  t.match(await bens.next('presence'), { online: true })
  const killed = performance.now()
  await one!.end('SIGKILL')
  t.match(await bens.next('presence'), { user: anna.id, online: false })
  const ms = performance.now() - killed
  t.ok(ms < 60_000, `offline after ${ms.toFixed(0)} ms`)
})

t.test('the start without Redis fails in one line, within 15 seconds', { skip }, async t => {
  const began = performance.now()
  const { code, err } = await run({ MONGODB_URL: await databaseUrl(), REDIS_URL: 'redis://127.0.0.1:1', PORT: '0' })
  t.equal(code, 1)
  t.match(err, /^cannot start: Redis [^\n]*\n$/)
  t.ok(performance.now() - began < 15_000)
})
