import t from 'tap'
import {
  connect,
  conversationOf, listen,
  register, type Person
} from '../helper.js'
import { fill, numbers, range } from './helper.js'

const { app, origin } = await listen(t)
const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
const conversation = conversationOf(anna.id, ben.id)
await fill(app, anna, ben, 30)
await fill(app, carl, ben, 5)

t.test(
  'every later message ascending, then one resumed with the most recent conversations',
  async t => {
    const socket = await connect(t, origin, ben)
    socket.send({ type: 'resume', have: { [conversation]: 10, [conversationOf(carl.id, ben.id)]: 5 } })
    const { conversations } = await socket.next('resumed')
    t.same(numbers(socket, conversation), range(11, 30))
    t.same(numbers(socket, conversationOf(carl.id, ben.id)), [])
    t.same(
      conversations
        .map(({ id, user, lastSeq, read, delivered }) => [id, user, lastSeq, read, delivered])
        .sort(),
      [
        [conversation, anna.id, 30, 0, 0],
        [conversationOf(carl.id, ben.id), carl.id, 5, 0, 0]
      ].sort()
    )
  }
)

t.test('repeats what was sent before if asked to; several frames: one resumed each', async t => {
  const socket = await connect(t, origin, ben)
  socket.send({ type: 'resume', have: { [conversation]: 28 } })
  socket.send({ type: 'resume', have: { [conversation]: 27 } })
  await socket.until(() => socket.all('resumed').length === 2 || undefined)
  t.same(numbers(socket, conversation).slice(-3), [28, 29, 30])
})

t.test('new messages that arrive meanwhile keep their place', async t => {
  const socket = await connect(t, origin, ben)
  const writing = Promise.all(
    Array.from(
      { length: 40 },
      async (_, n) =>
        await app.inject({
          method: 'POST',
          url: '/api/v1/addmsg',
          headers: anna.headers,
          payload: { message: `live ${n}`, sender: anna.id, reciver: ben.id }
        })
    )
  )
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  await writing
  await socket.until(() => numbers(socket, conversation).at(-1) === 70 || undefined)
  const seen = numbers(socket, conversation)
  // Live messages may come before the server has read the resume frame; from there on nothing is missing.
  t.same(seen.slice(seen.lastIndexOf(1)), range(1, 70))
})

t.test(
  'many conversations resumed in several frames have no gap and no repeat while messages go on',
  async t => {
    const senders = await Promise.all(Array.from({ length: 30 }, () => register(app)))
    const me = await register(app)
    await Promise.all(senders.map(async sender => await fill(app, sender, me, 5)))
    const addmsg = { method: 'POST', url: '/api/v1/addmsg' } as const
    const say = async ({ id, headers }: Person, message: string) =>
      await app.inject({ ...addmsg, headers, payload: { message, sender: id, reciver: me.id } })
    const live = async (n: number) =>
      await Promise.all(senders.map(async sender => await say(sender, `live ${n}`)))
    const socket = await connect(t, origin, me)
    const before = live(1)
    const have = senders.map(({ id }) => [conversationOf(id, me.id), 2] as const)
    socket.send({ type: 'resume', have: Object.fromEntries(have.slice(0, 15)) })
    socket.send({ type: 'resume', have: Object.fromEntries(have.slice(15)) })
    // Frames are handled in their order: what comes after the pong comes after both resumes.
    await socket.roundTrip()
    const from = socket.frames.findIndex(frame => frame.type === 'pong')
    await before
    for (let n = 2; n <= 4; n++) await live(n)
    const seen = (conversation: string) =>
      socket.frames
        .slice(from)
        .flatMap(frame =>
          frame.type === 'message' && frame.message.conversation === conversation ? [frame.message.seq] : []
        )
    await socket.until(
      () =>
        (socket.all('resumed').length === 2 &&
          have.every(([conversation]) => seen(conversation).at(-1) === 9)) ||
        undefined
    )
    for (const [conversation] of have) t.same(seen(conversation), range(3, 9))
  }
)

t.test('a resume of conversations that are not there keeps nothing', async t => {
  const me = await register(app)
  const socket = await connect(t, origin, me)
  const before = app.realtime.gauges().cursors
  socket.send({
    type: 'resume',
    have: Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [
        conversationOf(me.id, n.toString(16).padStart(24, '0')),
        n % 3
      ])
    )
  })
  await socket.next('resumed')
  t.equal(app.realtime.gauges().cursors, before)
})

t.test(
  'more than RESUME_LIMIT missing, or more than there are: reset, and live goes on after lastSeq',
  async t => {
    const { app, origin } = await listen(t, { RESUME_LIMIT: 20 })
    const [anna, ben] = await Promise.all([register(app), register(app)])
    const conversation = conversationOf(anna.id, ben.id)
    await fill(app, anna, ben, 25)
    for (const have of [4, 1_000]) {
      const socket = await connect(t, origin, ben)
      socket.send({ type: 'resume', have: { [conversation]: have } })
      const reset = await socket.next('reset')
      const last = have === 4 ? 25 : 26
      t.same(reset, { type: 'reset', conversation, lastSeq: last, lastRev: last })
      await socket.next('resumed')
      const { message } = await (await connect(t, origin, anna)).say(ben.id, 'live')
      await socket.until(() => numbers(socket, conversation).length === 1 || undefined)
      t.same(numbers(socket, conversation), [message.seq])
    }
    const socket = await connect(t, origin, ben)
    socket.send({ type: 'resume', have: { [conversation]: 7 } })
    await socket.next('resumed')
    t.same(numbers(socket, conversation), range(8, 27), 'exactly the limit does not cause a reset')
  }
)
