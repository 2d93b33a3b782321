import t from 'tap'
import { connect, conversationOf, listen } from '../helper.js'
import {
  addMember, call, crowd, newGroup, pushedUpTo, pushes, removeMember, revOf, say, setRole
} from '../groups.js'

t.test('all members get everything of a group, each rev once and in order', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const people = [anna!, ben!, carl!]
  const sockets = await Promise.all(people.map(async person => await connect(t, origin, person)))
  const id = await newGroup(app, anna!, [ben!, carl!])
  for (let n = 1; n <= 5; n++) {
    await say(app, n % 2 === 0 ? anna! : ben!, id, `text ${n}`)
    await call(app, anna!, 'PATCH', `/groups/${id}`, { name: `Name ${n}` })
  }
  await setRole(app, anna!, id, ben!.id, 'admin')
  for (const socket of sockets) {
    t.same((await pushedUpTo(socket, id, 12)).map(revOf), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  }
  const clientId = '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b'
  sockets[2]!.send({ type: 'send', clientId, conversation: id, message: 'hi' })
  const { message } = await sockets[2]!.next('ack')
  t.match(message, { conversation: id, seq: 6, rev: 13, sender: carl!.id })
  t.notOk('reciver' in message!)
})

t.test('rule 17: an added user gets change member first; a removed user gets it last', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const [annas, bens] = [await connect(t, origin, anna!), await connect(t, origin, ben!)]
  const id = await newGroup(app, anna!, [])
  await say(app, anna!, id, 'before')
  await addMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'during')
  await removeMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'after')
  await pushedUpTo(annas, id, 6)
  // A later direct message arrives behind everything that was pushed before.
  await annas.say(ben!.id, 'direct')
  await bens.until(() => bens.all('message').find(({ message }) => message.message === 'direct'))
  const got = pushes(bens, id)
  t.same(got.map(revOf), [3, 4, 5])
  t.match(got[0], { kind: 'member', user: ben!.id, role: 'member', by: anna!.id })
  t.match(got[2], { kind: 'member', user: ben!.id, role: null, by: anna!.id })
  const clientId = '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b'
  bens.send({ type: 'send', clientId, conversation: id, message: 'x' })
  t.match(await bens.next('error'), { code: 'not_found' })
})

t.test('rule 25: typing carries the conversation, in direct conversations and in groups', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const [annas, bens] = [await connect(t, origin, anna!), await connect(t, origin, ben!)]
  const id = await newGroup(app, anna!, [ben!])
  const direct = conversationOf(anna!.id, ben!.id)
  annas.send({ type: 'typing', reciver: ben!.id, on: true })
  t.same(await bens.next('typing'), { type: 'typing', user: anna!.id, conversation: direct, on: true })
  annas.send({ type: 'typing', conversation: id, on: true })
  t.same(await bens.next('typing'), { type: 'typing', user: anna!.id, conversation: id, on: true })
})

t.test('receipts of a group go to its members', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const annas = await connect(t, origin, anna!)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, anna!, id, 'text')
  await call(app, ben!, 'POST', `/conversations/${id}/read`, { seq: 1 })
  const receipt = await annas.until(() => annas.all('receipt').find(({ user }) => user === ben!.id))
  t.same(receipt, { type: 'receipt', conversation: id, user: ben!.id, delivered: 1, read: 1 })
})

t.test('above 50 members neither typing nor receipts are sent', async t => {
  const { app, origin } = await listen(t)
  const people = await crowd(app, 51)
  const [anna, ben] = people
  const [annas, bens] = [await connect(t, origin, anna!), await connect(t, origin, ben!)]
  const id = await newGroup(app, anna!, people.slice(1))
  await say(app, anna!, id, 'text')
  bens.send({ type: 'typing', conversation: id, on: true })
  const read = await call(app, ben!, 'POST', `/conversations/${id}/read`, { seq: 1 })
  t.equal(read.status, 200)
  await bens.roundTrip()
  await bens.say(anna!.id, 'direct')
  await annas.until(() => annas.all('message').find(({ message }) => message.message === 'direct'))
  t.same([annas.all('typing'), annas.all('receipt')], [[], []])
  const { data } = await call(app, ben!, 'GET', `/groups/${id}`)
  t.match(data, { read: 1, unread: 0 }, 'the own mark is stored')
})
