/**
 * Random schedules against a model of the server: sockets cut anywhere, processes killed, publications lost,
 * messages refused, HTTP failing. Whatever the schedule, the client hands on every message once and in order,
 * and every send is answered once. A schedule is its seed: a failure names it.
 */
import { randomUUID } from 'node:crypto'
import tap, { type Test } from 'tap'
import { ChatClient, conversationOf, type Message } from '../src/index.js'
import { Model, userId } from './model.js'
import { World } from './world.js'

/**
 * Where publications get lost, the server makes up for it at its next heartbeat (`recheck`); in every other
 * schedule nothing may rely on that.
 */
const faults = (seed: number) => ({ refuse: 0.1, lose: seed % 2 === 0 ? 0.1 : 0, http: 0.2 })
/** `npm test` runs a part of the schedules; `npm run test:long` runs all of them. */
const SHARE = process.env.TEST_LONG === '1' ? 1 : 0.25
const BACKOFF = { baseMs: 50, ceilingMs: 400 }

interface Person {
  id: string
  client: ChatClient
  log: Message[]
  /** the answers to this person's sends */
  sent: Promise<Message>[]
}

function person (model: Model, id: string, have?: Record<string, number>): Person {
  const client = new ChatClient({
    ...model.options(id),
    backoff: BACKOFF,
    ...(have === undefined ? {} : { have })
  })
  const log: Message[] = []
  client.on('message', message => {
    log.push(message)
  })
  return { id, client, log, sent: [] }
}

/** Why a person's log is not the database's; undefined: it is. `from` says where it may begin. */
function difference (
  model: Model,
  { id, log }: Person,
  from: (conversation: string) => number
): string | undefined {
  for (const conversation of model.conversations()) {
    if (!conversation.split(':').includes(id)) continue
    const stored = model.log(conversation)
    const got = log.filter(message => message.conversation === conversation)
    const start = stored.length - got.length
    if (got.some((message, index) => message._id !== stored[start + index]?._id)) {
      return `${conversation}: ${got.map(({ seq }) => seq)} of ${stored.length}`
    }
    if (start > from(conversation)) return `${conversation}: begins after ${start}, not ${from(conversation)}`
  }
  return undefined
}

/** One of the things that happen; `people` are the writers. */
function mishap (world: World, model: Model, people: Person[], outsiders: string[]): void {
  const dice = world.random()
  const one = people[world.below(people.length)]!
  const peers = [...model.peers]
  if (dice < 0.6) {
    const reciver = world.chance(0.8)
      ? people[world.below(people.length)]!.id
      : outsiders[world.below(outsiders.length)]!
    one.sent.push(one.client.send(reciver, `text ${world.below(1e6)}`))
  } else if (dice < 0.8) {
    const sender = outsiders[world.below(outsiders.length)]!
    for (let n = world.below(20); n >= 0; n--) model.say(sender, one.id, 'hello')
  } else if (peers.length > 0 && dice < 0.95) {
    peers[world.below(peers.length)]!.pipe.cut()
  } else if (dice < 0.97) {
    for (const peer of peers) {
      peer.send({ type: 'bye', retryAfterMs: 30 })
      peer.pipe.close(1012)
    }
  } else if (dice < 0.985) {
    model.kill()
  } else if (peers.length > 0) {
    peers[world.below(peers.length)]!.pipe.close(4408)
  }
}

/**
 * Goes on until everything is quiet and everybody has everything; false if that takes longer than any wait
 * that the client has a reason for here.
 */
async function comeToRest (world: World, model: Model, people: Person[]): Promise<boolean> {
  for (let round = 0; round < 16; round++) {
    await world.pass(1000)
    if (model.faults.lose > 0) model.recheck()
    const rest = people.every(
      ({ id, client }) =>
        client.state === 'online' &&
        client.pending.length === 0 &&
        model
          .conversations()
          .every(
            conversation =>
              !conversation.split(':').includes(id) ||
              client.have[conversation] === model.log(conversation).length
          )
    )
    if (rest) return true
  }
  return false
}

/** Each send of a device has an answer of its own, and its message is handed on. */
async function problemsOfSends ({ sent, log }: Person): Promise<string[]> {
  const answers = await Promise.all(sent)
  const own = new Set(log.map(({ _id }) => _id))
  const missing = answers.filter(({ _id }) => !own.has(_id))
  const problems = missing.map(({ conversation, seq }) => `own message ${conversation} ${seq} is missing`)
  if (new Set(answers.map(({ _id }) => _id)).size !== sent.length) problems.push('two sends, one message')
  return problems
}

async function schedule (t: Test, seed: number, steps: number, outsiderCount: number): Promise<void> {
  const world = new World(seed)
  const model = new Model(world, faults(seed))
  const outsiders = Array.from({ length: outsiderCount }, (_, index) => userId(100 + index))
  const [anna, bela] = [userId(1), userId(2)]
  // What was there before anybody came.
  for (const sender of outsiders) {
    for (let n = world.below(6); n > 0; n--) model.say(sender, world.chance(0.5) ? anna : bela, 'early')
  }
  await world.pass(200)
  // two devices of one person, and one of a person who begins with nothing and wants everything
  const people = [person(model, anna), person(model, anna), person(model, bela, {})]
  const begin = new Map<Person, Record<string, number>>()
  for (const one of people) {
    one.client.on('synced', () => {
      if (begin.has(one)) return
      begin.set(one, Object.fromEntries(model.conversations().map(id => [id, one.client.have[id] ?? 0])))
    })
    one.client.connect()
  }
  for (let step = 0; step < steps; step++) {
    await world.pass(world.below(60))
    mishap(world, model, people, outsiders)
  }
  const problems = await comeToRest(world, model, people) ? [] : ['never came to rest']
  for (const one of people) {
    const whole = one === people[2]
    const wrong = difference(model, one, conversation => (whole ? 0 : (begin.get(one)?.[conversation] ?? 0)))
    if (wrong !== undefined) problems.push(wrong)
    problems.push(...await problemsOfSends(one))
    one.client.close()
  }
  const stored = model.conversations().flatMap(id => model.log(id))
  const written = stored.filter(({ message }) => message.startsWith('text')).length
  const asked = people.reduce((sum, { sent }) => sum + sent.length, 0)
  if (written !== asked) problems.push(`${asked} sends, ${written} messages`)
  await world.pass(100_000)
  if (world.alarms > 0) problems.push(`${world.alarms} timers left`)
  t.same(problems, [], `seed ${seed}`)
}

tap.test(
  'every message comes once and in order, whatever is cut, killed, lost or refused',
  async t => {
    for (let seed = 1; seed <= 120 * SHARE; seed++) await schedule(t, seed, 80, 4)
  }
)

tap.test('more conversations than the server lists at once: every message once and in order', async t => {
  for (let seed = 1001; seed <= 1000 + 24 * SHARE; seed++) await schedule(t, seed, 80, 130)
})

tap.test(
  'a device that was away goes on from what it stored, conversations included that began meanwhile',
  async t => {
    for (let seed = 2001; seed <= 2000 + 32 * SHARE; seed++) {
      const world = new World(seed)
      const model = new Model(world, faults(seed))
      const anna = userId(1)
      let have = {}
      const log: Message[] = []
      for (let visit = 0; visit < 4; visit++) {
        const device = person(model, anna, have)
        device.client.connect()
        for (let step = 0; step < 15; step++) {
          await world.pass(world.below(40))
          mishap(world, model, [device], [userId(10 + world.below(80)), userId(10 + world.below(80))])
        }
        const sent = Promise.allSettled(device.sent)
        have = device.client.have
        const unanswered = device.client.pending
        device.client.close()
        const outcomes = await sent
        t.equal(
          outcomes.filter(({ status }) => status === 'rejected').length,
          unanswered.length,
          'what was pending is rejected, no more'
        )
        log.push(...device.log)
        for (let n = 0; n < 70; n++) model.say(userId(10 + world.below(80)), anna, 'while away')
        await world.pass(500)
      }
      const last = person(model, anna, have)
      last.client.connect()
      const rested = await comeToRest(world, model, [last])
      last.client.close()
      t.ok(rested, `seed ${seed} comes to rest`)
      t.equal(
        difference(model, { ...last, log: [...log, ...last.log] }, () => 0),
        undefined,
        `seed ${seed}`
      )
    }
  }
)

tap.test(
  'a message sent again by another client with the clientId of a pending one is stored once',
  async t => {
    const world = new World(7)
    const model = new Model(world)
    const [anna, bela] = [userId(1), userId(2)]
    const first = person(model, anna)
    first.client.connect()
    const clientId = randomUUID()
    const lost = t.rejects(first.client.send(bela, 'once', { clientId }), { code: 'closed', clientId })
    await world.until(() => model.log(conversationOf(anna, bela)).length > 0, 1000)
    t.same(first.client.pending, [{ type: 'send', clientId, reciver: bela, message: 'once' }])
    first.client.close()
    await lost
    const second = person(model, anna, {})
    second.client.connect()
    const answer = second.client.send(bela, 'once', { clientId })
    await world.pass(1000)
    t.equal((await answer).seq, 1)
    t.same(
      second.log.map(({ seq }) => seq),
      [1]
    )
    second.client.close()
  }
)
