/**
 * What the client says and does, frame by frame: the server is played by the test, time goes when told to.
 */
import { randomUUID } from 'node:crypto'
import tap, { type Test } from 'tap'
import type { ClientFrame, HelloFrame, Message, ServerFrame } from 'chat-protocol'
import { ChatClient, conversationOf, type ChatClientOptions, type ChatError, type StateChange } from '../src/index.js'
import { userId } from './model.js'
import { fakeFetch, socketClass, World, type Pipe } from './world.js'

const [me, bela] = [userId(1), userId(2)]
const talk = conversationOf(me, bela)
const LIMITS: HelloFrame['limits'] = { frameBytes: 4096, messageChars: 100, ratePerSecond: 0 }

function message (seq: number, about: Partial<Message> = {}): Message {
  return { _id: userId(1000 + seq), conversation: talk, seq, message: `number ${seq}`, sender: bela, reciver: me, createdAt: '2024-01-31T12:00:00.000Z', ...about }
}

type Frame<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

/** A client and the test as its server. */
function script (t: Test, options: Partial<ChatClientOptions> & { limits?: typeof LIMITS, greet?: boolean, page?: (path: string, query: URLSearchParams) => { status: number, body: unknown } | undefined } = {}) {
  const { limits = LIMITS, greet = true, page = () => undefined, ...rest } = options
  const world = new World(3)
  const said: ClientFrame[] = []
  const connections: Pipe[] = []
  const asked: string[] = []
  const client = new ChatClient({
    url: 'http://server.test/base/',
    token: 'secret',
    clock: world,
    random: () => 0.5,
    WebSocket: socketClass(world, pipe => {
      connections.push(pipe)
      if (greet) pipe.down({ type: 'hello', user: me, session: 's', heartbeatMs: 25_000, limits, now: '2024-01-31T12:00:00.000Z' })
      return { receive: frame => { said.push(frame) }, gone: () => {} }
    }, 1),
    fetch: fakeFetch(world, (path, query) => {
      asked.push(`${path}?${query}`)
      return page(path, query)
    }, 1),
    ...rest
  })
  t.teardown(() => client.close())
  const got: Message[] = []
  const states: StateChange[] = []
  const errors: ChatError[] = []
  client.on('message', value => { got.push(value) })
  client.on('state', value => { states.push(value) })
  client.on('error', value => { errors.push(value) })
  return {
    client,
    world,
    said,
    connections,
    asked,
    got,
    states,
    errors,
    seqs: () => got.map(({ seq }) => seq),
    all: <T extends ClientFrame['type']>(type: T) => said.filter((frame): frame is Frame<T> => frame.type === type),
    /** The server says this, on the present connection. */
    async tell (...frames: ServerFrame[]) {
      for (const frame of frames) connections.at(-1)!.down(frame)
      await world.pass(10)
    },
    /** Connects, and has the resume answered with these conversations. */
    async start (conversations: { id: string, lastSeq: number }[] = []) {
      client.connect()
      await world.pass(10)
      connections.at(-1)!.down(resumed(conversations))
      await world.pass(10)
    },
    async cut () {
      connections.at(-1)!.cut()
      await world.pass(10)
    }
  }
}

function resumed (conversations: { id: string, lastSeq: number, read?: number, delivered?: number }[] = []): ServerFrame {
  return { type: 'resumed', conversations: conversations.map(({ id, lastSeq, read = 0, delivered = 0 }) => ({ id, user: bela, lastSeq, read, delivered })) }
}

tap.test('the first frame resumes what the application has, in frames of no more than the announced size, each after the answer to the one before', async t => {
  const have = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [conversationOf(me, userId(n + 10)), n]))
  const s = script(t, { have })
  await s.start()
  t.equal(s.said[0]!.type, 'resume')
  t.equal(s.all('resume').length, 2)
  for (let n = 0; n < 5; n++) await s.tell(resumed())
  const frames = s.all('resume')
  t.ok(frames.every(frame => JSON.stringify(frame).length <= LIMITS.frameBytes))
  t.same(Object.assign({}, ...frames.map(frame => frame.have)), have)
  t.equal(frames.flatMap(frame => Object.keys(frame.have)).length, 300)
})

tap.test('a resume names 500 conversations at most, fewer where the server announces fewer', async t => {
  const have = Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [conversationOf(me, userId(n + 10)), n]))
  for (const [resumeConversations, first] of [[2_500, 500], [400, 400]] as const) {
    const s = script(t, { have, limits: { ...LIMITS, frameBytes: 131_072, resumeConversations } })
    await s.start()
    await s.tell(resumed(), resumed())
    const sizes = s.all('resume').map(frame => Object.keys(frame.have).length)
    t.same(sizes, [first, first, 1_200 - 2 * first])
  }
})

tap.test('a resume that is refused for a while is sent again on the same connection, and holds up nothing else', async t => {
  const limits = { ...LIMITS, frameBytes: 131_072, resumeConversations: 1 }
  const other = conversationOf(me, userId(3))
  const s = script(t, { have: { [talk]: 5, [other]: 2 }, limits })
  const watched = [bela]
  s.client.watch(watched)
  await s.start()
  t.same(s.all('resume').map(frame => frame.have), [{ [talk]: 5 }, { [other]: 2 }])
  await s.tell({ type: 'error', code: 'rate_limited', message: 'busy', path: 'have', retryAfterMs: 5_000 })
  s.client.send(bela, 'hello').catch(() => {})
  await s.world.pass(10)
  t.equal(s.all('send').length, 1, 'a message goes meanwhile')
  await s.tell({ type: 'error', code: 'rate_limited', message: 'busy', retryAfterMs: 100 })
  await s.world.pass(4_900)
  t.equal(s.all('watch').length, 2, 'what may have been refused is said again')
  t.equal(s.all('resume').length, 2, 'not before it may')
  await s.world.pass(100)
  t.same(s.all('resume').map(frame => frame.have), [{ [talk]: 5 }, { [other]: 2 }, { [other]: 2 }])
  let synced = 0
  s.client.on('synced', () => { synced++ })
  await s.tell(resumed())
  t.equal(synced, 1)
  t.equal(s.connections.length, 1)
})

tap.test('without `have`, known conversations begin after their last message, later ones with their first', async t => {
  const s = script(t)
  const later = conversationOf(me, userId(3))
  await s.start([{ id: talk, lastSeq: 5 }])
  t.same(s.all('resume').map(frame => frame.have), [{}, { [talk]: 5 }], 'the server gets a cursor for what the client has learned')
  await s.tell(resumed(), { type: 'message', message: message(6) }, { type: 'message', message: message(2, { conversation: later }) })
  t.same(s.seqs(), [6])
  t.same(s.all('resume').at(-1)!.have, { [later]: 0 }, 'number 1 is missing')
})

tap.test('history: all begins with the first message of each conversation', async t => {
  const s = script(t, { history: 'all' })
  await s.start([{ id: talk, lastSeq: 5 }])
  t.same(s.all('resume').map(frame => frame.have), [{}, { [talk]: 0 }])
})

tap.test('messages after a gap are not handed on, and asked for once', async t => {
  const s = script(t, { have: { [talk]: 5 } })
  await s.start()
  await s.tell(...[7, 8, 9].map(seq => ({ type: 'message', message: message(seq) }) as const))
  t.same(s.seqs(), [])
  t.same(s.all('resume').map(frame => frame.have), [{ [talk]: 5 }, { [talk]: 5 }])
  await s.tell(...[6, 7, 8, 9].map(seq => ({ type: 'message', message: message(seq) }) as const), resumed())
  t.same(s.seqs(), [6, 7, 8, 9])
  t.equal(s.all('resume').length, 2)
  t.same(s.client.have, { [talk]: 9 })
})

tap.test('what is still missing when a resume was answered is asked for again; a server that brings nothing is left for a new connection', async t => {
  const s = script(t, { have: { [talk]: 5 } })
  await s.start()
  await s.tell({ type: 'message', message: message(9) }, { type: 'message', message: message(6) }, resumed())
  t.same(s.all('resume').at(-1)!.have, { [talk]: 6 })
  await s.tell(resumed())
  t.equal(s.client.state, 'waiting')
  t.ok(s.states.at(-1)!.retryInMs! >= 1000)
})

tap.test('the ack of a new message takes its place in the order, that of a repeat does not', async t => {
  const s = script(t, { have: { [talk]: 5 } })
  await s.start()
  const [first, second, third] = ['a', 'b', 'c'].map(text => s.client.send(bela, text))
  await s.world.pass(10)
  const ids = s.all('send').map(frame => frame.clientId)
  const mine = (seq: number, index: number) => message(seq, { sender: me, reciver: bela, clientId: ids[index]! })
  await s.tell({ type: 'ack', clientId: ids[0]!, message: mine(6, 0) }, { type: 'ack', clientId: ids[1]!, message: mine(3, 1) })
  t.same(s.seqs(), [6])
  t.same([(await first!).seq, (await second!).seq], [6, 3])
  await s.tell({ type: 'ack', clientId: ids[2]!, message: mine(8, 2) })
  t.equal((await third!).seq, 8, 'answered at once')
  t.same(s.seqs(), [6], 'its place comes after number 7')
  await s.tell({ type: 'message', message: message(7) }, { type: 'message', message: mine(8, 2) }, resumed())
  t.same(s.seqs(), [6, 7, 8])
})

tap.test('a conversation that the ack of a repeat made known is resumed where the list says that there is more', async t => {
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
  await s.tell({ type: 'message', message: message(2) }, { type: 'message', message: message(3) }, resumed([{ id: talk, lastSeq: 3 }]))
  t.same(s.seqs(), [1, 2, 3])
  await s.tell(resumed([{ id: talk, lastSeq: 9 }]))
  t.equal(s.all('resume').length, resumes, 'once: from then on the server pushes what comes')
})

tap.test('reset: the rest is paged over HTTP before live messages go on, and what came meanwhile is asked for', async t => {
  const s = script(t, {
    have: { [talk]: 5 },
    page: (_path, query) => {
      const after = Number(query.get('after'))
      if (s.asked.length === 2) return { status: 503, body: {} }
      return { status: 200, body: { data: Array.from({ length: Math.min(4, 14 - after) }, (_, n) => message(after + 1 + n)), hasMore: after + 4 < 14 } }
    }
  })
  s.client.connect()
  await s.world.pass(10)
  await s.tell({ type: 'reset', conversation: talk, lastSeq: 14 }, { type: 'message', message: message(15) }, resumed(), { type: 'message', message: message(16) })
  t.same(s.all('resume').length, 1, 'live ones are not asked for while paging')
  const synced = new Promise(resolve => s.client.on('synced', resolve))
  await s.world.pass(5000)
  t.same(s.seqs(), [6, 7, 8, 9, 10, 11, 12, 13, 14])
  t.match(s.asked[0], '/base/api/v1/getallmessages?')
  t.match(s.asked[0], `sender=${me}&reciver=${bela}&after=5&limit=1000`)
  t.equal(s.errors.length, 1, 'the failed page is told of, and tried again')
  t.same(s.all('resume').at(-1)!.have, { [talk]: 14 })
  await s.tell({ type: 'message', message: message(15) }, { type: 'message', message: message(16) }, resumed())
  t.same(s.seqs().slice(-2), [15, 16])
  await synced
})

tap.test('a server restored from a backup goes on with its own numbers', async t => {
  const s = script(t, { have: { [talk]: 50 } })
  s.client.connect()
  await s.world.pass(10)
  await s.tell({ type: 'reset', conversation: talk, lastSeq: 30 }, resumed([{ id: talk, lastSeq: 30 }]), { type: 'message', message: message(31) })
  t.same(s.seqs(), [31])
  t.same(s.asked, [])
})

tap.test('refused for good: the send rejects with the code; refused for a while: sent again with the same clientId, not before it may', async t => {
  const s = script(t)
  await s.start()
  for (const code of ['invalid', 'not_found', 'forbidden', 'conflict']) {
    const answer = s.client.send(bela, code)
    await s.world.pass(10)
    const { clientId } = s.all('send').at(-1)!
    await Promise.all([t.rejects(answer, { code, path: 'message', clientId }), s.tell({ type: 'error', code, message: 'no', path: 'message', clientId })])
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
    t.same(s.all('send').slice(before).map(frame => frame.clientId), [clientId, clientId])
    await s.tell({ type: 'ack', clientId, message: message(1, { sender: me, clientId }) })
    t.equal((await answer).clientId, clientId)
  }
  t.same(s.errors, [], 'these are told by the promises alone')
})

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

tap.test('an answer that does not come on a living socket: sent again', async t => {
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
  t.same(s.all('send').map(frame => frame.message), ['a', 'b'], 'no more than inFlight without their answers')
  await s.tell({ type: 'ack', clientId: s.all('send')[0]!.clientId, message: message(1) })
  t.same(s.all('send').map(frame => frame.message), ['a', 'b', 'c'])
  await s.cut()
  await s.world.pass(1000)
  await s.tell(resumed())
  t.same(s.all('send').map(frame => frame.message), ['a', 'b', 'c', 'b', 'c'])
  t.same(s.client.pending.map(({ message: text }) => text), ['b', 'c'])
  const rest = Promise.all(answers.slice(1).map(async answer => t.rejects(answer, { code: 'closed' })))
  s.client.close()
  await rest
  await t.rejects(s.client.send(bela, 'e'), { code: 'closed' })
})

tap.test('what the server would end the socket for is not sent', async t => {
  const s = script(t, { limits: { ...LIMITS, frameBytes: 400 } })
  await s.start()
  await t.rejects(s.client.send(bela, 'x'.repeat(101)), { code: 'invalid', path: 'message' })
  await t.rejects(s.client.send(bela, '\u0001'.repeat(90)), { code: 'invalid', path: 'message' }, 'a frame above the limit')
  await t.rejects(s.client.send(bela, 'a', { clientId: 'mine' }), TypeError)
  const clientId = randomUUID()
  const [one, same] = [s.client.send(bela, '👋'.repeat(40), { clientId: clientId.toUpperCase() }), s.client.send(bela, '👋'.repeat(40), { clientId })]
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
    bucket.tokens = Math.min(60, bucket.tokens + (now - bucket.at) * 20 / 1000)
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
    if (seq < sends.length) s.connections[0]!.down({ type: 'ack', clientId: sends[seq]!.clientId, message: message(++seq) })
  }
  await s.world.pass(10)
  await Promise.all(answers)
  t.equal(refused, 0)
  t.ok(highest <= 16)
  t.ok(s.world.now() - started < 30_000, `${s.world.now() - started} ms`)
})

tap.test('receipts are coalesced, and said again after a reconnect unless the server has them', async t => {
  const s = script(t)
  const other = conversationOf(me, userId(3))
  await s.start([{ id: talk, lastSeq: 0 }])
  for (let seq = 1; seq <= 10_000; seq++) s.client.read(talk, seq)
  s.client.read(talk, 4)
  s.client.delivered(talk, 9000)
  s.client.delivered(other, 7)
  await s.world.pass(300)
  t.same(s.said.slice(-2), [{ type: 'read', conversation: talk, seq: 10_000 }, { type: 'delivered', conversation: other, seq: 7 }])
  const before = s.said.length
  await s.cut()
  await s.world.pass(1000)
  await s.tell(resumed([{ id: other, lastSeq: 9, read: 0, delivered: 7 }]))
  await s.cut()
  await s.world.pass(1000)
  const again = s.said.slice(before).filter(({ type }) => type !== 'resume')
  t.same(again.map(({ type }) => type).sort(), ['delivered', 'read', 'read'], 'the one that the server was known to have is not said a third time')
})

tap.test('the watched are watched again after a reconnect; typing is said every 3 s, and never later', async t => {
  const s = script(t)
  const presence: unknown[] = []
  s.client.on('presence', frame => { presence.push(frame) })
  s.client.typing(bela)
  s.client.watch([bela])
  await s.start()
  await s.tell({ type: 'presence', user: bela, online: true })
  for (let n = 0; n < 40; n++) {
    s.client.typing(bela)
    await s.world.pass(100)
  }
  s.client.typing(bela, false)
  await s.world.pass(10)
  await s.cut()
  await s.world.pass(1000)
  t.same(s.all('typing').map(({ on }) => on), [true, true, false])
  t.same(s.all('watch'), [{ type: 'watch', users: [bela] }, { type: 'watch', users: [bela] }])
  t.same(presence, [{ type: 'presence', user: bela, online: true }])
  t.throws(() => s.client.watch(Array.from({ length: 201 }, (_, n) => userId(n))), RangeError)
})

tap.test('attempts back off with full jitter up to the ceiling; connect() makes one at once; a resumed connection begins anew', async t => {
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
})

tap.test('bye: nothing more is said, and the next attempt is not before the hint', async t => {
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

tap.test('no attempt after 4400, 4401 and 4409, but by connect(); the others are tried again', async t => {
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
  for (const [status, state] of [[401, 'stopped'], [200, 'online'], [503, 'online']] as const) {
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

tap.test('silence: a ping after twice the heartbeat, a new connection if nothing answers', async t => {
  const s = script(t)
  await s.start()
  await s.world.pass(40_000)
  await s.tell({ type: 'typing', user: bela, on: true })
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
  t.match(s.states.find(({ state }) => state === 'waiting'), { reason: 'no answer' })
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

tap.test('a refused frame of which nothing more is said: what was asked for is asked on a new connection, the rest is said again in time', async t => {
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
  t.same(s.errors.map(({ code }) => code), ['unavailable', 'rate_limited'])
})

tap.test('more conversations than the server lists: the rest comes over HTTP once, not again where nothing is new', async t => {
  const inbox = Array.from({ length: 120 }, (_, n) => ({ id: conversationOf(me, userId(10 + n)), lastSeq: n + 1, read: 0, delivered: 0 }))
  const s = script(t, {
    page: (_path, query) => {
      const from = Number(query.get('after') ?? 0)
      return { status: 200, body: { data: inbox.slice(from, from + 100), ...from === 0 ? { next: '100' } : {} } }
    }
  })
  const early = s.client.send(bela, 'waits until it is known where the conversation stands')
  await s.start(inbox.slice(0, 50))
  t.equal(s.asked.length, 2)
  t.match(s.asked[1], 'after=100')
  t.same(s.client.have, Object.fromEntries(inbox.map(({ id, lastSeq }) => [id, lastSeq])))
  t.equal(s.all('send').length, 1)
  await s.tell({ type: 'ack', clientId: s.all('send')[0]!.clientId, message: message(1) }, ...s.all('resume').slice(1).map(() => resumed()))
  await early
  await s.cut()
  await s.world.pass(2000)
  await s.tell(resumed(inbox.slice(0, 50)))
  t.equal(s.asked.length, 2)
  await s.cut()
  await s.world.pass(2000)
  await s.tell(resumed(inbox.slice(0, 50).map(entry => ({ ...entry, lastSeq: entry.lastSeq + 1 }))))
  t.equal(s.asked.length, 3, 'all fifty have something new, so there may be more: up to a page that ends with something old')
})

tap.test('options that cannot work are named', async t => {
  t.throws(() => new ChatClient({ url: 'ftp://server.test', WebSocket: class {} as never }), /^url/)
  t.throws(() => new ChatClient({ url: 'http://server.test', have: { somebody: 1 }, WebSocket: class {} as never }), /^have/)
  t.throws(() => new ChatClient({ url: 'http://server.test', queueLimit: 0, WebSocket: class {} as never }), /queueLimit/)
})
