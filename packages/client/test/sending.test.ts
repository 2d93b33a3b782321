/** Messages that the client sends, and what becomes of them. The test plays the server, frame by frame. */
import { randomUUID } from 'node:crypto'
import tap from 'tap'
import { bela, LIMITS, me, message, resumed, script } from './scripted-server.js'

tap.test(
  'rejects a send that is refused for good, and repeats one that is refused for a while when it may',
  async t => {
    const s = script(t)
    await s.start()
    for (const code of ['invalid', 'not_found', 'forbidden', 'conflict']) {
      const answer = s.client.send(bela, code)
      await s.world.pass(10)
      const { clientId } = s.all('send').at(-1)!
      await Promise.all([
        t.rejects(answer, { code, path: 'message', clientId }),
        s.tell({ type: 'error', code, message: 'no', path: 'message', clientId })
      ])
    }
    for (const code of ['rate_limited', 'unavailable', 'internal']) {
      const before = s.all('send').length
      const answer = s.client.send(bela, code)
      await s.world.pass(10)
      const { clientId } = s.all('send').at(-1)!
      await s.tell({ type: 'error', code, message: 'not now', clientId, retryAfterMs: 700 })
      await s.world.pass(650)
      t.equal(s.all('send').length, before + 1)
      await s.world.pass(100)
      t.same(
        s
          .all('send')
          .slice(before)
          .map(frame => frame.clientId),
        [clientId, clientId]
      )
      await s.tell({ type: 'ack', clientId, message: message(1, { sender: me, clientId }) })
      t.equal((await answer).clientId, clientId)
    }
    t.same(s.errors, [], 'these are told by the promises alone')
  }
)

tap.test('a message that makes the server fail again and again is given up', async t => {
  const s = script(t)
  await s.start()
  const answer = t.rejects(s.client.send(bela, 'poison'), { code: 'internal' })
  for (let n = 0; n < 5; n++) {
    await s.world.pass(2000)
    await s.tell({ type: 'error', code: 'internal', message: 'oops', clientId: s.all('send')[0]!.clientId })
  }
  await answer
  t.equal(s.all('send').length, 5)
})

tap.test('a send that gets no answer on an open socket is sent again', async t => {
  const s = script(t)
  await s.start()
  const answer = s.client.send(bela, 'hello')
  await s.world.pass(29_000)
  await s.tell({ type: 'pong' })
  t.equal(s.all('send').length, 1)
  await s.world.pass(2000)
  t.equal(s.all('send').length, 2)
  await s.tell({ type: 'ack', clientId: s.all('send')[1]!.clientId, message: message(1) })
  await answer
})

tap.test('offline, messages queue up to the limit, and go in order when there is a connection', async t => {
  const s = script(t, { queueLimit: 3, inFlight: 2 })
  const answers = ['a', 'b', 'c'].map(text => s.client.send(bela, text))
  await t.rejects(s.client.send(bela, 'd'), { code: 'queue_full' })
  await s.start()
  t.same(
    s.all('send').map(frame => frame.message),
    ['a', 'b'],
    'no more than inFlight without their answers'
  )
  await s.tell({ type: 'ack', clientId: s.all('send')[0]!.clientId, message: message(1) })
  t.same(
    s.all('send').map(frame => frame.message),
    ['a', 'b', 'c']
  )
  await s.cut()
  await s.world.pass(1000)
  await s.tell(resumed())
  t.same(
    s.all('send').map(frame => frame.message),
    ['a', 'b', 'c', 'b', 'c']
  )
  t.same(
    s.client.pending.map(frame => 'message' in frame && frame.message),
    ['b', 'c']
  )
  const rest = Promise.all(answers.slice(1).map(async answer => t.rejects(answer, { code: 'closed' })))
  s.client.close()
  await rest
  await t.rejects(s.client.send(bela, 'e'), { code: 'closed' })
})

tap.test('frames for which the server would close the socket are not sent', async t => {
  const s = script(t, { limits: { ...LIMITS, frameBytes: 400 } })
  await s.start()
  await t.rejects(s.client.send(bela, 'x'.repeat(101)), { code: 'invalid', path: 'message' })
  await t.rejects(
    s.client.send(bela, '\u0001'.repeat(90)),
    { code: 'invalid', path: 'message' },
    'a frame above the limit'
  )
  await t.rejects(s.client.send(bela, 'a', { clientId: 'mine' }), TypeError)
  const clientId = randomUUID()
  const [one, same] = [
    s.client.send(bela, '👋'.repeat(40), { clientId: clientId.toUpperCase() }),
    s.client.send(bela, '👋'.repeat(40), { clientId })
  ]
  await t.rejects(s.client.send(bela, 'another', { clientId }), { code: 'conflict' })
  await s.world.pass(10)
  t.equal(s.all('send').length, 1)
  await s.tell({ type: 'ack', clientId, message: message(1) })
  t.same(await one, await same)
})

tap.test('a long queue drains at the announced rate, without one refusal', async t => {
  const s = script(t, { limits: { ...LIMITS, ratePerSecond: 20 } })
  // The server's bucket: 20 frames a second, 60 at most.
  const bucket = { tokens: 60, at: 0 }
  const take = (now: number) => {
    bucket.tokens = Math.min(60, bucket.tokens + ((now - bucket.at) * 20) / 1000)
    bucket.at = now
    if (bucket.tokens >= 1) bucket.tokens--
    else refused++
  }
  let refused = 0
  let highest = 0
  let open = 0
  const answers = Array.from({ length: 500 }, (_, n) => s.client.send(bela, `number ${n}`))
  await s.start()
  const started = s.world.now()
  for (let seq = 0, heard = 0; seq < 500;) {
    await s.world.pass(5)
    for (; heard < s.said.length; heard++) take(s.world.now())
    const sends = s.all('send')
    open = sends.length - seq
    highest = Math.max(highest, open)
    if (seq < sends.length) {
      const { clientId } = sends[seq]!
      seq++
      s.connections[0]!.down({ type: 'ack', clientId, message: message(seq) })
    }
  }
  await s.world.pass(10)
  await Promise.all(answers)
  t.equal(refused, 0)
  t.ok(highest <= 16)
  t.ok(s.world.now() - started < 30_000, `${s.world.now() - started} ms`)
})

tap.test(
  'repeats a refused frame: a resume on a new connection, the others after their time',
  async t => {
    const s = script(t)
    s.client.watch([bela])
    s.client.connect()
    await s.world.pass(10)
    await s.tell({ type: 'error', code: 'unavailable', message: 'busy', retryAfterMs: 4000 })
    t.match(s.states.at(-1), { state: 'waiting', retryInMs: 4500 })
    await s.world.pass(4600)
    await s.tell(resumed())
    t.equal(s.all('watch').length, 2)
    await s.tell({ type: 'error', code: 'rate_limited', message: 'too fast', retryAfterMs: 500 })
    t.equal(s.all('watch').length, 2)
    await s.world.pass(600)
    t.equal(s.all('watch').length, 3)
    t.same(
      s.errors.map(({ code }) => code),
      ['unavailable', 'rate_limited']
    )
  }
)
