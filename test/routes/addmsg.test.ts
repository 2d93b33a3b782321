import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build, conversationOf, register } from '../helper.js'
import { addmsg, EMOJI, getallmessages } from './messages.js'

const app = await build(t)
const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])

t.test('answers 201 with the stored message, emoji byte for byte', async t => {
  const createdAt = '2024-01-31T12:00:00+06:00'
  const clientId = randomUUID()
  const response = await addmsg(app, anna, ben, EMOJI, { createdAt, clientId: clientId.toUpperCase() })
  t.equal(response.statusCode, 201)
  const { success, message, data } = response.json()
  t.same([success, message], ['success', 'Message sent successfully'])
  t.match(data._id, /^[0-9a-f]{24}$/)
  t.same(
    { ...data, _id: '' },
    {
      _id: '',
      conversation: conversationOf(anna.id, ben.id),
      seq: 1,
      rev: 1,
      message: EMOJI,
      sender: anna.id,
      reciver: ben.id,
      createdAt,
      clientId
    }
  )
})

t.test('createdAt "" counts as absent: the server gives its time', async t => {
  const before = Date.now()
  const { createdAt, clientId } = (await addmsg(app, anna, ben, 'hi', { createdAt: '' })).json().data
  t.ok(Date.parse(createdAt) >= before && Date.parse(createdAt) <= Date.now())
  t.equal(clientId, undefined, 'the hidden clientId stays hidden')
})

t.test('one may write to oneself: a conversation with one member', async t => {
  const { data } = (await addmsg(app, anna, anna, 'note')).json()
  t.equal(data.conversation, `${anna.id}:${anna.id}`)
  t.equal(data.seq, 1)
})

t.test('a clientId makes sending idempotent; with another text it is 409', async t => {
  const clientId = randomUUID()
  const first = await addmsg(app, anna, ben, 'once', { clientId })
  const again = await addmsg(app, anna, ben, 'once', { clientId: clientId.toUpperCase() })
  t.equal(again.statusCode, 201)
  t.same(again.json(), first.json())
  const other = await addmsg(app, anna, ben, 'twice', { clientId })
  t.equal(other.statusCode, 409)
  t.match(other.json(), { success: false, message: /^Conflict/, errorMessages: [{ path: 'clientId' }] })
  t.equal(
    (await addmsg(app, ben, anna, 'mine', { clientId })).statusCode,
    201,
    "the other member's clientIds are its own"
  )
  t.equal(
    (await addmsg(app, anna, carl, 'there', { clientId })).statusCode,
    201,
    'so are those of another conversation'
  )
})

t.test('the same clientId 50 times in parallel: one message, 50 equal answers', async t => {
  const clientId = randomUUID()
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => addmsg(app, anna, carl, 'parallel', { clientId }))
  )
  t.equal(new Set(answers.map(answer => answer.body)).size, 1)
  t.equal(answers[0]!.statusCode, 201)
  const stored = (await getallmessages(app, carl, anna))
    .json()
    .data.filter((message: { clientId?: string }) => message.clientId === clientId)
  t.equal(stored.length, 1)
})

t.test('refuses what is not valid, naming the field', async t => {
  const cases: [string, object, RegExp, string][] = [
    ['empty text', { message: '' }, /^Validation Error/, 'message'],
    ['white space only', { message: ' \n\t\u3000' }, /^Validation Error/, 'message'],
    ['10,001 code points', { message: '😀'.repeat(10_001) }, /^Validation Error/, 'message'],
    ['a lone surrogate', { message: 'a\ud800b' }, /^Validation Error/, 'message'],
    ['a number is not coerced', { message: 5 }, /^Validation Error/, 'message'],
    ['an object', { message: { $gt: '' } }, /^Validation Error/, 'message'],
    ['no text', { message: undefined }, /^Validation Error/, 'message'],
    ['a receiver that is not an ObjectId', { reciver: 'ben' }, /^Cast Error/, 'reciver'],
    ['upper-case hex', { reciver: 'A'.repeat(24) }, /^Cast Error/, 'reciver'],
    ['a receiver that is not a string', { reciver: { $ne: null } }, /^Validation Error/, 'reciver'],
    ['no receiver', { reciver: undefined }, /^Validation Error/, 'reciver'],
    ['no sender', { sender: undefined }, /^Validation Error/, 'sender'],
    ['a clientId that is no UUID', { clientId: 'x' }, /^Validation Error/, 'clientId'],
    ['a time without zone', { createdAt: '2024-01-31T12:00:00' }, /^Validation Error/, 'createdAt'],
    ['a day that its month lacks', { createdAt: '2024-02-31T12:00:00Z' }, /^Validation Error/, 'createdAt'],
    ['a time in words', { createdAt: 'yesterday' }, /^Validation Error/, 'createdAt']
  ]
  for (const [name, change, message, path] of cases) {
    const response = await addmsg(app, anna, ben, 'text', change)
    t.equal(response.statusCode, 400, name)
    t.match(response.json(), { success: false, message, errorMessages: [{ path }] }, name)
  }
})

t.test('10,000 code points are a message, whatever their bytes', async t => {
  const text = '😀'.repeat(10_000)
  const response = await addmsg(app, anna, ben, text)
  t.equal(response.statusCode, 201)
  t.equal(response.json().data.message, text)
})

t.test('unknown body properties are ignored', async t => {
  t.equal((await addmsg(app, anna, ben, 'more', { colour: 'red' })).statusCode, 201)
})

t.test('sender must be the caller: 403', async t => {
  const response = await addmsg(app, anna, ben, 'as ben', { sender: ben.id })
  t.equal(response.statusCode, 403)
  t.match(response.json(), { success: false, message: /^Forbidden/, errorMessages: [{ path: 'sender' }] })
})

t.test('an unknown receiver: 404', async t => {
  const response = await addmsg(app, anna, { id: 'f'.repeat(24) }, 'hello?')
  t.equal(response.statusCode, 404)
  t.match(response.json(), { success: false, message: /^Not Found/, errorMessages: [{ path: 'reciver' }] })
})

t.test('without a session: 401 that says how to get one', async t => {
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    payload: { message: 'x', sender: anna.id, reciver: ben.id }
  })
  t.equal(response.statusCode, 401)
  t.match(response.json(), { success: false, message: /^Unauthorized.*login/ })
})
