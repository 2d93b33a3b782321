/** Each `send` gets its own answer, whatever else goes on. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLOSE } from 'chat-protocol'
import { connect, listen, register } from '../helper.js'
import { gate, eventually } from './helper.js'

t.test('a refused frame with the same clientId does not take the ack of the first one', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const clientId = randomUUID()
  socket.send({ type: 'send', clientId, reciver: ben.id, message: 'first' })
  socket.send({ type: 'send', clientId: clientId.toUpperCase(), reciver: ben.id, message: 'another text' })
  t.match(await socket.next('error'), { code: 'conflict', clientId: clientId.toUpperCase() })
  await socket.until(() => socket.frames.find(({ type }) => type === 'ack' || type === 'message'))
  await socket.roundTrip()
  t.same(socket.all('ack').map(ack => [ack.clientId, ack.message.message]), [[clientId, 'first']])
  t.same(socket.all('message'), [])
})

t.test('two frames with one clientId and one text: an ack each, in the spelling of each', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const clientId = randomUUID()
  for (const spelling of [clientId, clientId.toUpperCase()]) {
    socket.send({ type: 'send', clientId: spelling, reciver: ben.id, message: 'once' })
  }
  await socket.until(() => socket.all('ack').length === 2 || undefined)
  await socket.roundTrip()
  t.same(socket.all('ack').map(ack => ack.clientId).sort(), [clientId, clientId.toUpperCase()].sort())
  t.same(socket.all('ack').map(ack => ack.message.seq), [1, 1])
})

t.test('a planned close waits for a send whose receiver is still being looked up', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  const { exists } = app.accounts
  const [asked, released] = [gate(), gate()]
  app.accounts.exists = async id => {
    asked.open()
    await released.opened
    return await exists(id)
  }
  socket.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message: 'last' })
  await asked.opened
  const closing = app.close()
  await eventually(() => !app.realtime.accepting)
  // As long as the log has nothing to wait for.
  await app.conversationLog.drain()
  released.open()
  t.equal((await socket.untilClosed()).code, CLOSE.serviceRestart)
  await closing
  t.same(socket.frames.map(frame => frame.type).slice(-2), ['ack', 'bye'])
})
