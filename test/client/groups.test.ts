/** The client in groups, against the real server: its state is the history that the server shows. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import {
  ChatClient, ChatError, type Answer, type Entry, type Message, type SavedState
} from 'chat-app-client'
import type { App } from '../../src/app.js'
import { seeded } from '../../packages/client/test/world.js'
import { addMember, changes, crowd, history, lastRev, newGroup, removeMember, say } from '../groups.js'
import { listen, type Person } from '../helper.js'
import { breakable, device, online, until, type Device } from './devices.js'

const ACTIONS = 300
const EMOJI = ['👍', '🎉', '❤️']

/** Resolves when a device has the conversation up to this rev. */
async function hasRev ({ client }: Device, conversation: string, rev: number): Promise<void> {
  const isThere = () => (client.have[conversation] ?? 0) >= rev
  if (isThere()) return
  await Promise.race([
    until(client, 'message', isThere),
    until(client, 'change', isThere)
  ])
}

/** Waits until the devices have all of the group, and compares their states with its history. */
async function compare (t: Test, app: App, reader: Person, group: string, devices: Device[]) {
  const rev = await lastRev(app, reader, group)
  const { data } = await history(app, reader, group)
  for (const one of devices) {
    await hasRev(one, group, rev)
    t.same(one.client.messages(group), data, `the state of ${one.person.username}`)
  }
  return data as Message[]
}

t.test('send, reply, edit, react and delete in a group: the state of all members is the history', async t => {
  const { app, origin } = await listen(t)
  const people = await crowd(app, 3)
  const devices = people.map(person => device(t, origin, person, { have: {} }))
  await online(...devices)
  const group = await newGroup(app, people[0]!, people.slice(1))
  for (const one of devices) await hasRev(one, group, 1)
  const [anna, bela, cleo] = devices.map(({ client }) => client) as [ChatClient, ChatClient, ChatClient]
  const first = await anna.send({ conversation: group }, 'Who climbs on Sunday? 🧗')
  const reply = await bela.send({ conversation: group }, 'I do', { replyTo: first.seq })
  t.equal(reply.replyTo, first.seq)
  t.match(await bela.edit(group, reply.seq, 'I do 🎉'), { kind: 'edit', rev: 4, message: 'I do 🎉' })
  t.match(await cleo.react(group, reply.seq, '👍'), { kind: 'reaction', on: true })
  t.match(await cleo.react(group, reply.seq, '👍'), { _id: reply._id }, 'no effect: the present message')
  const gone = await cleo.send({ conversation: group }, 'wrong window')
  t.match(await anna.delete(group, gone.seq), { kind: 'delete', seq: gone.seq })
  await t.rejects(cleo.edit(group, gone.seq, 'too late'), { code: 'conflict' })
  await t.rejects(anna.edit(group, reply.seq, 'not mine'), { code: 'forbidden' })
  await t.rejects(bela.send({ conversation: group }, 'to what?', { replyTo: 99 }), { code: 'not_found' })
  t.match(await compare(t, app, people[0]!, group, devices), [
    { seq: 1, message: 'Who climbs on Sunday? 🧗' },
    { seq: 2, message: 'I do 🎉', replyTo: 1, reactions: { '👍': [people[2]!.id] } },
    { seq: 3, message: '', deletedAt: String }
  ])
})

t.test('a removed member hears it and nothing more; who is added again goes on from there', async t => {
  const { app, origin } = await listen(t)
  const [anna, bela, cleo] = await crowd(app, 3) as [Person, Person, Person]
  const [one, two] = [device(t, origin, bela, { have: {} }), device(t, origin, cleo, { have: {} })]
  await online(one, two)
  const group = await newGroup(app, anna, [bela, cleo])
  await say(app, anna, group, 'to all')
  await hasRev(one, group, 2)
  const left = until(one.client, 'left', ({ conversation }) => conversation === group)
  await removeMember(app, anna, group, bela.id)
  await left
  await say(app, anna, group, 'without bela')
  await hasRev(two, group, 4)
  await t.rejects(one.client.send({ conversation: group }, 'still here?'), { code: 'not_found' })
  t.same(one.log.map(({ message }) => message), ['to all'])
  await addMember(app, anna, group, bela.id)
  await say(app, anna, group, 'welcome back')
  await hasRev(one, group, 6)
  await hasRev(two, group, 6)
  t.same(one.log.map(({ message }) => message), ['to all', 'welcome back'])
  t.same(two.log.map(({ message }) => message), ['to all', 'without bela', 'welcome back'])
})

t.test('a client that restarts from its saved state sends what was pending once, in a group too', async t => {
  const { app, origin } = await listen(t)
  const [anna, bela] = await crowd(app, 2) as [Person, Person]
  const group = await newGroup(app, anna, [bela])
  let saved: SavedState = { have: {}, pending: [] }
  const first = device(t, origin, anna, {
    have: {},
    save: state => {
      saved = state
    }
  })
  await online(first)
  const { seq } = await first.client.send({ conversation: group }, 'stored')
  const answers = [
    first.client.edit(group, seq, 'edited'),
    first.client.react(group, seq, '🎉'),
    first.client.send({ conversation: group }, 'pending', { replyTo: seq })
  ]
  const rejected = Promise.all(answers.map(answer => t.rejects(answer, { code: 'closed' })))
  first.client.close()
  await rejected
  t.equal(saved.pending.length, 3)
  await say(app, bela, group, 'meanwhile')
  const second = device(t, origin, anna, { state: saved })
  await online(second)
  const rev = 1 + 5
  await hasRev(second, group, rev)
  t.equal(await lastRev(app, bela, group), rev, 'each is stored once')
  const texts = (await history(app, bela, group)).data.map(({ message }: Message) => message).sort()
  t.same(texts, ['edited', 'meanwhile', 'pending'])
})

/** A random change of a device in a group; undefined where the message was deleted meanwhile. */
async function act (random: () => number, { client }: Device, group: string): Promise<Answer | undefined> {
  const known = client.messages(group)
  const message = known[Math.floor(random() * known.length)]
  const dice = random()
  try {
    if (message === undefined || dice < 0.4) {
      return await client.send({ conversation: group }, `text ${dice}`)
    }
    if (message.sender !== client.user || dice < 0.7) {
      return await client.react(group, message.seq, EMOJI[Math.floor(random() * 3)]!, random() < 0.7)
    }
    if (dice < 0.95) return await client.edit(group, message.seq, `edit ${dice}`, randomUUID())
    return await client.delete(group, message.seq)
  } catch (error) {
    if (error instanceof ChatError && error.code === 'conflict') return undefined
    throw error
  }
}

t.test('sockets reset at random in a group: all states are the history, all changes are there', async t => {
  const { app, origin } = await listen(t)
  const people = await crowd(app, 4)
  const group = await newGroup(app, people[0]!, people.slice(1))
  const random = seeded(13)
  const { Breakable, open, reset } = breakable()
  const owners = [...people, people[0]!]
  const devices = owners.map(person => device(t, origin, person, { WebSocket: Breakable, have: {} }))
  await online(...devices)
  const answers: Promise<Answer | undefined>[] = []
  for (let n = 1; n <= ACTIONS; n++) {
    answers.push(act(random, devices[Math.floor(random() * devices.length)]!, group))
    if (n % 20 !== 0) continue
    const [socket] = [...open].sort(() => random() - 0.5)
    if (socket !== undefined) reset(socket)
    await Promise.race(answers.slice(-20))
  }
  const revs = (await Promise.all(answers)).flatMap(answer =>
    answer !== undefined && 'kind' in answer ? [answer.rev] : [])
  const log = (await changes(app, people[1]!, group)).data as Entry[]
  const stored = log.flatMap(entry => entry.type === 'change' && entry.kind !== 'group' ? [entry.rev] : [])
  t.same(revs.sort((a, b) => a - b), stored, `${stored.length} changes, each stored once`)
  const shown = await compare(t, app, people[1]!, group, devices)
  t.ok(shown.some(({ editedAt }) => editedAt !== undefined), 'messages were edited')
  t.ok(shown.some(({ reactions }) => reactions !== undefined), 'and reacted to')
  const wasCut = devices.some(({ states }) => states.filter(state => state === 'online').length > 2)
  t.ok(wasCut, 'sockets were cut')
})
