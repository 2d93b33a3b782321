import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, connect, conversationOf, listen } from '../helper.js'
import { OPERATIONS, people, send } from './operations.js'

tap.test("no route lets one act as somebody else or reach somebody else's data", async t => {
  const app = await build(t)
  const all = await people(app)
  const secret = `for ${all.carl.username} alone`
  const state = async () => JSON.stringify(await Promise.all([collection(app, 'users').find({}).toArray(), collection(app, 'messages').find({}).toArray(), collection(app, 'sessions').countDocuments({})]))
  const before = await state()
  let attacks = 0
  for (const { id, foreign } of OPERATIONS) {
    for (const request of foreign?.(all) ?? []) {
      const response = await send(app, request, all.anna)
      attacks++
      // An id in query and body that disagree is a 400 before it is anything else.
      t.ok([403, 404].includes(response.statusCode) || (id === 'getallmessages' && response.statusCode === 400), `${id} ${request.url}: ${response.statusCode}`)
      t.notOk(response.body.includes(secret) || response.body.includes('@example.org'), id)
    }
  }
  t.equal(attacks, 14)
  t.equal(await state(), before, 'nothing has changed')
})

tap.test('what is refused without a session is refused before it is read: 401, even for nonsense', async t => {
  const app = await build(t)
  const all = await people(app)
  for (const { id, valid, public: open } of OPERATIONS) {
    if (open === true) continue
    const request = valid(all)
    t.equal((await send(app, request)).statusCode, 401, id)
    t.equal((await send(app, { ...request, payload: { x: 1 }, query: { x: '1' } })).statusCode, 401, `${id} with nonsense`)
  }
})

tap.test('no frame lets one act as somebody else or reach a conversation of others', async t => {
  const { app, origin } = await listen(t)
  const { anna, bert, carl } = await people(app)
  const [socket, other] = [await connect(t, origin, anna), await connect(t, origin, carl)]
  const theirs = conversationOf(bert.id, carl.id)
  const frames = [
    { type: 'resume', have: { [theirs]: 0 } },
    { type: 'resume', have: { [conversationOf(anna.id, bert.id)]: 0, [theirs]: 0 } },
    { type: 'read', conversation: theirs, seq: 1 },
    { type: 'delivered', conversation: theirs, seq: 1 }
  ]
  for (const frame of frames) {
    socket.send(frame)
    t.match(await socket.next('error'), { code: 'forbidden' }, JSON.stringify(frame))
  }
  await socket.roundTrip()
  t.strictSame(socket.all('message'), [], 'not even of the own conversation beside it')

  // A sender in the frame is nobody's business: it is always the socket's user.
  socket.send({ type: 'send', clientId: '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b', sender: bert.id, user: bert.id, reciver: carl.id, message: 'from whom?' })
  t.match(await socket.next('ack'), { message: { sender: anna.id } })
  t.match(await other.next('message'), { message: { sender: anna.id } })
  const marks = await collection(app, 'conversations').findOne({ _id: theirs })
  t.notOk(marks?.marks?.[anna.id])
})

tap.test('typing tells whom it is from, whatever the frame says', async t => {
  const { app, origin } = await listen(t)
  const { anna, bert, carl } = await people(app)
  const [socket, other] = [await connect(t, origin, anna), await connect(t, origin, carl)]
  socket.send({ type: 'typing', reciver: carl.id, on: true, user: bert.id })
  t.strictSame(await other.next('typing'), { type: 'typing', user: anna.id, on: true })
})
