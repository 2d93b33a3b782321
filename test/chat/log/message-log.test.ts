/** The log's property: gapless, the same order for all, nothing twice, whatever fails. */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { App } from '../../../src/app.js'
import {
  append,
  build,
  connect, databaseUrl,
  listen,
  register,
  type Person,
  type Socket
} from '../../helper.js'
import { SEED, stored, upTo } from './helper.js'

t.comment(`SEED=${SEED}`)

const SCHEDULE = fc.array(
  fc.record({
    by: fc.integer({ min: 0, max: 5 }),
    burst: fc.integer({ min: 1, max: 8 }),
    repeat: fc.boolean()
  }),
  { minLength: 5, maxLength: 30 }
)

interface Pair {
  app: App
  anna: Person
  ben: Person
  /** two of Anna, then two of Ben */
  sockets: Socket[]
}

/** Sends a message by the writer with this number: 0 to 3 over the sockets, 4 and 5 over HTTP. */
function write ({ app, anna, ben, sockets }: Pair, by: number, message: string, clientId: string) {
  const [me, other] = by % 2 === 0 ? [anna, ben] : [ben, anna]
  if (by < 4) return sockets[(me === anna ? 0 : 2) + (by >= 2 ? 1 : 0)]!.say(other.id, message, clientId)
  const payload = { message, sender: me.id, reciver: other.id, clientId }
  return app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: me.headers, payload })
}

/** Carries out a schedule; returns the texts that were sent. */
async function writeAll (pair: Pair, schedule: { by: number; burst: number; repeat: boolean }[]) {
  const sent: PromiseLike<unknown>[] = []
  const texts: string[] = []
  for (const { by, burst, repeat } of schedule) {
    for (let n = 0; n < burst; n++) {
      const clientId = randomUUID()
      const message = `${by} ${texts.length}`
      texts.push(message)
      for (let times = repeat ? 2 : 1; times > 0; times--) sent.push(write(pair, by, message, clientId))
    }
    if (burst % 3 === 0) await sent.at(-1)
  }
  await Promise.all(sent)
  return texts
}

const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)

/** Waits until a socket has seen so many numbers; its messages must be in order, and each come once. */
async function sawAll (t: Test, socket: Socket, count: number): Promise<void> {
  // The acks of repeats are outside the order, so they only count for their numbers.
  const seen = await socket.until(() => {
    const numbered = [...socket.all('ack'), ...socket.all('message')]
    const numbers = new Set(numbered.map(({ message }) => message.seq))
    return numbers.size === count ? numbers : undefined
  })
  const pushed = socket.all('message').map(({ message }) => message.seq)
  t.same(pushed, ascending(new Set(pushed)), 'messages in order, none twice')
  t.same(ascending(seen), upTo(count))
}

t.test('two senders over HTTP and sockets: every socket gets every message once, in one order', async t => {
  const { app, origin } = await listen(t)
  await fc.assert(
    fc.asyncProperty(SCHEDULE, async schedule => {
      const [anna, ben] = await Promise.all([register(app), register(app)])
      const devices = [anna, anna, ben, ben]
      const sockets = await Promise.all(devices.map(async person => await connect(t, origin, person)))
      const texts = await writeAll({ app, anna, ben, sockets }, schedule)
      const log = await stored(app, anna, ben)
      const numbers = log.map(({ seq }) => seq)
      t.same(numbers, upTo(texts.length), 'gapless, nothing twice')
      t.same(log.map(({ message }) => message).sort(), [...texts].sort(), 'all that was sent')
      for (const socket of sockets) {
        await sawAll(t, socket, texts.length)
        await socket.close()
      }
    }),
    { numRuns: 12, seed: SEED }
  )
})

t.test('several processes append to one conversation: gapless, every message once', async t => {
  const MONGODB_URL = await databaseUrl()
  const apps = await Promise.all([
    build(t, { MONGODB_URL }),
    build(t, { MONGODB_URL }),
    build(t, { MONGODB_URL })
  ])
  const [anna, ben] = await Promise.all([register(apps[0]), register(apps[0])])
  const outcomes = await Promise.all(
    Array.from(
      { length: 300 },
      async (_, n) =>
        await append(apps[n % 3]!, {
          sender: n % 2 === 0 ? anna.id : ben.id,
          reciver: n % 2 === 0 ? ben.id : anna.id,
          message: `text ${n}`
        })
    )
  )
  const log = await stored(apps[0], anna, ben)
  t.same(
    log.map(({ seq }) => seq),
    upTo(300)
  )
  t.same(
    outcomes.map(({ message }) => message.seq).sort((a, b) => a - b),
    upTo(300),
    'each was told its own number'
  )
  for (const { message } of outcomes) t.equal(log[message.seq - 1]!.message, message.message)
})

t.test('the same clientId in several processes at once: one message, equal answers', async t => {
  const MONGODB_URL = await databaseUrl()
  const apps = await Promise.all([build(t, { MONGODB_URL }), build(t, { MONGODB_URL })])
  const [anna, ben] = await Promise.all([register(apps[0]), register(apps[0])])
  for (let round = 0; round < 20; round++) {
    const clientId = randomUUID()
    const outcomes = await Promise.all(
      apps.flatMap(app =>
        [1, 2].map(
          async () =>
            await append(app, { sender: anna.id, reciver: ben.id, message: `text ${round}`, clientId })
        )
      )
    )
    for (const { message } of outcomes) t.same(message, outcomes[0]!.message)
    t.equal(outcomes.filter(({ repeat }) => !repeat).length, 1)
  }
  t.same(
    (await stored(apps[0], anna, ben)).map(({ seq }) => seq),
    upTo(20)
  )
})

t.test(
  'one batch with repeats, conflicts and new messages: each gets its own answer, and there is no gap',
  async t => {
    const app = await build(t)
    const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
    const old = randomUUID()
    await append(app, { sender: anna.id, reciver: ben.id, message: 'old', clientId: old })
    const store = async (reciver: Person, message: string, clientId = randomUUID()) =>
      await append(app, { sender: anna.id, reciver: reciver.id, message, clientId }).then(
        ({ message, repeat }) => [message.seq, repeat],
        (error: Error) => error.message
      )
    // While the first is being written the others gather and become one batch.
    const outcomes = await Promise.all([
      store(ben, 'first'),
      store(ben, 'second'),
      store(ben, 'old', old),
      store(carl, 'hello'),
      store(ben, 'new text', old),
      store(ben, 'third'),
      store(carl, 'you')
    ])
    t.same(
      [outcomes[0], outcomes[1], outcomes[2], outcomes[3], outcomes[5], outcomes[6]],
      [
        [2, false],
        [3, false],
        [1, true],
        [1, false],
        [4, false],
        [2, false]
      ]
    )
    t.match(outcomes[4], /^Conflict/)
    t.same(
      (await stored(app, anna, ben)).map(({ message }) => message),
      ['old', 'first', 'second', 'third']
    )
  }
)
