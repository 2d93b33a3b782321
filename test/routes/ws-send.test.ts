import { randomUUID } from 'node:crypto'
import t from 'tap'
import { connect, conversationOf, listen, register } from '../helper.js'

const EMOJI = '👨‍👩‍👧‍👦 🇧🇩 👋🏽 1️⃣ 🏳️‍🌈'

const { app, origin } = await listen(t)
const [anna, ben] = await Promise.all([register(app), register(app)])
const [laptop, phone, bens] = await Promise.all([
  connect(t, origin, anna),
  connect(t, origin, anna),
  connect(t, origin, ben)
])

t.test(
  'ack to the socket that sent it, message to every other socket of both members, emoji byte for byte',
  async t => {
    const clientId = randomUUID()
    laptop.send({ type: 'send', clientId, reciver: ben.id, message: EMOJI })
    const ack = await laptop.next('ack')
    t.match(ack, {
      clientId,
      message: {
        seq: 1,
        message: EMOJI,
        sender: anna.id,
        reciver: ben.id,
        conversation: conversationOf(anna.id, ben.id),
        clientId
      }
    })
    t.same((await phone.next('message')).message, ack.message)
    t.same((await bens.next('message')).message, ack.message)
    await laptop.roundTrip()
    t.same(laptop.all('message'), [], 'the sending socket has its ack alone')
  }
)

t.test('addmsg over HTTP pushes as well', async t => {
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    headers: ben.headers,
    payload: { message: 'by HTTP', sender: ben.id, reciver: anna.id }
  })
  const { data } = response.json()
  for (const socket of [laptop, phone, bens]) t.same((await socket.next('message')).message, data)
})

t.test(
  'the ack of a repeat: the stored message again, nothing stored, nothing pushed twice',
  async t => {
    const clientId = randomUUID()
    const first = await laptop.say(ben.id, 'once', clientId)
    laptop.send({ type: 'send', clientId: clientId.toUpperCase(), reciver: ben.id, message: 'once' })
    const again = await laptop.until(() =>
      laptop.all('ack').find(frame => frame.clientId === clientId.toUpperCase())
    )
    t.same(again.message, first.message)
    await laptop.say(ben.id, 'after')
    await bens.until(() => bens.all('message').find(frame => frame.message.message === 'after'))
    t.equal(bens.all('message').filter(frame => frame.message.clientId === clientId).length, 1)
  }
)

t.test('a clientId with another text: error conflict', async t => {
  const clientId = randomUUID()
  await laptop.say(ben.id, 'one', clientId)
  laptop.send({ type: 'send', clientId, reciver: ben.id, message: 'two' })
  t.match(await laptop.next('error'), { code: 'conflict', clientId })
})

t.test('a message to oneself comes once on each socket', async t => {
  const ack = await laptop.say(anna.id, 'note')
  const pushed = await phone.until(() =>
    phone.all('message').find(frame => frame.message.conversation === ack.message.conversation)
  )
  t.same(pushed.message, ack.message)
  await Promise.all([laptop.roundTrip(), phone.roundTrip()])
  t.equal(
    laptop.all('message').filter(frame => frame.message.conversation === ack.message.conversation).length,
    0
  )
  t.equal(
    phone.all('message').filter(frame => frame.message.conversation === ack.message.conversation).length,
    1
  )
})

t.test(
  'the same clientId 50 times in parallel over HTTP and sockets: one message, 50 equal answers',
  async t => {
    const clientId = randomUUID()
    const byHttp = (message: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/addmsg',
        headers: anna.headers,
        payload: { message, sender: anna.id, reciver: ben.id, clientId }
      })
    const acksBefore = [laptop, phone].map(socket => socket.all('ack').length)
    for (let n = 0; n < 25; n++) {
      ;(n % 2 === 0 ? laptop : phone).send({ type: 'send', clientId, reciver: ben.id, message: 'parallel' })
    }
    const answers = await Promise.all(
      Array.from({ length: 25 }, async () => (await byHttp('parallel')).json().data)
    )
    const acks = await Promise.all(
      [laptop, phone].map(
        async (socket, n) =>
          await socket.until(() => {
            const own = socket.all('ack').slice(acksBefore[n])
            return own.length === (n === 0 ? 13 : 12) ? own.map(ack => ack.message) : undefined
          })
      )
    )
    const all = [...answers, ...acks.flat()]
    t.equal(all.length, 50)
    for (const message of all) t.same(message, all[0])
    const { data } = (
      await app.inject({
        url: `/api/v1/getallmessages?sender=${anna.id}&reciver=${ben.id}`,
        headers: anna.headers
      })
    ).json()
    t.equal(data.filter((message: { clientId?: string }) => message.clientId === clientId).length, 1)
    t.equal((await byHttp('different')).statusCode, 409)
  }
)

t.test('an unknown receiver: error not_found with the clientId', async t => {
  const clientId = randomUUID()
  laptop.send({ type: 'send', clientId, reciver: 'f'.repeat(24), message: 'hello?' })
  t.match(await laptop.next('error'), { code: 'not_found', clientId, path: 'reciver' })
})

t.test('messages of one socket are numbered in the order of their frames', async t => {
  const texts = Array.from({ length: 100 }, (_, n) => `in order ${n}`)
  for (const message of texts) {
    laptop.send({ type: 'send', clientId: randomUUID(), reciver: ben.id, message })
  }
  const acks = await laptop.until(() => {
    const own = laptop.all('ack').filter(frame => frame.message.message.startsWith('in order'))
    return own.length === texts.length ? own : undefined
  })
  t.same(
    acks.map(ack => ack.message.message),
    texts
  )
  t.same(
    acks.map(ack => ack.message.seq),
    acks.map((_, n) => acks[0]!.message.seq + n)
  )
})
