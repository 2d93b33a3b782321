import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Message } from 'chat-protocol'
import type { App } from '../../../src/app.js'
import { FaultProxy } from '../../fault-proxy.js'
import {
  append,
  build, conversationOf,
  databaseUrl, register, type Person
} from '../../helper.js'
import { SEED, stored, upTo } from './helper.js'

t.comment(`SEED=${SEED}`)

/** How many messages are stored between two cuts, at most. */
const [MOMENTS] = fc.sample(fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 25, maxLength: 25 }), {
  numRuns: 1,
  seed: SEED
})
const MESSAGES = 12

interface Cutting {
  going: boolean
}

/** Cuts the connections of the database at these moments, until it is told to stop. */
async function cutAtMoments (app: App, proxy: FaultProxy, cutting: Cutting): Promise<void> {
  for (const turns of MOMENTS!) {
    // Moments are counted in messages stored, not in time.
    const from = app.conversationLog.pending
    for (let n = 0; n < turns && app.conversationLog.pending >= from - turns; n++) {
      await new Promise(resolve => setImmediate(resolve))
    }
    proxy.cut()
    await new Promise(resolve => app.mongo.client.once('connectionCreated', resolve))
    if (!cutting.going) return
  }
}

/** Sends as a client does: an unknown outcome is repeated with the same clientId. */
async function insist (t: Test, app: App, from: Person, to: Person, message: string): Promise<Message> {
  const clientId = randomUUID()
  for (;;) {
    const send = append(app, { sender: from.id, reciver: to.id, message, clientId })
    const outcome = await send.catch((error: { kind?: string }) => error)
    if ('message' in outcome && 'repeat' in outcome) return outcome.message
    t.equal((outcome as { kind?: string }).kind, 'unavailable')
  }
}

async function sendAll (t: Test, app: App, from: Person, to: Person, name: string): Promise<Message[]> {
  const sent: Message[] = []
  for (let n = 0; n < MESSAGES; n++) sent.push(await insist(t, app, from, to, `${name} ${n}`))
  return sent
}

/** The log of two people must have every acknowledged message with its number, and nothing twice. */
async function check (t: Test, app: App, a: Person, b: Person, acked: Message[]): Promise<void> {
  const log = await stored(app, a, b)
  const numbers = log.map(({ seq }) => seq)
  t.same(numbers, upTo(a === b ? MESSAGES : 2 * MESSAGES), 'no gap')
  t.equal(new Set(log.map(({ message }) => message)).size, log.length, 'nothing twice')
  const own = acked.filter(({ conversation }) => conversation === conversationOf(a.id, b.id))
  for (const { seq, message } of own) {
    t.equal(log[seq - 1]!.message, message, 'acknowledged with its number')
  }
}

t.test('open outcomes are cleared up: connections cut in the middle of writes', async t => {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const app = await build(t, { MONGODB_URL: proxy.url })
  const people = await Promise.all(Array.from({ length: 4 }, () => register(app)))
  const cutting = { going: true }
  const cuts = cutAtMoments(app, proxy, cutting)
  const pairs = people.flatMap((from, f) => people.map((to, n) => ({ from, to, name: `${f} ${n}` })))
  const acked = await Promise.all(pairs.map(({ from, to, name }) => sendAll(t, app, from, to, name)))
  cutting.going = false
  app.mongo.client.emit('connectionCreated', {} as never)
  await cuts
  t.equal(acked.flat().length, 16 * MESSAGES)
  for (const [n, a] of people.entries()) {
    for (const b of people.slice(n)) await check(t, app, a, b, acked.flat())
  }
})
