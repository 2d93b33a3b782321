/** The order in which the client hands messages on. The test plays the server, frame by frame. */
import tap from 'tap'
import { bela, me, message, resumed, script, talk } from './scripted-server.js'

tap.test('messages after a gap are held back, and the missing ones are requested once', async t => {
  const s = script(t, { have: { [talk]: 5 } })
  await s.start()
  await s.tell(...[7, 8, 9].map(seq => ({ type: 'message', message: message(seq) }) as const))
  t.same(s.seqs(), [])
  t.same(
    s.all('resume').map(frame => frame.have),
    [{ [talk]: 5 }, { [talk]: 5 }]
  )
  await s.tell(...[6, 7, 8, 9].map(seq => ({ type: 'message', message: message(seq) }) as const), resumed())
  t.same(s.seqs(), [6, 7, 8, 9])
  t.equal(s.all('resume').length, 2)
  t.same(s.client.have, { [talk]: 9 })
})

tap.test(
  'asks again for what a resume left out, and leaves a server that sends nothing',
  async t => {
    const s = script(t, { have: { [talk]: 5 } })
    await s.start()
    await s.tell(
      { type: 'message', message: message(9) },
      { type: 'message', message: message(6) },
      resumed()
    )
    t.same(s.all('resume').at(-1)!.have, { [talk]: 6 })
    await s.tell(resumed())
    t.equal(s.client.state, 'waiting')
    t.ok(s.states.at(-1)!.retryInMs! >= 1000)
  }
)

tap.test('the ack of a new message takes its place in the order, that of a repeat does not', async t => {
  const s = script(t, { have: { [talk]: 5 } })
  await s.start()
  const [first, second, third] = ['a', 'b', 'c'].map(text => s.client.send(bela, text))
  await s.world.pass(10)
  const ids = s.all('send').map(frame => frame.clientId)
  const mine = (seq: number, index: number) =>
    message(seq, { sender: me, reciver: bela, clientId: ids[index]! })
  await s.tell(
    { type: 'ack', clientId: ids[0]!, message: mine(6, 0) },
    { type: 'ack', clientId: ids[1]!, message: mine(3, 1) }
  )
  t.same(s.seqs(), [6])
  t.same([(await first!).seq, (await second!).seq], [6, 3])
  await s.tell({ type: 'ack', clientId: ids[2]!, message: mine(8, 2) })
  t.equal((await third!).seq, 8, 'answered at once')
  t.same(s.seqs(), [6], 'its place comes after number 7')
  await s.tell({ type: 'message', message: message(7) }, { type: 'message', message: mine(8, 2) }, resumed())
  t.same(s.seqs(), [6, 7, 8])
})

tap.test(
  'reset: the rest is paged over HTTP before live messages go on, and what came meanwhile is asked for',
  async t => {
    const s = script(t, {
      have: { [talk]: 5 },
      page: (_path, query) => {
        const after = Number(query.get('after'))
        if (s.asked.length === 2) return { status: 503, body: {} }
        return {
          status: 200,
          body: {
            data: Array.from({ length: Math.min(4, 14 - after) }, (_, n) => (
              { type: 'message', message: message(after + 1 + n) }
            )),
            hasMore: after + 4 < 14
          }
        }
      }
    })
    s.client.connect()
    await s.world.pass(10)
    await s.tell(
      { type: 'reset', conversation: talk, lastSeq: 14, lastRev: 14 },
      { type: 'message', message: message(15) },
      resumed(),
      { type: 'message', message: message(16) }
    )
    t.same(s.all('resume').length, 1, 'live ones are not asked for while paging')
    const synced = new Promise(resolve => s.client.on('synced', resolve))
    await s.world.pass(5000)
    t.same(s.seqs(), [6, 7, 8, 9, 10, 11, 12, 13, 14])
    t.equal(s.asked[0], `/base/api/v1/conversations/${talk}/changes?after=5&limit=1000`)
    t.equal(s.errors.length, 1, 'the failed page is told of, and tried again')
    t.same(s.all('resume').at(-1)!.have, { [talk]: 14 })
    await s.tell(
      { type: 'message', message: message(15) },
      { type: 'message', message: message(16) },
      resumed()
    )
    t.same(s.seqs().slice(-2), [15, 16])
    await synced
  }
)

tap.test('a server restored from a backup goes on with its own numbers', async t => {
  const s = script(t, { have: { [talk]: 50 } })
  s.client.connect()
  await s.world.pass(10)
  await s.tell(
    { type: 'reset', conversation: talk, lastSeq: 30, lastRev: 30 },
    resumed([{ id: talk, lastSeq: 30 }]),
    { type: 'message', message: message(31) }
  )
  t.same(s.seqs(), [31])
  t.same(s.asked, [])
})
