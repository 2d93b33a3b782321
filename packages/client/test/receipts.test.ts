/** Receipts, typing and presence. The test plays the server, frame by frame. */
import tap from 'tap'
import type { Message } from 'chat-protocol'
import { conversationOf } from '../src/index.js'
import { userId } from './model.js'
import { bela, LIMITS, me, message, resumed, script, talk } from './scripted-server.js'

tap.test('receipts are coalesced, and sent again after a reconnect unless the server has them', async t => {
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
  'watched users are watched again after a reconnect; typing is sent every 3 s, and never late',
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

/** A server under load: each frame takes some of what the user may spend, which refills slowly. */
class Allowance {
  static readonly PER_SECOND = 5
  #tokens = 0
  #at = 0

  /** @returns milliseconds to wait, 0 if the frame was taken; a refused frame costs 1 all the same */
  take (now: number, cost: number): number {
    this.#tokens = Math.min(20, this.#tokens + (now - this.#at) * Allowance.PER_SECOND / 1000)
    this.#at = now
    if (this.#tokens >= cost) {
      this.#tokens -= cost
      return 0
    }
    if (this.#tokens >= 1) this.#tokens--
    return Math.ceil((cost - this.#tokens) * 1000 / Allowance.PER_SECOND)
  }
}

tap.test('receipts and the watch list that are refused do not starve messages', async t => {
  const s = script(t, { limits: { ...LIMITS, ratePerSecond: 20, resumeConversations: 100 } })
  await s.start([{ id: talk, lastSeq: 0 }])
  const allowance = new Allowance()
  s.client.watch(Array.from({ length: 50 }, (_, n) => userId(n + 10)))
  for (let n = 10; n < 40; n++) s.client.read(conversationOf(me, userId(n)), 1)
  const acked: Message[] = []
  for (let n = 0; n < 50; n++) s.client.send(bela, `number ${n}`).then(sent => acked.push(sent), t.fail)
  let answered = s.said.length
  const answer = async (): Promise<void> => {
    const frame = s.said[answered++]!
    const retryAfterMs = allowance.take(s.world.now(), frame.type === 'watch' ? 4 : 1)
    const about = frame.type === 'send' ? { clientId: frame.clientId } : {}
    if (retryAfterMs > 0) {
      await s.tell({ type: 'error', code: 'rate_limited', message: 'busy', ...about, retryAfterMs })
    } else if (frame.type === 'send') {
      const sent = message(acked.length + 1, { sender: me, reciver: bela, clientId: frame.clientId })
      await s.tell({ type: 'ack', clientId: frame.clientId, message: sent })
    }
  }
  // What is there to send costs 4 + 30 + 50: 17 s if nothing is sent twice.
  for (let step = 0; step < 600 && acked.length < 50; step++) {
    while (answered < s.said.length) await answer()
    await s.world.pass(100)
  }
  t.equal(acked.length, 50, 'all messages in a minute')
})
