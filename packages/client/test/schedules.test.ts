/**
 * Random schedules against a model of the server: sockets cut anywhere, processes killed, publications lost,
 * requests refused, HTTP failing. Whatever the schedule, the client hands on every message and change once
 * and in order, and every request is answered once. A schedule is its seed: a failure names it.
 */
import { randomUUID } from 'node:crypto'
import tap, { type Test } from 'tap'
import { ChatError, conversationOf, type Entry } from '../src/index.js'
import { Model, userId } from './model.js'
import {
  difference, headOf, isSameState, person, problemsOfAnswers, storedOf, type Person
} from './people.js'
import { World } from './world.js'

/**
 * Where publications get lost, the server makes up for it at its next heartbeat (`recheck`); in every other
 * schedule nothing may rely on that.
 */
const faults = (seed: number) => ({ refuse: 0.1, lose: seed % 2 === 0 ? 0.1 : 0, http: 0.2 })
/** `npm test` runs a part of the schedules; `npm run test:long` runs all of them. */
const SHARE = process.env.TEST_LONG === '1' ? 1 : 0.25
const EMOJI = ['👍', '🎉']

/** Edits, deletes or reacts to a message that the person saw. */
function change (world: World, { id, client, log, changed }: Person): void {
  const seen = log.flatMap(entry => entry.type === 'message' ? [entry.message] : [])
  if (seen.length === 0) return
  const { conversation, seq, sender } = seen[world.below(seen.length)]!
  const dice = world.random()
  const request = () => {
    if (sender !== id || dice < 0.5) {
      return client.react(conversation, seq, EMOJI[world.below(2)]!, world.chance(0.7))
    }
    if (dice < 0.9) return client.edit(conversation, seq, `edit ${world.below(1e6)}`)
    return client.delete(conversation, seq)
  }
  changed.push(request().catch(error => {
    if (error instanceof ChatError && error.code === 'conflict') return undefined
    throw error
  }))
}

/** One of the things that happen; `people` are the writers. */
function mishap (world: World, model: Model, people: Person[], outsiders: string[]): void {
  const dice = world.random()
  const one = people[world.below(people.length)]!
  const peers = [...model.peers]
  if (dice < 0.25) change(world, one)
  else if (dice < 0.6) {
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
    problems.push(...await problemsOfAnswers(one))
    if (!isSameState(model, one)) problems.push(`the state of ${one.id} is not the fold of the log`)
    one.client.close()
  }
  const stored = model.countOf(anna) + model.countOf(bela)
  const asked = await storedOf(people)
  if (stored !== asked) problems.push(`${asked} requests, ${stored} entries`)
  await world.pass(100_000)
  if (world.alarms > 0) problems.push(`${world.alarms} timers left`)
  t.same(problems, [], `seed ${seed}`)
}

tap.test(
  'every message and change comes once and in order, whatever is cut, killed, lost or refused',
  async t => {
    for (let seed = 1; seed <= 120 * SHARE; seed++) await schedule(t, seed, 80, 4)
  }
)

tap.test('more conversations than the server lists at once: every entry once and in order', async t => {
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
      const log: Entry[] = []
      for (let visit = 0; visit < 4; visit++) {
        const device = person(model, anna, have)
        device.client.connect()
        for (let step = 0; step < 15; step++) {
          await world.pass(world.below(40))
          mishap(world, model, [device], [userId(10 + world.below(80)), userId(10 + world.below(80))])
        }
        const sent = Promise.allSettled([...device.sent, ...device.changed])
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
    t.same(second.log.map(entry => headOf(entry).rev), [1])
    second.client.close()
  }
)
