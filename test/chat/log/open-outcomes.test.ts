import { SEED, stored, upTo } from './helper.js'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FaultProxy } from '../../fault-proxy.js'
import {
  append,
  build, conversationOf,
  databaseUrl, register
} from '../../helper.js'

t.test(
  'an open outcome is cleared up: connections cut in the middle of writes, at seeded moments',
  async t => {
    const proxy = await FaultProxy.start(t, await databaseUrl())
    const app = await build(t, { MONGODB_URL: proxy.url })
    const people = await Promise.all(Array.from({ length: 4 }, () => register(app)))
    const [delays] = fc.sample(fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 25, maxLength: 25 }), {
      numRuns: 1,
      seed: SEED
    })
    let cutting = true
    const cuts = (async () => {
      for (const turns of delays!) {
        // Moments are counted in messages stored, not in time.
        const from = app.conversationLog.pending
        for (let n = 0; n < turns && app.conversationLog.pending >= from - turns; n++) {
          await new Promise(resolve => setImmediate(resolve))
        }
        proxy.cut()
        await new Promise(resolve => app.mongo.client.once('connectionCreated', resolve))
        if (!cutting) return
      }
    })()
    const outcomes: { seq: number; conversation: string; message: string }[] = []
    await Promise.all(
      people.flatMap((sender, s) =>
        people.map(async (reciver, r) => {
          for (let n = 0; n < 12; n++) {
            const text = `${s} ${r} ${n}`
            const clientId = randomUUID()
            // As a client does: an unknown outcome is repeated with the same clientId.
            for (;;) {
              const outcome = await append(app, {
                sender: sender.id,
                reciver: reciver.id,
                message: text,
                clientId
              }).catch((error: { kind?: string }) => error)
              if ('message' in outcome && 'repeat' in outcome) {
                outcomes.push(outcome.message)
                break
              }
              t.equal((outcome as { kind?: string }).kind, 'unavailable')
            }
          }
        })
      )
    )
    cutting = false
    app.mongo.client.emit('connectionCreated', {} as never)
    await cuts
    t.equal(outcomes.length, 16 * 12)
    for (const [s, sender] of people.entries()) {
      for (const reciver of people.slice(s)) {
        const log = await stored(app, sender, reciver)
        t.same(
          log.map(({ seq }) => seq),
          upTo(sender === reciver ? 12 : 24),
          'no gap'
        )
        t.equal(new Set(log.map(({ message }) => message)).size, log.length, 'nothing twice')
        for (const { seq, message } of outcomes.filter(
          ({ conversation }) => conversation === conversationOf(sender.id, reciver.id)
        )) {
          t.equal(log[seq - 1]!.message, message, 'acknowledged with its number')
        }
      }
    }
  }
)
