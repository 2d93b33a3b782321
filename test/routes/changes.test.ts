import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { App } from '../../src/app.js'
import { build, conversationOf, register } from '../helper.js'
import { addMember, call, changes, crowd, edit, erase, history, newGroup, react, say } from '../groups.js'

const EMOJI = [...'😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔']

/** Two people, and their conversation with one message of the first. */
async function pair (app: App) {
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const id = conversationOf(anna.id, ben.id)
  const sent = await say(app, anna, id, 'text')
  return { anna, ben, id, sent }
}

t.test('the routes of a conversation send and read direct messages too', async t => {
  const app = await build(t)
  const { anna, ben, id, sent } = await pair(app)
  t.same([sent.status, sent.body.message], [201, 'Message sent'])
  t.match(sent.data, { conversation: id, seq: 1, rev: 1, message: 'text', sender: anna.id, reciver: ben.id })
  const read = await history(app, ben, id)
  t.match(read.body, { success: 'success', message: 'Messages retrieved', hasMore: false })
  t.match(read.data, [{ seq: 1 }])
  const group = await newGroup(app, anna, [ben])
  t.notOk('reciver' in (await say(app, anna, group, 'to all')).data, 'only in direct conversations')
})

t.test("rule 1: a message keeps its rev, and editedAt and deletedAt are the change's at", async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  const edited = await edit(app, anna, id, 1, 'better')
  t.same([edited.status, edited.body.message], [200, 'Message edited'])
  t.match(edited.data, { seq: 1, rev: 1, message: 'better' })
  t.equal((await changes(app, ben, id, '?after=1')).data[0].at, edited.data.editedAt)
  const deleted = await erase(app, anna, id, 1)
  t.same([deleted.status, deleted.body.message], [200, 'Message deleted'])
  t.match(deleted.data, { seq: 1, rev: 1, message: '' })
  t.equal((await changes(app, ben, id, '?after=2')).data[0].at, deleted.data.deletedAt)
  t.same((await history(app, ben, id)).data, [deleted.data])
})

t.test('rule 2: a replayed message has the text as sent; once deleted no text is left anywhere', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  await edit(app, anna, id, 1, 'better')
  await react(app, ben, id, 1, '👍')
  const [message, change] = (await changes(app, ben, id)).data
  t.equal(message.message.message, 'text')
  t.notOk('editedAt' in message.message || 'reactions' in message.message)
  t.match(change, { type: 'change', kind: 'edit', rev: 2, seq: 1, message: 'better', by: anna.id })
  await erase(app, anna, id, 1)
  const after = (await changes(app, ben, id)).data
  t.same(after.map((frame: any) => frame.rev ?? frame.message.rev), [1, 2, 3, 4], 'no rev is omitted')
  const [first, second, , last] = after
  t.match([first, second], [{ message: { message: '' } }, { kind: 'edit', message: '' }])
  t.match(last, { kind: 'delete', seq: 1 })
  t.ok(after[0].message.deletedAt)
  t.notMatch(JSON.stringify(after), /text|better/)
})

t.test('rule 6: a message that does not exist is 404 before 403; others may not edit it', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  const carl = await register(app)
  t.equal((await edit(app, ben, id, 9, 'x')).status, 404)
  t.equal((await erase(app, ben, id, 9)).status, 404)
  t.equal((await edit(app, ben, id, 1, 'x')).status, 403)
  t.equal((await erase(app, ben, id, 1)).status, 403)
  t.equal((await edit(app, carl, id, 1, '')).status, 400, 'the shape comes first')
  t.equal((await edit(app, carl, id, 9, 'x')).status, 403, 'a foreign direct conversation')
  t.equal((await say(app, anna, id, 'x', { replyTo: 9 })).status, 404)
})

t.test("in groups owner and admin delete others' messages, and edit none", async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const id = await newGroup(app, anna!, [carl!])
  await addMember(app, anna!, id, ben!.id, 'admin')
  for (const text of ['one', 'two']) await say(app, carl!, id, text)
  await say(app, anna!, id, 'three')
  t.equal((await edit(app, anna!, id, 1, 'x')).status, 403)
  t.equal((await erase(app, carl!, id, 3)).status, 403)
  t.equal((await erase(app, anna!, id, 1)).status, 200)
  t.equal((await erase(app, ben!, id, 2)).status, 200)
})

t.test('rule 7: one namespace of clientIds over all kinds; a repeat returns what is stored', async t => {
  const app = await build(t)
  const { anna, id } = await pair(app)
  const [sending, editing] = [randomUUID(), randomUUID()]
  const first = await say(app, anna, id, 'second', { clientId: sending })
  t.equal((await edit(app, anna, id, 2, 'changed', { clientId: editing })).status, 200)
  const repeat = await say(app, anna, id, 'second', { clientId: sending.toUpperCase() })
  t.match(repeat, { status: 201, data: { _id: first.data._id, message: 'changed' } }, 'the present Message')
  const conflicts = [
    await say(app, anna, id, 'changed', { clientId: sending }),
    await say(app, anna, id, 'second', { clientId: sending, replyTo: 1 }),
    await edit(app, anna, id, 2, 'changed', { clientId: sending }),
    await say(app, anna, id, 'changed', { clientId: editing }),
    await edit(app, anna, id, 2, 'other', { clientId: editing }),
    await edit(app, anna, id, 1, 'changed', { clientId: editing })
  ]
  t.same(conflicts.map(({ status }) => status), [409, 409, 409, 409, 409, 409])
  t.equal((await edit(app, anna, id, 2, 'changed', { clientId: editing })).status, 200)
  await erase(app, anna, id, 2)
  const tombstone = await say(app, anna, id, 'any text', { clientId: sending })
  t.match(tombstone, { status: 201, data: { _id: first.data._id, message: '' } })
  t.equal((await changes(app, anna, id)).data.length, 4, 'nothing else is stored')
})

t.test('an identical edit, delete or reaction stores nothing and answers with the present state', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  for (let n = 0; n < 2; n++) {
    t.equal((await edit(app, anna, id, 1, 'better')).status, 200)
    t.match(await react(app, ben, id, 1, '👍'), { status: 200, data: { reactions: { '👍': [ben.id] } } })
  }
  t.equal((await react(app, ben, id, 1, '🎉', false)).status, 200, 'there was none')
  t.equal((await changes(app, ben, id)).data.length, 3)
  const removed = await react(app, ben, id, 1, '👍', false)
  t.match(removed, { status: 200, body: { message: 'Reaction removed' } })
  t.notOk(removed.data.reactions?.['👍'])
  for (let n = 0; n < 2; n++) t.match(await erase(app, anna, id, 1), { status: 200, data: { message: '' } })
  t.equal((await changes(app, ben, id)).data.length, 5)
})

t.test('editing or reacting to a deleted message is 409', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  await react(app, ben, id, 1, '👍')
  await erase(app, anna, id, 1)
  t.match(await edit(app, anna, id, 1, 'x'), { status: 409, body: { message: /^Conflict/ } })
  t.match(await react(app, ben, id, 1, '🎉'), { status: 409 })
  const [message] = (await history(app, ben, id)).data
  t.notOk('reactions' in message)
  t.equal(message.message, '')
})

t.test('rule 23: replyTo names a message of the conversation, a tombstone too', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  t.match(await say(app, ben, id, 'an answer', { replyTo: 1 }), { status: 201, data: { replyTo: 1 } })
  await erase(app, anna, id, 1)
  t.match(await say(app, ben, id, 'late', { replyTo: 1 }), { status: 201, data: { replyTo: 1 } })
  const body = { message: 'legacy', sender: anna.id, reciver: ben.id, replyTo: 2 }
  t.match(await call(app, anna, 'POST', '/addmsg', body), { status: 201, data: { replyTo: 2, seq: 4 } })
  t.equal((await call(app, anna, 'POST', '/addmsg', { ...body, replyTo: 99 })).status, 404)
  t.match(await say(app, ben, id, 'x', { replyTo: 0 }), { status: 400, path: 'replyTo' })
})

t.test('rule 24: emoji are fully qualified RGI, else 400', async t => {
  const app = await build(t)
  const { ben, id } = await pair(app)
  for (const emoji of ['👍', '👍🏽', '❤️', '1️⃣', '🇧🇩', '🏳️‍🌈', '👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁳󠁣󠁴󠁿']) {
    t.equal((await react(app, ben, id, 1, emoji)).status, 200, emoji)
  }
  for (const emoji of ['❤', 'a', '1', '👍👍', '🇧', '🏳‍🌈', '👍 ', '\u200d', '👍\u202e', 'x'.repeat(17)]) {
    t.equal((await react(app, ben, id, 1, emoji)).status, 400, JSON.stringify(emoji))
  }
})

t.test('at most 20 different emoji are on one message: 409 beyond', async t => {
  const app = await build(t)
  const { anna, ben, id } = await pair(app)
  for (const emoji of EMOJI.slice(0, 20)) t.equal((await react(app, ben, id, 1, emoji)).status, 200)
  t.equal((await react(app, ben, id, 1, EMOJI[20]!)).status, 409)
  t.equal((await react(app, anna, id, 1, EMOJI[0]!)).status, 200, 'one that is there already')
  await react(app, ben, id, 1, EMOJI[1]!, false)
  t.equal((await react(app, ben, id, 1, EMOJI[20]!)).status, 200, 'there is room again')
  t.equal(Object.keys((await history(app, ben, id)).data[0].reactions).length, 20)
})
