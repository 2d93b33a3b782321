import { randomUUID } from 'node:crypto'
import tap, { type Test } from 'tap'
import { collection } from '../../src/database/documents.js'
import { build, connect, conversationOf, listen, type Socket } from '../helper.js'
import { OPERATIONS, people, send } from './operations.js'

tap.test("no route lets one act as somebody else or reach somebody else's data", async t => {
  const app = await build(t)
  const all = await people(app)
  const secret = `for ${all.carl.username} alone`
  const state = async () => {
    // Summaries follow the log.
    while (app.conversations.pending > 0) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
    return JSON.stringify(
      await Promise.all([
        ...['users', 'log', 'conversations', 'memberships', 'blocks'].map(name =>
          app.mongo.db!.collection(name).find({}).sort({ _id: 1 }).toArray()
        ),
        collection(app, 'sessions').countDocuments({})
      ])
    )
  }
  const before = await state()
  let attacks = 0
  for (const { id, foreign } of OPERATIONS) {
    for (const request of foreign?.(all) ?? []) {
      const response = await send(app, request, all.anna)
      attacks++
      // An id in query and body that disagree is a 400 before it is anything else.
      t.ok(
        [403, 404].includes(response.statusCode) || (id === 'getallmessages' && response.statusCode === 400),
        `${id} ${request.url}: ${response.statusCode}`
      )
      t.notOk(response.body.includes(secret) || response.body.includes('@example.org'), id)
    }
  }
  t.equal(attacks, 40)
  t.equal(await state(), before, 'nothing has changed')
})

tap.test(
  'without a session a request is refused with 401 before its body is read',
  async t => {
    const app = await build(t)
    const all = await people(app)
    for (const { id, valid, public: open } of OPERATIONS) {
      if (open === true) continue
      const request = valid(all)
      t.equal((await send(app, request)).statusCode, 401, id)
      t.equal(
        (await send(app, { ...request, payload: { x: 1 }, query: { x: '1' } })).statusCode,
        401,
        `${id} with nonsense`
      )
    }
  }
)

/** Every frame that names a conversation. */
function framesTo (conversation: string): object[] {
  const clientId = randomUUID()
  return [
    { type: 'resume', have: { [conversation]: 0 } },
    { type: 'read', conversation, seq: 1 },
    { type: 'delivered', conversation, seq: 1 },
    { type: 'typing', conversation, on: true },
    { type: 'send', clientId, conversation, message: 'forged' },
    { type: 'edit', clientId, conversation, seq: 1, message: 'forged' },
    { type: 'delete', clientId, conversation, seq: 1 },
    { type: 'react', clientId, conversation, seq: 1, emoji: '👍', on: true }
  ]
}

/** Sends frames; each must be answered with an error of this code. */
async function refused (t: Test, socket: Socket, frames: object[], code: string): Promise<void> {
  for (const frame of frames) {
    socket.send(frame)
    t.match(await socket.next('error'), { code }, JSON.stringify(frame))
  }
}

tap.test('no frame lets one act as somebody else or reach a conversation of others', async t => {
  const { app, origin } = await listen(t)
  const { anna, bert, carl, joined, theirs: group } = await people(app)
  const [socket, other] = [await connect(t, origin, anna), await connect(t, origin, carl)]
  const theirs = conversationOf(bert.id, carl.id)
  const both = { type: 'resume', have: { [conversationOf(anna.id, bert.id)]: 0, [theirs]: 0 } }
  await refused(t, socket, [...framesTo(theirs), both], 'forbidden')
  await refused(t, socket, framesTo(group), 'not_found')
  // The message of bert, in a group in which anna is a plain member.
  const to = { conversation: joined, seq: 1, clientId: randomUUID() }
  const forged = [{ type: 'edit', message: 'forged', ...to }, { type: 'delete', ...to }]
  await refused(t, socket, forged, 'forbidden')
  await socket.roundTrip()
  await other.roundTrip()
  t.strictSame(socket.all('message'), [], 'not even of the own conversation beside it')
  t.strictSame(socket.all('change'), [])
  t.strictSame(
    other.frames.filter(({ type }) => type !== 'hello' && type !== 'pong'),
    [],
    'others hear nothing'
  )
  t.equal(await collection(app, 'log').countDocuments({ conversation: { $in: [theirs, group] } }), 3)

  // A sender in the frame is nobody's business: it is always the socket's user.
  socket.send({
    type: 'send',
    clientId: '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b',
    sender: bert.id,
    user: bert.id,
    reciver: carl.id,
    message: 'from whom?'
  })
  t.match(await socket.next('ack'), { message: { sender: anna.id } })
  t.match(await other.next('message'), { message: { sender: anna.id } })
  for (const id of [theirs, group]) {
    t.equal(await collection(app, 'memberships').findOne({ _id: `${id}/${anna.id}` }), null)
  }
})

tap.test('typing names its real sender, whatever the frame says', async t => {
  const { app, origin } = await listen(t)
  const { anna, bert, carl } = await people(app)
  const [socket, other] = [await connect(t, origin, anna), await connect(t, origin, carl)]
  socket.send({ type: 'typing', reciver: carl.id, on: true, user: bert.id })
  t.strictSame(await other.next('typing'), {
    type: 'typing',
    user: anna.id,
    conversation: conversationOf(anna.id, carl.id),
    on: true
  })
})
