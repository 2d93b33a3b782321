/**
 * What frames may cost: per frame, per socket and per user (docs/realtime.md, "Limits and closing codes").
 */
import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { CLOSE } from 'chat-protocol'
import { connect, conversationOf, listen, register, type Socket } from '../helper.js'

const unknownUser = (): string => randomBytes(12).toString('hex')

/** A resume of conversations that do not exist. */
function resumeOf (user: string, count: number): { type: 'resume'; have: Record<string, number> } {
  const names = Array.from({ length: count }, () => conversationOf(user, unknownUser()))
  return { type: 'resume', have: Object.fromEntries(names.map(name => [name, 0])) }
}

/** Frames of a type that arrived before the answer to a ping. */
async function after<T extends Parameters<Socket['all']>[0]> (socket: Socket, type: T) {
  await socket.roundTrip()
  return socket.all(type)
}

t.test('a resume names at most RESUME_CONVERSATIONS, which hello announces', async t => {
  const { app, origin } = await listen(t, { RESUME_CONVERSATIONS: 5 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  t.match(socket.frames[0], { type: 'hello', limits: { resumeConversations: 5 } })
  socket.send(resumeOf(anna.id, 6))
  const [error] = await after(socket, 'error')
  t.match(error, { code: 'invalid', path: 'have', message: /at most 5 conversations/ })
  socket.send(resumeOf(anna.id, 5))
  await socket.next('resumed')
})

t.test('by default no resume that fits into a frame names too many', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  const { limits } = await socket.until(() => socket.all('hello')[0])
  const shortest = `"${conversationOf(anna.id, anna.id)}":0,`.length
  t.ok(limits.resumeConversations! >= limits.frameBytes / shortest)
})

t.test("the resumes under way on a socket name four frames' worth of conversations at most", async t => {
  const { app, origin } = await listen(t, { RESUME_CONVERSATIONS: 5 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  const page = app.conversations.page.bind(app.conversations)
  let goOn: (() => void) | undefined
  const held = new Promise<void>(resolve => {
    goOn = resolve
  })
  app.conversations.page = async (...args) => {
    await held
    return await page(...args)
  }
  for (let n = 0; n < 5; n++) socket.send(resumeOf(anna.id, 5))
  const errors = await after(socket, 'error')
  t.equal(errors.length, 1)
  t.match(errors[0], { code: 'rate_limited', path: 'have', retryAfterMs: Number })
  goOn!()
  await socket.until(() => socket.all('resumed').length >= 4 || undefined)
  socket.send(resumeOf(anna.id, 5))
  await socket.until(() => socket.all('resumed').length >= 5 || undefined)
})

t.test('USER_FRAME_RATE: all sockets of a user share one allowance, by the cost of their frames', async t => {
  // At most 800 at once; an empty resume costs 50.
  const { app, origin } = await listen(t, { FRAME_RATE: 20, USER_FRAME_RATE: 10 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const sockets = await Promise.all(Array.from({ length: 3 }, async () => await connect(t, origin, anna)))
  for (const socket of sockets) {
    for (let n = 0; n < 10; n++) socket.send({ type: 'resume', have: {} })
  }
  const answered = (socket: Socket) => socket.all('resumed').length + socket.all('error').length
  for (const socket of sockets) await socket.until(() => answered(socket) === 10 || undefined)
  const errors = sockets.flatMap(socket => socket.all('error'))
  t.ok(errors.length >= 14, `${errors.length} of 30 were refused`)
  t.match(errors[0], { code: 'rate_limited', path: 'have' })
  t.ok(errors[0]!.retryAfterMs! > 0 && errors[0]!.retryAfterMs! <= 5_000)

  const again = await connect(t, origin, anna)
  again.send({ type: 'resume', have: {} })
  await again.until(() => answered(again) === 1 || undefined)
  t.match(again.all('error')[0], { code: 'rate_limited' }, 'a new socket brings no new allowance')
  const bens = await connect(t, origin, ben)
  bens.send({ type: 'resume', have: {} })
  await bens.next('resumed')
  t.same(bens.all('error'), [], 'others have their own')
})

t.test('USER_FRAME_RATE: watch costs by its users, a frame by its bytes', async t => {
  const { app, origin } = await listen(t, { FRAME_RATE: 20, USER_FRAME_RATE: 1 })
  const users = Array.from({ length: 200 }, unknownUser)
  const filler = 'x'.repeat(100 * 1024)
  for (const frame of [
    { type: 'watch', users },
    { type: 'ping', filler }
  ]) {
    const socket = await connect(t, origin, await register(app))
    for (let n = 0; n < 10; n++) socket.send(frame)
    // Answered or refused, in this turn.
    socket.send({ type: 'send', clientId: randomUUID(), reciver: unknownUser(), message: 'last' })
    t.match(await socket.next('error'), { code: 'rate_limited' }, frame.type)
  }
})

t.test('a frame over the limit is not parsed, but its error names the clientId, and a resume', async t => {
  const { app, origin } = await listen(t, { FRAME_RATE: 1 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  for (let n = 0; n < 3; n++) await socket.roundTrip()
  const { parse } = JSON
  let parsed = 0
  JSON.parse = (text: string, ...rest) => {
    if (text.includes('marker')) parsed++
    return parse(text, ...rest)
  }
  t.teardown(() => {
    JSON.parse = parse
  })
  const clientId = randomUUID()
  const long = 'marker'.repeat(1_000)
  socket.send({ type: 'send', clientId, reciver: ben.id, message: 'marker' })
  t.match(await socket.next('error'), { code: 'rate_limited', clientId })
  socket.send({ type: 'send', reciver: ben.id, message: long, clientId })
  t.match(await socket.next('error'), { code: 'rate_limited', clientId }, 'where it comes last as well')
  socket.send({ ...resumeOf(anna.id, 50), marker: long })
  t.match(await socket.next('error'), { code: 'rate_limited', path: 'have' })
  t.equal(parsed, 0)
})

t.test('4429 comes also where frames pass now and then between the refused ones', async t => {
  const { app, origin } = await listen(t, { FRAME_RATE: 5, HEARTBEAT_MS: 1e9 })
  const socket = await connect(t, origin, await register(app))
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  let time = now()
  Date.now = () => time
  // 20 frames a second: one of four passes.
  for (let sent = 1; sent <= 600 && socket.closed === undefined; sent++) {
    socket.send({ type: 'ping' })
    const answers = () => socket.all('pong').length + socket.all('error').length
    await socket.until(() => answers() === sent || undefined).catch(() => {})
    time += 50
  }
  t.equal(socket.closed?.code, CLOSE.rateLimited)
})
