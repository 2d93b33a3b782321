/** Attempts to connect, and connections that end. The test plays the server, frame by frame. */
import tap from 'tap'
import { ChatClient } from '../src/index.js'
import { bela, LIMITS, me, message, resumed, script, talk } from './scripted-server.js'
import { fakeFetch, socketClass, World } from './world.js'

tap.test(
  'backs off with full jitter up to the ceiling, until a connection is resumed or connect() is called',
  async t => {
    const s = script(t, { backoff: { baseMs: 100, ceilingMs: 1000 } })
    await s.start()
    for (let n = 0; n < 6; n++) {
      await s.cut()
      await s.world.until(() => s.client.state === 'online', 10_000)
    }
    const waits = () => s.states.filter(({ state }) => state === 'waiting').map(({ retryInMs }) => retryInMs)
    t.same(waits(), [50, 100, 200, 400, 500, 500], 'chance is one half here')
    await s.tell(resumed())
    await s.cut()
    t.same(waits().at(-1), 50)
    s.client.connect()
    await s.world.pass(5)
    t.equal(s.client.state, 'online')
  }
)

tap.test('after bye the client sends nothing, and waits for the hint before the next attempt', async t => {
  const s = script(t, { backoff: { baseMs: 100 } })
  await s.start()
  await s.tell({ type: 'bye', retryAfterMs: 3000 })
  const answer = s.client.send(bela, 'later')
  await s.world.pass(10)
  t.equal(s.all('send').length, 0)
  s.connections[0]!.close(1012, 'the server restarts')
  await s.world.pass(10)
  t.match(s.states.at(-1), { state: 'waiting', code: 1012, reason: 'the server restarts', retryInMs: 3050 })
  await s.world.pass(3100)
  await s.tell({ type: 'ack', clientId: s.all('send')[0]!.clientId, message: message(1) })
  await answer
})

tap.test('after 4400, 4401 and 4409 only connect() tries again', async t => {
  for (const code of [4400, 4401, 4409]) {
    const s = script(t)
    await s.start()
    const answer = s.client.send(bela, 'kept')
    s.connections[0]!.close(code, 'why')
    await s.world.pass(100_000)
    t.same(s.states.at(-1), { state: 'stopped', code, reason: 'why' })
    t.equal(s.connections.length, 1)
    s.client.connect()
    await s.world.pass(10)
    await s.tell({ type: 'ack', clientId: s.all('send').at(-1)!.clientId, message: message(1) })
    await answer
  }
  for (const code of [1006, 1009, 1012, 4408, 4429]) {
    const s = script(t)
    await s.start()
    s.connections[0]!.close(code)
    await s.world.pass(2000)
    t.equal(s.client.state, 'online', `${code}`)
  }
})

tap.test('a handshake that is refused because the session has ended is not tried for ever', async t => {
  const world = new World()
  for (const [status, state] of [
    [401, 'stopped'],
    [200, 'online'],
    [503, 'online']
  ] as const) {
    let refuse = true
    const s = script(t, {
      clock: world,
      WebSocket: socketClass(world, pipe => {
        if (refuse) return undefined
        pipe.down({ type: 'hello', user: me, session: 's', heartbeatMs: 25_000, limits: LIMITS, now: '' })
        return { receive: () => {}, gone: () => {} }
      }),
      fetch: fakeFetch(world, path => {
        refuse = false
        t.equal(path, '/base/api/v1/user/me')
        return { status, body: {} }
      })
    })
    s.client.connect()
    await world.pass(10_000)
    t.equal(s.client.state, state)
    s.client.close()
  }
})

tap.test('two silent heartbeats: the client sends a ping, then reconnects', async t => {
  const s = script(t)
  await s.start()
  await s.world.pass(40_000)
  await s.tell({ type: 'typing', user: bela, conversation: talk, on: true })
  await s.world.pass(49_000)
  t.equal(s.all('ping').length, 0, 'any frame is a sign of life')
  await s.world.pass(2000)
  t.equal(s.all('ping').length, 1)
  await s.tell({ type: 'pong' })
  await s.world.pass(60_000)
  t.equal(s.connections.length, 1)
  t.equal(s.all('ping').length, 2)
  await s.world.pass(11_000)
  t.equal(s.connections.length, 2)
  t.match(
    s.states.find(({ state }) => state === 'waiting'),
    { reason: 'no answer' }
  )
})

tap.test('a server that opens the socket and says nothing, or no chat.v1, is given up', async t => {
  const s = script(t, { greet: false })
  s.client.connect()
  await s.world.pass(19_000)
  t.equal(s.client.state, 'connecting')
  await s.world.pass(3000)
  t.equal(s.connections.length, 2)
  s.connections[1]!.down('welcome' as never)
  await s.world.pass(10)
  t.match(s.states.at(-1), { state: 'waiting', reason: 'not chat.v1' })
})

tap.test('options that cannot work are named', async t => {
  t.throws(() => new ChatClient({ url: 'ftp://server.test', WebSocket: class {} as never }), /^url/)
  t.throws(
    () => new ChatClient({ url: 'http://server.test', have: { somebody: 1 }, WebSocket: class {} as never }),
    /^have/
  )
  t.throws(
    () => new ChatClient({ url: 'http://server.test', queueLimit: 0, WebSocket: class {} as never }),
    /queueLimit/
  )
})
