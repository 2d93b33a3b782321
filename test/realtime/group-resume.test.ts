import t from 'tap'
import { connect, conversationOf, listen, type Socket } from '../helper.js'
import { addMember, crowd, newGroup, pushes, removeMember, revOf, say } from '../groups.js'

const revs = (socket: Socket, conversation: string): number[] =>
  pushes(socket, conversation).map(revOf)

t.test('rule 20: resuming a lost group is not_found; the others still resume, then resumed', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const lost = await newGroup(app, anna!, [ben!])
  const kept = await newGroup(app, anna!, [ben!])
  await removeMember(app, anna!, lost, ben!.id)
  await say(app, anna!, kept, 'text')
  const unknown = 'f'.repeat(24)
  const socket = await connect(t, origin, ben!)
  socket.send({ type: 'resume', have: { [lost]: 0, [kept]: 0, [unknown]: 0 } })
  const { conversations } = await socket.next('resumed')
  const errors = socket.all('error')
  t.same(errors.map(({ code }) => code), ['not_found', 'not_found'])
  t.same(errors.map(({ path }) => path).sort(), [`have.${lost}`, `have.${unknown}`].sort())
  t.same(revs(socket, kept), [1, 2])
  t.same(revs(socket, lost), [])
  t.match(conversations, [{ id: kept, kind: 'group', name: 'Climbers', lastSeq: 1, lastRev: 2, read: 0 }])
  t.equal(conversations.length, 1)
})

t.test('rule 20: a foreign direct conversation refuses the whole resume', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const group = await newGroup(app, anna!, [carl!])
  const socket = await connect(t, origin, carl!)
  socket.send({ type: 'resume', have: { [group]: 0, [conversationOf(anna!.id, ben!.id)]: 0 } })
  t.match(await socket.next('error'), { code: 'forbidden', path: /^have/ })
  await socket.roundTrip()
  t.same([revs(socket, group), socket.all('resumed')], [[], []])
})

t.test('rule 18: a lower have begins at the first visible entry', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [])
  for (let n = 1; n <= 4; n++) await say(app, anna!, id, `text ${n}`)
  await addMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'visible')
  const socket = await connect(t, origin, ben!)
  for (const have of [0, 3]) {
    const before = revs(socket, id).length
    socket.send({ type: 'resume', have: { [id]: have } })
    const { conversations } = await socket.next('resumed')
    t.same(revs(socket, id).slice(before), [6, 7], `have ${have}`)
    t.match(conversations, [{ id, lastSeq: 5, lastRev: 7, read: 4, delivered: 4 }])
  }
})

t.test('rule 17: after rejoining, a resume from before restarts at the new joining', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, anna!, id, 'seen')
  await removeMember(app, anna!, id, ben!.id)
  await say(app, anna!, id, 'secret')
  await addMember(app, anna!, id, ben!.id)
  const socket = await connect(t, origin, ben!)
  socket.send({ type: 'resume', have: { [id]: 2 } })
  await socket.next('resumed')
  t.same(revs(socket, id), [5])
  await say(app, anna!, id, 'again')
  await socket.until(() => revs(socket, id).includes(6) || undefined)
  t.same(revs(socket, id), [5, 6])
  t.notMatch(JSON.stringify(socket.frames), /secret/)
})
