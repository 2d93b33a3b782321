/** What the client asks for when it connects. The test plays the server, frame by frame. */
import tap from 'tap'
import { conversationOf } from '../src/index.js'
import { userId } from './model.js'
import { bela, LIMITS, me, message, resumed, script, talk } from './scripted-server.js'

tap.test(
  'resumes what the application has, in frames of the announced size, one after the other',
  async t => {
    const have = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [conversationOf(me, userId(n + 10)), n])
    )
    const s = script(t, { have })
    await s.start()
    t.equal(s.said[0]!.type, 'resume')
    t.equal(s.all('resume').length, 2)
    for (let n = 0; n < 5; n++) await s.tell(resumed())
    const frames = s.all('resume')
    t.ok(frames.every(frame => JSON.stringify(frame).length <= LIMITS.frameBytes))
    t.same(Object.assign({}, ...frames.map(frame => frame.have)), have)
    t.equal(frames.flatMap(frame => Object.keys(frame.have)).length, 300)
  }
)

tap.test('a resume names 500 conversations at most, fewer where the server announces fewer', async t => {
  const have = Object.fromEntries(
    Array.from({ length: 1_200 }, (_, n) => [conversationOf(me, userId(n + 10)), n])
  )
  for (const [resumeConversations, first] of [
    [2_500, 500],
    [400, 400]
  ] as const) {
    const s = script(t, { have, limits: { ...LIMITS, frameBytes: 131_072, resumeConversations } })
    await s.start()
    await s.tell(resumed(), resumed())
    const sizes = s.all('resume').map(frame => Object.keys(frame.have).length)
    t.same(sizes, [first, first, 1_200 - 2 * first])
  }
})

tap.test(
  'a resume that is refused for a while is sent again on the same connection, and holds up nothing else',
  async t => {
    const limits = { ...LIMITS, frameBytes: 131_072, resumeConversations: 1 }
    const other = conversationOf(me, userId(3))
    const s = script(t, { have: { [talk]: 5, [other]: 2 }, limits })
    const watched = [bela]
    s.client.watch(watched)
    await s.start()
    t.same(
      s.all('resume').map(frame => frame.have),
      [{ [talk]: 5 }, { [other]: 2 }]
    )
    await s.tell({ type: 'error', code: 'rate_limited', message: 'busy', path: 'have', retryAfterMs: 5_000 })
    s.client.send(bela, 'hello').catch(() => {})
    await s.world.pass(10)
    t.equal(s.all('send').length, 1, 'a message goes meanwhile')
    await s.tell({ type: 'error', code: 'rate_limited', message: 'busy', retryAfterMs: 100 })
    await s.world.pass(4_900)
    t.equal(s.all('watch').length, 2, 'what may have been refused is said again')
    t.equal(s.all('resume').length, 2, 'not before it may')
    await s.world.pass(100)
    t.same(
      s.all('resume').map(frame => frame.have),
      [{ [talk]: 5 }, { [other]: 2 }, { [other]: 2 }]
    )
    let synced = 0
    s.client.on('synced', () => {
      synced++
    })
    await s.tell(resumed())
    t.equal(synced, 1)
    t.equal(s.connections.length, 1)
  }
)

tap.test(
  'without `have`, known conversations begin after their last message, later ones with their first',
  async t => {
    const s = script(t)
    const later = conversationOf(me, userId(3))
    await s.start([{ id: talk, lastSeq: 5 }])
    t.same(
      s.all('resume').map(frame => frame.have),
      [{}, { [talk]: 5 }],
      'the server gets a cursor for what the client has learned'
    )
    await s.tell(
      resumed(),
      { type: 'message', message: message(6) },
      { type: 'message', message: message(2, { conversation: later }) }
    )
    t.same(s.seqs(), [6])
    t.same(s.all('resume').at(-1)!.have, { [later]: 0 }, 'number 1 is missing')
  }
)

tap.test('history: all begins with the first message of each conversation', async t => {
  const s = script(t, { history: 'all' })
  await s.start([{ id: talk, lastSeq: 5 }])
  t.same(
    s.all('resume').map(frame => frame.have),
    [{}, { [talk]: 0 }]
  )
})

tap.test(
  'fetches conversations that the server does not list over HTTP, and only where something is new',
  async t => {
    const inbox = Array.from({ length: 120 }, (_, n) => {
      return { id: conversationOf(me, userId(10 + n)), lastSeq: n + 1, lastRev: n + 1, read: 0, delivered: 0 }
    })
    const s = script(t, {
      page: (_path, query) => {
        const from = Number(query.get('after') ?? 0)
        const next = from === 0 ? { next: '100' } : {}
        return { status: 200, body: { data: inbox.slice(from, from + 100), ...next } }
      }
    })
    const early = s.client.send(bela, 'waits until it is known where the conversation stands')
    await s.start(inbox.slice(0, 50))
    t.equal(s.asked.length, 2)
    t.match(s.asked[1], 'after=100')
    t.same(s.client.have, Object.fromEntries(inbox.map(({ id, lastSeq }) => [id, lastSeq])))
    t.equal(s.all('send').length, 1)
    await s.tell(
      { type: 'ack', clientId: s.all('send')[0]!.clientId, message: message(1) },
      ...s.all('resume').slice(1).map(() => resumed())
    )
    await early
    await s.cut()
    await s.world.pass(2000)
    await s.tell(resumed(inbox.slice(0, 50)))
    t.equal(s.asked.length, 2)
    await s.cut()
    await s.world.pass(2000)
    await s.tell(resumed(inbox.slice(0, 50).map(entry => ({ ...entry, lastRev: entry.lastRev + 1 }))))
    t.equal(
      s.asked.length,
      3,
      'all fifty have something new, so there may be more: up to a page that ends with something old'
    )
  }
)

tap.test(
  'a conversation that the ack of a repeat made known is resumed where the list says that there is more',
  async t => {
    const s = script(t, { have: {} })
    await s.start()
    const sent = s.client.send(bela, 'first')
    await s.world.pass(10)
    // Stored, but the ack is lost; two more come while the client is away.
    await s.cut()
    s.client.connect()
    await s.world.pass(10)
    const { clientId } = s.all('send').at(-1)!
    await s.tell({ type: 'ack', clientId, message: message(1, { sender: me, reciver: bela, clientId }) })
    t.equal((await sent).seq, 1)
    await s.tell(resumed([{ id: talk, lastSeq: 3 }]))
    t.same(s.all('resume').at(-1)!.have, { [talk]: 1 })
    const resumes = s.all('resume').length
    await s.tell(
      { type: 'message', message: message(2) },
      { type: 'message', message: message(3) },
      resumed([{ id: talk, lastSeq: 3 }])
    )
    t.same(s.seqs(), [1, 2, 3])
    await s.tell(resumed([{ id: talk, lastSeq: 9 }]))
    t.equal(s.all('resume').length, resumes, 'once: from then on the server pushes what comes')
  }
)
