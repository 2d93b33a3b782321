/** The log's property: gapless, the same order for all, nothing twice, whatever fails. */
import { SEED, stored, upTo } from './helper.js'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  append,
  build,
  connect, databaseUrl,
  listen,
  register,
  type Person
} from '../../helper.js'

t.comment(`SEED=${SEED}`)

t.test('two senders over HTTP and sockets: every socket gets every message once, in one order', async t => {
  const { app, origin } = await listen(t)
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          by: fc.integer({ min: 0, max: 5 }),
          burst: fc.integer({ min: 1, max: 8 }),
          repeat: fc.boolean()
        }),
        { minLength: 5, maxLength: 30 }
      ),
      async schedule => {
        const [anna, ben] = await Promise.all([register(app), register(app)])
        const sockets = await Promise.all(
          [anna, anna, ben, ben].map(async person => await connect(t, origin, person))
        )
        const sent: Promise<unknown>[] = []
        const texts: string[] = []
        for (const { by, burst, repeat } of schedule) {
          const me = by % 2 === 0 ? anna : ben
          const other = me === anna ? ben : anna
          for (let n = 0; n < burst; n++) {
            const clientId = randomUUID()
            const message = `${by} ${texts.length}`
            texts.push(message)
            for (let times = repeat ? 2 : 1; times > 0; times--) {
              if (by >= 4) {
                sent.push(
                  app.inject({
                    method: 'POST',
                    url: '/api/v1/addmsg',
                    headers: me.headers,
                    payload: { message, sender: me.id, reciver: other.id, clientId }
                  })
                )
              } else {
                sent.push(
                  sockets[(me === anna ? 0 : 2) + (by >= 2 ? 1 : 0)]!.say(other.id, message, clientId)
                )
              }
            }
          }
          if (burst % 3 === 0) await sent.at(-1)
        }
        await Promise.all(sent)
        const log = await stored(app, anna, ben)
        t.same(
          log.map(({ seq }) => seq),
          upTo(texts.length),
          'gapless, nothing twice'
        )
        t.same(log.map(({ message }) => message).sort(), [...texts].sort(), 'all that was sent')
        for (const socket of sockets) {
          // The acks of repeats stand outside the order: of each number the first frame counts.
          const seen = await socket.until(() => {
            const numbers: number[] = []
            for (const frame of socket.frames) {
              if (
                (frame.type === 'ack' || frame.type === 'message') &&
                !numbers.includes(frame.message!.seq)
              ) {
                numbers.push(frame.message!.seq)
              }
            }
            return numbers.length === texts.length ? numbers : undefined
          })
          const pushed = socket.all('message').map(frame => frame.message.seq)
          t.same(
            pushed,
            [...new Set(pushed)].sort((a, b) => a - b),
            'messages in order, none twice'
          )
          t.same(
            [...seen].sort((a, b) => a - b),
            upTo(texts.length)
          )
          await socket.close()
        }
      }
    ),
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
