/** Catching up costs a socket little memory, shares the database fairly, and ends with the socket. */
import t from 'tap'
import { connect, conversationOf, listen, register } from '../helper.js'
import { eventually, fill, gate, heldBytes, numbers, range, reaches, resumes, strangers } from './helper.js'

/** Bytes held for a conversation that waits to be resumed, its name included. */
const BYTES_PER_NAME = 500

t.test('a conversation that waits to be resumed costs little memory', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  app.conversationLog.end = () => new Promise(() => {})
  const before = heldBytes()
  for (const frame of resumes(strangers(anna.id, 9_600))) socket.send(frame)
  await socket.roundTrip()
  t.equal(app.realtime.gauges().cursors, 9_600)
  const each = (heldBytes() - before) / 9_600
  t.ok(each < BYTES_PER_NAME, `${Math.round(each)} bytes each`)
})

t.test('reads of the log by resumes are bounded in all, not for each socket', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const sockets = await Promise.all(range(1, 10).map(async () => await connect(t, origin, anna)))
  const end = app.conversationLog.end.bind(app.conversationLog)
  let reading = 0
  let most = 0
  app.conversationLog.end = async conversation => {
    most = Math.max(most, ++reading)
    const last = await end(conversation)
    reading--
    return last
  }
  for (const socket of sockets) socket.send(resumes(strangers(anna.id, 50))[0]!)
  for (const socket of sockets) await socket.next('resumed')
  t.ok(most > 1 && most <= 8, `${most} at once`)
})

t.test('a user with thousands of waiting conversations does not delay the resume of another one', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  await fill(app, anna, ben, 3)
  const conversation = conversationOf(anna.id, ben.id)
  const [annas, bens] = await Promise.all([connect(t, origin, anna), connect(t, origin, ben)])
  const end = app.conversationLog.end.bind(app.conversationLog)
  let reads = 0
  app.conversationLog.end = async id => {
    if (id !== conversation) reads++
    return await end(id)
  }
  for (const frame of resumes(strangers(anna.id, 9_600))) annas.send(frame)
  await annas.roundTrip()
  const before = reads
  bens.send({ type: 'resume', have: { [conversation]: 0 } })
  await bens.next('resumed')
  t.same(numbers(bens, conversation), [1, 2, 3])
  t.ok(reads - before < 300, `${reads - before} reads for others meanwhile`)
})

t.test('what waits is dropped with its socket: no read and no work for one that left', async t => {
  const { app, origin } = await listen(t)
  const anna = await register(app)
  const socket = await connect(t, origin, anna)
  const held = gate()
  let reads = 0
  app.conversationLog.end = async () => {
    reads++
    await held.opened
    return { rev: 0, top: 0 }
  }
  for (const frame of resumes(strangers(anna.id, 9_600))) socket.send(frame)
  await socket.roundTrip()
  socket.ws.terminate()
  await eventually(() => app.realtime.gauges().sockets === 0)
  const before = reads
  let turns = 0
  app.conversationLog.end = async () => {
    reads++
    return { rev: 0, top: 0 }
  }
  const { page } = app.conversations
  app.conversations.page = async (...args) => {
    turns++
    return await page(...args)
  }
  held.open()
  for (let n = 0; n < 100; n++) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  t.equal(reads, before, 'nothing is read')
  t.equal(turns, 0, 'no list of conversations is made for it')
})

t.test('MAX_CURSORS: a resume beyond it is refused as a whole, and the earlier ones go on', async t => {
  const { app, origin } = await listen(t, { MAX_CURSORS: 10 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(app, anna, ben, 3)
  const socket = await connect(t, origin, ben)
  const end = app.conversationLog.end.bind(app.conversationLog)
  const held = gate()
  app.conversationLog.end = async id => {
    await held.opened
    return await end(id)
  }
  const first = [conversation, ...strangers(ben.id, 8)]
  socket.send(resumes(first)[0]!)
  socket.send(resumes(strangers(ben.id, 2))[0]!)
  t.match(await socket.next('error'), { code: 'invalid', path: 'have' })
  t.equal(app.realtime.gauges().cursors, 9)
  socket.send(resumes(first)[0]!)
  held.open()
  await socket.until(() => socket.all('resumed').length === 2 || undefined)
  t.same(numbers(socket, conversation), [1, 2, 3])
  t.equal(app.realtime.gauges().cursors, 1, 'those that do not exist take no place')
  socket.send(resumes(strangers(ben.id, 9))[0]!)
  await socket.next('resumed')
  t.equal(socket.all('error').length, 1)
})

t.test('of two resumes of a conversation the later one holds: no reset for the earlier one', async t => {
  const { app, origin } = await listen(t, { RESUME_LIMIT: 20 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(app, anna, ben, 30)
  const socket = await connect(t, origin, ben)
  const end = app.conversationLog.end.bind(app.conversationLog)
  const [asked, held] = [gate(), gate()]
  app.conversationLog.end = async id => {
    asked.open()
    await held.opened
    return await end(id)
  }
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  await asked.opened
  socket.send({ type: 'resume', have: { [conversation]: 15 } })
  await socket.roundTrip()
  held.open()
  await socket.until(() => socket.all('resumed').length === 2 || undefined)
  t.same(socket.all('reset'), [])
  t.same(numbers(socket, conversation), range(16, 30))
  await fill(app, anna, ben, 1)
  await reaches(socket, conversation, 31)
})
