/** Receipts, typing and presence. The test plays the server, frame by frame. */
import tap from 'tap'
import { conversationOf } from '../src/index.js'
import { userId } from './model.js'
import { bela, me, resumed, script, talk } from './scripted-server.js'

tap.test('receipts are coalesced, and said again after a reconnect unless the server has them', async t => {
  const s = script(t)
  const other = conversationOf(me, userId(3))
  await s.start([{ id: talk, lastSeq: 0 }])
  for (let seq = 1; seq <= 10_000; seq++) s.client.read(talk, seq)
  s.client.read(talk, 4)
  s.client.delivered(talk, 9000)
  s.client.delivered(other, 7)
  await s.world.pass(300)
  t.same(s.said.slice(-2), [
    { type: 'read', conversation: talk, seq: 10_000 },
    { type: 'delivered', conversation: other, seq: 7 }
  ])
  const before = s.said.length
  await s.cut()
  await s.world.pass(1000)
  await s.tell(resumed([{ id: other, lastSeq: 9, read: 0, delivered: 7 }]))
  await s.cut()
  await s.world.pass(1000)
  const again = s.said.slice(before).filter(({ type }) => type !== 'resume')
  t.same(
    again.map(({ type }) => type).sort(),
    ['delivered', 'read', 'read'],
    'the one that the server was known to have is not said a third time'
  )
})

tap.test(
  'the watched are watched again after a reconnect; typing is said every 3 s, and never later',
  async t => {
    const s = script(t)
    const presence: unknown[] = []
    s.client.on('presence', frame => {
      presence.push(frame)
    })
    s.client.typing(bela)
    s.client.watch([bela])
    await s.start()
    await s.tell({ type: 'presence', user: bela, online: true })
    for (let n = 0; n < 40; n++) {
      s.client.typing(bela)
      await s.world.pass(100)
    }
    s.client.typing(bela, false)
    await s.world.pass(10)
    await s.cut()
    await s.world.pass(1000)
    t.same(
      s.all('typing').map(({ on }) => on),
      [true, true, false]
    )
    t.same(s.all('watch'), [
      { type: 'watch', users: [bela] },
      { type: 'watch', users: [bela] }
    ])
    t.same(presence, [{ type: 'presence', user: bela, online: true }])
    t.throws(() => s.client.watch(Array.from({ length: 201 }, (_, n) => userId(n))), RangeError)
  }
)
