/** Visible means rev >= joined (rule 17), unless the group shows its whole history. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build } from '../helper.js'
import { range } from '../realtime/helper.js'
import {
  addMember, call, changes, crowd, edit, erase, history, newGroup, react, removeMember, revOf, say
} from '../groups.js'

const texts = (answer: { data: any[] }) => answer.data.map(({ message }) => message)

t.test('rule 17: a member sees what came after joining, including the own change member', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [])
  await say(app, anna!, id, 'before')
  await addMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'after')
  t.same(texts(await history(app, ben!, id)), ['after'])
  t.same(texts(await history(app, anna!, id)), ['before', 'after'])
  const { data } = await changes(app, ben!, id)
  t.same(data.map(revOf), [3, 4])
  t.match(data[0], { kind: 'member', user: ben!.id, role: 'member' })
})

t.test('history "all": a new member sees everything from rev 1', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [], { history: 'all' })
  await say(app, anna!, id, 'before')
  const added = await addMember(app, anna!, id, ben!.id)
  t.equal(added.data.history, 'all')
  t.same(texts(await history(app, ben!, id)), ['before'])
  t.same((await changes(app, ben!, id)).data.map(revOf), [1, 2, 3])
  t.equal((await react(app, ben!, id, 1, '👍')).status, 200)
})

t.test('rule 17: a user who left sees nothing (404); rejoining restarts there', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, ben!, id, 'first stay')
  await removeMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'meanwhile')
  t.equal((await history(app, ben!, id)).status, 404)
  t.equal((await changes(app, ben!, id)).status, 404)
  t.equal((await say(app, ben!, id, 'hello?')).status, 404)
  t.equal((await call(app, ben!, 'POST', `/conversations/${id}/read`, { seq: 1 })).status, 404)
  t.same((await call(app, ben!, 'GET', '/conversations')).data, [])
  await addMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'second stay')
  t.same(texts(await history(app, ben!, id)), ['second stay'])
  t.same((await changes(app, ben!, id)).data.map(revOf), [5, 6])
})

t.test('rule 18: a lower after begins at the first visible entry; the numbers stay', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [])
  for (const n of range(1, 5)) await say(app, anna!, id, `text ${n}`)
  await addMember(app, anna!, id, ben!.id)
  const [inbox] = (await call(app, ben!, 'GET', '/conversations')).data
  t.match(inbox, { id, lastSeq: 5, lastRev: 7, unread: 0 })
  t.notOk('lastMessage' in inbox, 'an invisible last message is absent')
  for (const query of ['?after=0', '?after=3']) {
    t.same((await changes(app, ben!, id, query)).data.map(revOf), [7])
    t.same((await history(app, ben!, id, query)).data, [])
  }
  const page = await history(app, ben!, id, '?before=5')
  t.same([page.status, page.data, page.body.hasMore], [200, [], false])
  await say(app, anna!, id, 'text 6')
  t.same((await history(app, ben!, id, '?after=1')).data.map(({ seq }: any) => seq), [6])
  t.match((await call(app, ben!, 'GET', '/conversations')).data[0], { lastMessage: { seq: 6 }, unread: 1 })
})

t.test('rule 18: an invisible message is 404 to reply, react, edit and delete', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, ben!, id, 'mine, before')
  await say(app, anna!, id, 'hers, before')
  await removeMember(app, ben!, id, ben!.id)
  await addMember(app, anna!, id, ben!.id, 'admin')
  for (const seq of [1, 2]) {
    t.equal((await say(app, ben!, id, 'to that', { replyTo: seq })).status, 404, `reply ${seq}`)
    t.equal((await react(app, ben!, id, seq, '👍')).status, 404, `react ${seq}`)
    t.equal((await react(app, ben!, id, seq, '👍', false)).status, 404, `react off ${seq}`)
    t.equal((await edit(app, ben!, id, seq, 'changed')).status, 404, `edit ${seq}`)
    t.equal((await erase(app, ben!, id, seq)).status, 404, `delete ${seq}`)
  }
  t.same(texts(await history(app, anna!, id)), ['mine, before', 'hers, before'])
})

t.test("rule 19: a new member's marks start at the last message, so nothing is unread", async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  for (const visibility of ['joined', 'all']) {
    const id = await newGroup(app, anna!, [], { history: visibility })
    for (const n of range(1, 3)) await say(app, anna!, id, `text ${n}`)
    await addMember(app, anna!, id, ben!.id)
    const { data } = await call(app, ben!, 'GET', `/groups/${id}`)
    t.match(data, { read: 3, delivered: 3, unread: 0 }, visibility)
    await say(app, anna!, id, 'new')
    t.match((await call(app, ben!, 'GET', `/groups/${id}`)).data, { unread: 1 }, visibility)
  }
})

t.test('reactions, edits and members never leave an unread badge; read works for groups', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, anna!, id, 'text')
  const read = await call(app, ben!, 'POST', `/conversations/${id}/read`, { seq: 1 })
  t.equal(read.status, 200)
  await react(app, anna!, id, 1, '🎉')
  await edit(app, anna!, id, 1, 'better text')
  await call(app, anna!, 'PATCH', `/groups/${id}`, { name: 'Other' })
  const [inbox] = (await call(app, ben!, 'GET', '/conversations')).data
  t.match(inbox, { unread: 0, lastSeq: 1, lastRev: 5, read: 1 })
})

t.test('rule 22: changes pages by rev: after defaults to 0, limit up to 1,000, before is 400', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  for (const n of range(1, 6)) {
    await say(app, anna!, id, `text ${n}`)
    await react(app, ben!, id, n, '👍')
  }
  const all = await changes(app, ben!, id)
  t.match(all.body, { success: 'success', message: 'Changes retrieved', hasMore: false })
  t.same(all.data.map(revOf), range(1, 13))
  const seen: number[] = []
  for (let more = true; more;) {
    const page = await changes(app, ben!, id, `?after=${seen.at(-1) ?? 0}&limit=4`)
    t.ok(page.data.length <= 4)
    seen.push(...page.data.map(revOf))
    more = page.body.hasMore
  }
  t.same(seen, range(1, 13), 'a walk has no gap and no repeat')
  t.equal((await changes(app, ben!, id, '?limit=1000')).status, 200)
  for (const query of ['limit=0', 'limit=1001', 'before=3', 'after=-1', 'after=x', 'colour=red']) {
    const { status, path } = await changes(app, ben!, id, `?${query}`)
    t.same([status, path], [400, query.split('=')[0]], query)
  }
})

t.test('rule 18: a repeated change does not show a message that is not visible any more', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, ben!, id, 'text')
  const clientId = randomUUID()
  t.equal((await edit(app, ben!, id, 1, 'better text', { clientId })).status, 200)
  await removeMember(app, anna!, id, ben!.id)
  await react(app, anna!, id, 1, '🎉')
  await addMember(app, anna!, id, ben!.id)
  t.equal((await edit(app, ben!, id, 1, 'better text', { clientId })).status, 404)
})
