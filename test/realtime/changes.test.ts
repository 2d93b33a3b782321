import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, conversationOf, listen, type Socket } from '../helper.js'
import {
  changes, crowd, edit, erase, history, pushedUpTo, pushes, react, revOf, say
} from '../groups.js'

type Answer = { type: string, clientId?: string, message?: any, change?: any, code?: string }

/** Sends a frame with a clientId; gives its ack or error. */
async function ask (socket: Socket, frame: object, clientId: string = randomUUID()): Promise<Answer> {
  const before = socket.frames.length
  socket.send({ ...frame, clientId })
  return await socket.until(() => (socket.frames.slice(before) as Answer[])
    .find(answer => answer.clientId === clientId && ['ack', 'error'].includes(answer.type)))
}

async function scene (test: Test, config: object = {}) {
  const { app, origin } = await listen(test, config)
  const [anna, ben] = await crowd(app, 2)
  const conversation = conversationOf(anna!.id, ben!.id)
  const [a1, a2, b] = await Promise.all([
    connect(test, origin, anna!), connect(test, origin, anna!), connect(test, origin, ben!)])
  return { app, origin, anna: anna!, ben: ben!, conversation, a1, a2, b }
}

t.test('rule 4: the ack of a change holds its fields, replaces the push; other sockets get it', async t => {
  const { anna, ben, conversation, a1, a2, b } = await scene(t)
  t.match((await ask(a1, { type: 'send', conversation, message: 'text' })).message, { seq: 1, rev: 1 })
  const edited = await ask(a1, { type: 'edit', conversation, seq: 1, message: 'better' })
  t.match(edited.change, { conversation, rev: 2, kind: 'edit', by: anna.id, seq: 1, message: 'better' })
  const reacted = await ask(b, { type: 'react', conversation, seq: 1, emoji: '👍', on: true })
  t.match(reacted.change, { rev: 3, kind: 'reaction', by: ben.id, seq: 1, emoji: '👍', on: true })
  const deleted = await ask(a1, { type: 'delete', conversation, seq: 1 })
  t.match(deleted.change, { rev: 4, kind: 'delete', by: anna.id, seq: 1 })
  t.same((await pushedUpTo(a2, conversation, 4)).map(revOf), [1, 2, 3, 4])
  t.same((await pushedUpTo(b, conversation, 4)).map(revOf), [1, 2, 4])
  await a1.roundTrip()
  t.same(pushes(a1, conversation).map(revOf), [3])
  t.same(a2.all('change')[0], { type: 'change', ...edited.change })
})

t.test('rule 4: frames of one socket are stored in their order, whatever their kind', async t => {
  const { app, anna, conversation, a1 } = await scene(t)
  for (const text of ['one', 'two']) await say(app, anna, conversation, text)
  const frames = [
    { type: 'edit', seq: 1, message: 'ONE' },
    { type: 'send', message: 'three' },
    { type: 'react', seq: 2, emoji: '🎉', on: true },
    { type: 'delete', seq: 1 },
    { type: 'send', message: 'four' },
    { type: 'edit', seq: 2, message: 'TWO' }
  ]
  await Promise.all(frames.map(async frame => await ask(a1, { ...frame, conversation })))
  const kinds = (await changes(app, anna, conversation, '?after=2')).data
    .map((frame: any) => frame.type === 'message' ? 'message' : frame.kind)
  t.same(kinds, ['edit', 'message', 'reaction', 'delete', 'message', 'edit'])
})

t.test('rule 5: a change without effect is acked with the present message and stores nothing', async t => {
  const { app, anna, conversation, a1 } = await scene(t)
  await say(app, anna, conversation, 'text')
  await react(app, anna, conversation, 1, '👍')
  const same = await ask(a1, { type: 'edit', conversation, seq: 1, message: 'text' })
  t.match(same.message, { seq: 1, message: 'text', reactions: { '👍': [anna.id] } })
  t.equal(same.change, undefined)
  for (const [emoji, on] of [['👍', true], ['🎉', false]] as const) {
    t.match((await ask(a1, { type: 'react', conversation, seq: 1, emoji, on })).message, { seq: 1 })
  }
  await erase(app, anna, conversation, 1)
  t.match((await ask(a1, { type: 'delete', conversation, seq: 1 })).message, { message: '' })
  t.equal((await changes(app, anna, conversation)).data.length, 3)
})

t.test('rule 7: a repeated change acks the stored one; other content or kind is conflict', async t => {
  const { app, anna, conversation, a1, a2 } = await scene(t)
  await say(app, anna, conversation, 'text')
  const clientId = randomUUID()
  const frame = { type: 'react', conversation, seq: 1, emoji: '👍', on: true }
  const first = await ask(a1, frame, clientId)
  t.same((await ask(a2, frame, clientId)).change, first.change)
  const others = [
    { ...frame, on: false }, { ...frame, emoji: '🎉' }, { type: 'delete', conversation, seq: 1 },
    { type: 'send', conversation, message: 'text' }
  ]
  for (const other of others) t.match(await ask(a1, other, clientId), { type: 'error', code: 'conflict' })
  t.equal((await changes(app, anna, conversation)).data.length, 2)
})

t.test('rule 3: edits and reactions that race with a delete leave a tombstone without text', async t => {
  const { app, anna, ben, conversation, a1, b } = await scene(t)
  for (let seq = 1; seq <= 10; seq++) {
    await say(app, anna, conversation, 'secret text')
    await Promise.all([
      edit(app, anna, conversation, seq, 'secret too'),
      ask(b, { type: 'react', conversation, seq, emoji: '👍', on: true }),
      ask(a1, { type: 'delete', conversation, seq })
    ])
  }
  for (const { data } of [await history(app, ben, conversation), await changes(app, ben, conversation)]) {
    t.notMatch(JSON.stringify(data), /secret/)
  }
  for (const message of (await history(app, ben, conversation)).data) {
    t.equal(message.message, '')
    t.ok(message.deletedAt)
    t.notOk('reactions' in message)
  }
})

t.test('rule 2: resuming replays messages and changes as stored, mixed, without deleted texts', async t => {
  const { app, origin, anna, ben, conversation } = await scene(t)
  for (const text of ['keep', 'secret']) await say(app, anna, conversation, text)
  await edit(app, anna, conversation, 2, 'secret again')
  await edit(app, anna, conversation, 1, 'kept')
  await erase(app, anna, conversation, 2)
  const socket = await connect(t, origin, ben)
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  const resumed = await socket.next('resumed')
  const got = pushes(socket, conversation)
  t.same(got.map(revOf), [1, 2, 3, 4, 5])
  t.match(got, [
    { message: { message: 'keep' } }, { message: { message: '' } }, { kind: 'edit', message: '' },
    { kind: 'edit', message: 'kept' }, { kind: 'delete', seq: 2 }
  ])
  t.notOk('editedAt' in got[0].message)
  t.notMatch(JSON.stringify(got), /secret/)
  const state = { id: conversation, kind: 'direct', user: anna.id, lastSeq: 2, lastRev: 5 }
  t.match(resumed.conversations, [state])
  const later = await connect(t, origin, ben)
  later.send({ type: 'resume', have: { [conversation]: 3 } })
  await later.next('resumed')
  t.same(pushes(later, conversation).map(revOf), [4, 5], 'the cursor is a rev')
})

t.test('rule 21: reset has both numbers, and RESUME_LIMIT counts entries', async t => {
  const { app, origin, anna, ben, conversation } = await scene(t, { RESUME_LIMIT: 5 })
  await say(app, anna, conversation, 'text')
  for (const emoji of ['👍', '🎉', '😀', '😁', '😂']) await react(app, ben, conversation, 1, emoji)
  const socket = await connect(t, origin, ben)
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  t.same(await socket.next('reset'), { type: 'reset', conversation, lastSeq: 1, lastRev: 6 })
  await socket.next('resumed')
  socket.send({ type: 'resume', have: { [conversation]: 1 } })
  await socket.next('resumed')
  t.same(pushes(socket, conversation).map(revOf), [2, 3, 4, 5, 6])
})

t.test('send needs exactly one of reciver and conversation', async t => {
  const { ben, conversation, a1 } = await scene(t)
  for (const target of [{}, { reciver: ben.id, conversation }]) {
    t.match(await ask(a1, { type: 'send', message: 'text', ...target }), { type: 'error', code: 'invalid' })
  }
})
