/** Groups, edits, deletions and reactions. The test plays the server, frame by frame. */
import tap from 'tap'
import type { ChangeFrame } from 'chat-protocol'
import { bela, me, message, resumed, script, talk } from './scripted-server.js'

const AT = '2024-01-31T12:00:00.000Z'
const group = 'c'.repeat(24)
const head = (rev: number, conversation = talk) =>
  ({ type: 'change' as const, conversation, rev, by: bela, at: AT })
const reaction = (rev: number): ChangeFrame =>
  ({ ...head(rev), kind: 'reaction', seq: 1, emoji: '👍', on: true })
const member = (rev: number, role: 'member' | null): ChangeFrame =>
  ({ ...head(rev, group), kind: 'member', user: me, role })
const inGroup = (seq: number, rev: number) =>
  ({ type: 'message' as const, message: message(seq, { conversation: group, rev }) })

tap.test('messages and changes come in the order of rev, and the state is their fold', async t => {
  const s = script(t, { have: {} })
  await s.start()
  await s.tell({ type: 'message', message: message(1) }, reaction(3))
  t.same(s.changes, [], 'rev 2 is missing')
  t.same(s.all('resume').at(-1)!.have, { [talk]: 1 })
  await s.tell({ ...head(2), kind: 'edit', seq: 1, message: 'better' }, reaction(3), reaction(3), resumed())
  t.same(s.changes.map(({ rev }) => rev), [2, 3])
  t.same(s.client.messages(talk), [
    message(1, { message: 'better', editedAt: AT, reactions: { '👍': [bela] } })
  ])
  await s.tell({ ...head(4), kind: 'delete', seq: 1 }, { type: 'message', message: message(2, { rev: 5 }) })
  t.same(s.client.messages(talk).map(({ message: text }) => text), ['', 'number 2'])
  t.same(s.client.have, { [talk]: 5 })
})

tap.test('changes wait like messages, are sent again, and those of one message keep their order', async t => {
  const s = script(t, { have: { [talk]: 1 } })
  const answers = [
    s.client.edit(talk, 1, 'one'),
    s.client.edit(talk, 1, 'two'),
    s.client.react(talk, 2, '👍'),
    s.client.delete(talk, 3),
    s.client.send({ conversation: group }, 'hello', { replyTo: 1 })
  ]
  await s.start()
  t.match(s.said.slice(1), [
    { type: 'edit', message: 'one' },
    { type: 'react', emoji: '👍', on: true },
    { type: 'delete', seq: 3 },
    { type: 'send', conversation: group, replyTo: 1 }
  ])
  const { clientId } = s.all('edit')[0]!
  await s.tell({ type: 'error', code: 'unavailable', message: 'busy', clientId, retryAfterMs: 10 })
  await s.world.pass(50)
  t.same(s.all('edit').map(frame => frame.message), ['one', 'one'], 'a retry must not undo a later edit')
  const stored = { conversation: talk, rev: 2, kind: 'edit' as const, by: me, at: AT, seq: 1, message: 'one' }
  await s.tell({ type: 'ack', clientId, change: stored })
  t.same(await answers[0], stored)
  t.same(s.changes.map(({ rev }) => rev), [2], 'the ack took its place')
  await s.cut()
  await s.world.pass(1000)
  await s.tell(resumed())
  t.same(s.all('edit').at(-1)!.message, 'two')
  t.equal(s.all('delete').length, 2)
  await s.tell({ type: 'ack', clientId: s.all('delete')[0]!.clientId, message: message(3, { rev: 1 }) })
  t.match(await answers[3], { seq: 3 }, 'no effect: the present message')
  const rest = Promise.all([1, 2, 4].map(n => t.rejects(answers[n]!, { code: 'closed' })))
  s.client.close()
  await rest
})

tap.test('the ack of a repeat in a later state is not taken for the entry of the log', async t => {
  const s = script(t, { have: { [talk]: 0 } })
  await s.start()
  const answer = s.client.send(bela, 'number 1')
  await s.world.pass(10)
  const { clientId } = s.all('send')[0]!
  await s.tell({ type: 'ack', clientId, message: message(1, { message: 'edited', editedAt: AT, clientId }) })
  t.equal((await answer).message, 'edited')
  t.same(s.seqs(), [])
  t.same(s.all('resume').at(-1)!.have, { [talk]: 0 })
  await s.tell({ type: 'message', message: message(1, { clientId }) }, resumed())
  t.same(s.got.map(({ message: text }) => text), ['number 1'])
})

tap.test('a group that hides what came before begins with the change that added the user', async t => {
  const s = script(t, { have: {} })
  await s.start()
  await s.tell(member(17, 'member'), inGroup(9, 18))
  t.same(s.all('resume').at(-1)!.have, { [group]: 0 })
  await s.tell(member(17, 'member'), inGroup(9, 18), resumed())
  t.same(s.all('resume').at(-1)!.have, { [group]: 16 }, 'everything visible came')
  await s.tell(member(17, 'member'), inGroup(9, 18), resumed())
  t.same(s.changes.map(({ rev }) => rev), [17])
  t.same(s.seqs(), [9])
  t.equal(s.client.state, 'online')
})

tap.test('after a reset, the first page shows where the visible part begins', async t => {
  const s = script(t, {
    have: { [group]: 0 },
    page: () => ({ status: 200, body: { data: [member(17, 'member'), inGroup(9, 18)], hasMore: false } })
  })
  s.client.connect()
  await s.world.pass(10)
  await s.tell({ type: 'reset', conversation: group, lastSeq: 9, lastRev: 18 }, resumed())
  await s.world.pass(100)
  t.same([...s.changes.map(({ rev }) => rev), ...s.seqs()], [17, 9])
  t.same(s.errors, [])
})

tap.test('a group that the user left is told once, and not resumed again until the user is back', async t => {
  const s = script(t, { have: { [group]: 3, [talk]: 1 } })
  await s.start()
  await s.tell(member(4, null))
  t.same(s.left, [group])
  await s.cut()
  await s.world.pass(1000)
  t.same(s.all('resume').at(-1)!.have, { [talk]: 1 })
  await s.tell(resumed([{ id: group, lastSeq: 1, lastRev: 8 }]))
  t.same(s.all('resume').at(-1)!.have, { [group]: 4 })
  await s.tell(member(8, 'member'), resumed())
  await s.tell(member(8, 'member'), resumed())
  t.same(s.changes.map(({ rev }) => rev), [4, 8])
})

tap.test('not_found for a group in a resume: the others go on', async t => {
  const s = script(t, { have: { [group]: 3, [talk]: 1 } })
  let synced = 0
  s.client.on('synced', () => synced++)
  s.client.connect()
  await s.world.pass(10)
  await s.tell({ type: 'error', code: 'not_found', message: 'Not Found', path: `have.${group}` })
  t.same(s.left, [group])
  t.equal(synced, 0)
  await s.tell(resumed())
  t.equal(synced, 1)
  t.equal(s.client.state, 'online')
})

tap.test('what one client had pending is sent by the next one, with the same clientIds', async t => {
  const first = script(t)
  const lost = [first.client.send(bela, 'hello'), first.client.react(talk, 1, '👍', false)]
  const { pending } = first.client
  const rejections = Promise.all(lost.map(answer => t.rejects(answer, { code: 'closed' })))
  first.client.close()
  await rejections
  const second = script(t, { have: { [talk]: 1 } })
  const rest = pending.map(outgoing => t.rejects(second.client.resend(outgoing), { code: 'closed' }))
  await second.start()
  t.same(second.said.slice(1), pending)
  t.match(pending, [{ type: 'send', reciver: bela, message: 'hello' }, { type: 'react', on: false }])
  second.client.close()
  await Promise.all(rest)
})
