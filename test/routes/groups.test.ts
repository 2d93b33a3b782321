import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build, connect, conversationOf, listen } from '../helper.js'
import { addMember, call, changes, crowd, lastRev, newGroup, pushedUpTo, removeMember } from '../groups.js'

const UNKNOWN = 'f'.repeat(24)
const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>').toString('base64')

t.test('POST /groups makes a group that is in the inbox of all members at once', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const { status, body, data } = await call(app, anna!, 'POST', '/groups',
    { name: 'Climbers 🧗', members: [ben!.id, carl!.id] })
  t.equal(status, 201)
  t.equal(body.message, 'Group created')
  t.match(data.id, /^[0-9a-f]{24}$/)
  const expected = {
    kind: 'group', name: 'Climbers 🧗', role: 'owner', members: 3, history: 'joined', lastSeq: 0, unread: 0
  }
  t.match(data, expected)
  t.notOk('user' in data || 'other' in data, 'these are for direct conversations')
  for (const [person, role] of [[anna, 'owner'], [ben, 'member'], [carl, 'member']] as const) {
    const inbox = (await call(app, person!, 'GET', '/conversations')).data
    t.match(inbox, [{ ...expected, id: data.id, role }])
  }
})

t.test('rule 9: creation is one entry, rev 1, that all members get; lastSeq is 0', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const sockets = await Promise.all([connect(t, origin, anna!), connect(t, origin, ben!)])
  const id = await newGroup(app, anna!, [ben!])
  for (const socket of sockets) {
    const [frame] = await pushedUpTo(socket, id, 1)
    t.match(frame, { type: 'change', conversation: id, rev: 1, kind: 'group', name: 'Climbers' })
    t.equal(frame.by, anna!.id)
  }
  t.match((await call(app, ben!, 'GET', `/groups/${id}`)).data, { lastSeq: 0, lastRev: 1 })
  const { data } = await changes(app, ben!, id)
  t.equal(data.length, 1)
  t.match(data[0], { type: 'change', rev: 1, kind: 'group', name: 'Climbers' })
})

t.test('rule 8: a clientId makes creation idempotent by name, member set and history', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const body = { name: 'Once', members: [ben!.id, carl!.id], clientId: randomUUID() }
  const post = async (who: typeof anna, more: object) =>
    await call(app, who!, 'POST', '/groups', { ...body, ...more })
  const first = await post(anna, {})
  t.equal(first.status, 201)
  const again = await post(anna, { members: [carl!.id, ben!.id, anna!.id], history: 'joined' })
  t.same([again.status, again.data.id], [201, first.data.id], 'the order and oneself do not matter')
  for (const other of [{ name: 'Twice' }, { members: [ben!.id] }, { history: 'all' }]) {
    const { status, path } = await post(anna, other)
    t.same([status, path], [409, 'clientId'], JSON.stringify(other))
  }
  const bens = await post(ben, { members: [carl!.id] })
  t.equal(bens.status, 201, 'another creator has clientIds of its own')
  t.not(bens.data.id, first.data.id)
  const parallel = { clientId: randomUUID() }
  const ids = await Promise.all(Array.from({ length: 10 }, async () => (await post(anna, parallel)).data.id))
  t.equal(new Set(ids).size, 1, 'ten at once make one group')
  t.equal((await call(app, anna!, 'GET', '/conversations')).data.length, 2)
})

t.test('rule 10: repeated members count once; unknown: 404; too many: 400, on adding 409', async t => {
  const app = await build(t, { GROUP_MEMBERS: 3 } as object)
  const [anna, ben, carl, dora] = await crowd(app, 4)
  const post = async (members: string[]) =>
    await call(app, anna!, 'POST', '/groups', { name: 'Few', members })
  const { status, data } = await post([ben!.id, ben!.id, anna!.id, carl!.id])
  t.same([status, data.members], [201, 3])
  t.equal((await post([ben!.id, UNKNOWN])).status, 404)
  t.equal((await post([ben!.id, carl!.id, dora!.id])).status, 400)
  t.equal((await addMember(app, anna!, data.id, dora!.id)).status, 409)
  t.equal((await addMember(app, anna!, data.id, UNKNOWN)).status, 404)
  t.equal((await call(app, anna!, 'GET', '/conversations')).data.length, 1, 'nothing is left of the refused')
})

t.test('POST /groups refuses what is not valid, and names the field', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const valid = { name: 'Name', members: [ben!.id] }
  const cases: [object, string][] = [
    [{ name: '' }, 'name'], [{ name: ' \n' }, 'name'], [{ name: '😀'.repeat(101) }, 'name'],
    [{ name: 5 }, 'name'],
    [{ name: 'a\ud800' }, 'name'], [{ name: undefined }, 'name'], [{ members: undefined }, 'members'],
    [{ members: ben!.id }, 'members'], [{ history: 'some' }, 'history'], [{ clientId: 'x' }, 'clientId']
  ]
  for (const [change, field] of cases) {
    const { status, path } = await call(app, anna!, 'POST', '/groups', { ...valid, ...change })
    t.same([status, path], [400, field], JSON.stringify(change))
  }
  t.equal((await call(app, anna!, 'POST', '/groups', { ...valid, members: ['ben'] })).status, 400)
  t.equal((await call(app, anna!, 'POST', '/groups', { ...valid, name: '😀'.repeat(100) })).status, 201)
  t.equal((await call(app, { headers: { authorization: 'Bearer x' } }, 'POST', '/groups', valid)).status, 401)
})

t.test('GET /groups/:id lists the members with their roles and when they joined', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  const { status, body, data } = await call(app, ben!, 'GET', `/groups/${id}`)
  t.same([status, body.message, data.role], [200, 'Group retrieved', 'member'])
  const roles = data.memberList.map(({ user, role }: any) => [user._id, role]).sort()
  t.same(roles, [[anna!.id, 'owner'], [ben!.id, 'member']].sort())
  for (const { user, joinedAt } of data.memberList) {
    t.ok(Date.parse(joinedAt) <= Date.now())
    t.notOk(user.email !== undefined && user._id !== ben!.id, 'an address is shown to its owner alone')
    t.equal(user.password, '')
  }
})

t.test('PATCH /groups/:id: owner and admin change name and picture; a member gets 403', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const id = await newGroup(app, anna!, [carl!])
  await addMember(app, anna!, id, ben!.id, 'admin')
  const patch = async (who: typeof anna, body: object) =>
    await call(app, who!, 'PATCH', `/groups/${id}`, body)
  const named = await patch(ben, { name: 'Walkers' })
  t.same([named.status, named.body.message, named.data.name], [200, 'Group updated', 'Walkers'])
  t.equal((await patch(carl, { name: 'Mine' })).status, 403)
  const pictured = await patch(anna, { avatarImage: SVG })
  t.equal(pictured.status, 200)
  t.match(Buffer.from(pictured.data.avatarImage, 'base64').toString(), '<circle')
  t.same([pictured.data.name, pictured.data.lastRev], ['Walkers', 4])
})

t.test('rule 12: the same name stores nothing, an empty PATCH is 400, avatarImage "" removes', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  const patch = async (body: object) => await call(app, anna!, 'PATCH', `/groups/${id}`, body)
  t.equal((await patch({ name: 'Climbers' })).status, 200)
  t.equal(await lastRev(app, anna!, id), 1)
  t.equal((await patch({})).status, 400)
  await patch({ avatarImage: SVG })
  const removed = await patch({ avatarImage: '' })
  t.equal(removed.status, 200)
  t.notOk(removed.data.avatarImage)
  const { data } = await changes(app, ben!, id, '?after=2')
  t.match(data, [{ kind: 'group', avatarImage: '' }])
})

t.test('rule 16: a foreign group and one that does not exist look the same; direct ids are 400', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const theirs = await newGroup(app, anna!, [ben!])
  const left = await newGroup(app, anna!, [carl!])
  await removeMember(app, carl!, left, carl!.id)
  const bodies = []
  for (const id of [theirs, left, UNKNOWN]) {
    for (const path of [`/groups/${id}`, `/conversations/${id}/messages`, `/conversations/${id}/changes`]) {
      const { status, body } = await call(app, carl!, 'GET', path)
      t.equal(status, 404, path)
      bodies.push(JSON.stringify({ ...body, stack: undefined }).replaceAll(id, 'ID'))
    }
  }
  t.equal(new Set(bodies).size, 1, [...new Set(bodies)].join(' '))
  const direct = conversationOf(anna!.id, ben!.id)
  t.equal((await call(app, anna!, 'GET', `/groups/${direct}`)).status, 400)
  t.equal((await call(app, anna!, 'PATCH', `/groups/${direct}`, { name: 'x' })).status, 400)
  t.equal((await addMember(app, anna!, direct, carl!.id)).status, 400)
})
