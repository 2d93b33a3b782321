import t from 'tap'
import { build, connect, conversationOf, listen } from '../helper.js'
import { call, crowd, edit, erase, newGroup, react, say, type Caller } from '../groups.js'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'

const UNKNOWN = 'f'.repeat(24)
const block = async (app: App, who: Caller, user: string) =>
  await call(app, who, 'PUT', `/user/blocks/${user}`)

t.test('rule 27: block routes are idempotent; oneself is 400 and an unknown user 404', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  for (let n = 0; n < 2; n++) {
    const blocked = await block(app, anna!, ben!.id)
    t.match(blocked, { status: 200, body: { message: 'User blocked' }, data: { _id: ben!.id, password: '' } })
    t.notOk('email' in blocked.data)
  }
  const list = await call(app, anna!, 'GET', '/user/blocks')
  t.match(list, { status: 200, body: { message: 'Blocked users retrieved' } })
  t.same(list.data.map(({ _id }: any) => _id), [ben!.id])
  t.same((await call(app, ben!, 'GET', '/user/blocks')).data, [], 'the list is private')
  for (let n = 0; n < 2; n++) {
    const freed = await call(app, anna!, 'DELETE', `/user/blocks/${ben!.id}`)
    t.match(freed, { status: 200, body: { message: 'User unblocked', data: { _id: ben!.id } } })
  }
  t.same((await call(app, anna!, 'GET', '/user/blocks')).data, [])
  t.equal((await block(app, anna!, anna!.id)).status, 400)
  t.equal((await block(app, anna!, UNKNOWN)).status, 404)
  t.equal((await block(app, anna!, 'ben')).status, 400)
})

t.test('a user blocks at most 1,000 others: 409 beyond, also where requests come at once', async t => {
  const app = await build(t)
  const [anna, ...others] = await crowd(app, 5)
  const blocks = Array.from({ length: 999 }, (_, n) => {
    const blocked = n.toString(16).padStart(24, '0')
    return { _id: `${anna!.id}/${blocked}`, blocker: anna!.id, blocked, createdAt: new Date() }
  })
  await collection(app, 'blocks').insertMany(blocks)
  const answers = await Promise.all(others.map(({ id }) => block(app, anna!, id)))
  t.same(answers.map(({ status }) => status).sort(), [200, 409, 409, 409])
  t.match(answers.find(({ status }) => status === 409), { path: 'user' })
  t.equal(await collection(app, 'blocks').countDocuments({ blocker: anna!.id }), 1000)
})

t.test('rule 26: the blocked user may only delete; the blocker may write', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = conversationOf(anna!.id, ben!.id)
  await say(app, ben!, id, 'before')
  await block(app, anna!, ben!.id)
  t.equal((await say(app, ben!, id, 'after')).status, 403)
  const body = { message: 'after', sender: ben!.id, reciver: anna!.id }
  t.equal((await call(app, ben!, 'POST', '/addmsg', body)).status, 403)
  t.equal((await edit(app, ben!, id, 1, 'changed')).status, 403)
  t.equal((await react(app, ben!, id, 1, '👍')).status, 403)
  t.equal((await say(app, anna!, id, 'from the blocker')).status, 201)
  t.equal((await erase(app, ben!, id, 1)).status, 200)
  await call(app, anna!, 'DELETE', `/user/blocks/${ben!.id}`)
  t.equal((await say(app, ben!, id, 'again')).status, 201)
})

t.test('rule 26: a group with the blocker is 403; shared groups are unaffected', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const shared = await newGroup(app, carl!, [anna!, ben!])
  const bens = await newGroup(app, ben!, [])
  await block(app, anna!, ben!.id)
  const made = await call(app, ben!, 'POST', '/groups', { name: 'Trap', members: [carl!.id, anna!.id] })
  t.equal(made.status, 403)
  const unknown = await call(app, ben!, 'POST', '/groups', { name: 'Trap', members: [anna!.id, UNKNOWN] })
  t.equal(unknown.status, 404, 'a member who does not exist is named first')
  t.equal((await call(app, carl!, 'GET', '/conversations')).data.length, 1)
  t.equal((await call(app, ben!, 'POST', `/groups/${bens}/members`, { user: anna!.id })).status, 403)
  t.equal((await say(app, ben!, shared, 'to all')).status, 201)
  t.equal((await react(app, ben!, shared, 1, '👍')).status, 200)
  t.equal((await newGroup(app, anna!, [ben!])).length, 24, 'one way: the blocker may add')
})

t.test("rule 26: neither sees the other's presence; typing is silent", async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  await block(app, anna!, ben!.id)
  const [annas, bens] = [await connect(t, origin, anna!), await connect(t, origin, ben!)]
  for (const [socket, other] of [[annas, ben!], [bens, anna!]] as const) {
    socket.send({ type: 'watch', users: [other.id] })
    t.same(await socket.next('presence'), { type: 'presence', user: other.id, online: false })
  }
  bens.send({ type: 'typing', reciver: anna!.id, on: true })
  await bens.roundTrip()
  await annas.say(ben!.id, 'from the blocker')
  await bens.next('message')
  t.same([annas.all('typing'), bens.all('error')], [[], []])
})

t.test('rule 28: DIRECTORY=search answers only a search of at least 3 characters, else 400', async t => {
  const app = await build(t, { DIRECTORY: 'search' } as object)
  const [anna, ben] = await crowd(app, 2)
  const list = async (query: string) => await call(app, anna!, 'GET', `/allusers/${anna!.id}${query}`)
  for (const query of ['', '?search=us', '?search=', '?search=%F0%9F%98%80a']) {
    t.match(await list(query), { status: 400, path: 'search' }, query)
  }
  const found = await list(`?search=${ben!.username.slice(0, 8)}`)
  t.equal(found.status, 200)
  t.same(found.data.map(({ _id }: any) => _id), [ben!.id])
  const open = await build(t)
  const [carl, dora] = await crowd(open, 2)
  t.match((await call(open, carl!, 'GET', `/allusers/${carl!.id}`)).data, [{ _id: dora!.id }], 'default: all')
})

t.test('rule 29: a direct message to an unknown user is 404', async t => {
  const { app, origin } = await listen(t)
  const [anna] = await crowd(app, 1)
  const conversation = conversationOf(anna!.id, UNKNOWN)
  t.equal((await say(app, anna!, conversation, 'hello?')).status, 404)
  const socket = await connect(t, origin, anna!)
  const clientId = '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b'
  socket.send({ type: 'send', clientId, conversation, message: 'hello?' })
  t.match(await socket.next('error'), { code: 'not_found', clientId })
})
