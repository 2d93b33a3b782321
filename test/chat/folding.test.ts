/** The fold of the log equals what history shows, for any schedule of writers. */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Entry } from 'chat-app-client'
import type { App } from '../../src/app.js'
import { FaultProxy } from '../fault-proxy.js'
import { build, connect, databaseUrl, listen, type Person, type Socket } from '../helper.js'
import { eventually } from '../realtime/helper.js'
import { fold, shown, type Folded } from '../fold.js'
import { changes, crowd, edit, erase, history, newGroup, pushes, react, revOf, say } from '../groups.js'

const SEED = Number(process.env.TEST_SEED ?? 20_261_126)
t.comment(`TEST_SEED=${SEED}`)

const EMOJI = ['👍', '🎉', '❤️']
const STEP = fc.record({
  by: fc.integer({ min: 0, max: 2 }),
  kind: fc.constantFrom('message', 'message', 'edit', 'delete', 'reaction', 'reaction'),
  on: fc.boolean(),
  seq: fc.integer({ min: 1, max: 6 }),
  emoji: fc.constantFrom(...EMOJI),
  socket: fc.boolean(),
  wait: fc.boolean()
})
interface Step {
  by: number
  kind: string
  on: boolean
  seq: number
  emoji: string
  /** else over HTTP */
  socket: boolean
  wait: boolean
}

/** Sends a step in a frame; resolves with its ack or its error. */
async function overSocket (socket: Socket, conversation: string, step: Step, text: string): Promise<unknown> {
  const clientId = randomUUID()
  const { seq, emoji, on } = step
  const frame = {
    message: { type: 'send', message: text },
    edit: { type: 'edit', seq, message: text },
    delete: { type: 'delete', seq },
    reaction: { type: 'react', seq, emoji, on }
  }[step.kind]
  socket.send({ ...frame, clientId, conversation })
  return await socket.until(() =>
    [...socket.all('ack'), ...socket.all('error')].find(answer => answer.clientId === clientId)
  )
}

async function overHttp (app: App, who: Person, id: string, step: Step, text: string): Promise<unknown> {
  if (step.kind === 'message') return await say(app, who, id, text)
  if (step.kind === 'edit') return await edit(app, who, id, step.seq, text)
  if (step.kind === 'delete') return await erase(app, who, id, step.seq)
  return await react(app, who, id, step.seq, step.emoji, step.on)
}

const byId = (reactions: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(reactions).map(([emoji, users]) => [emoji, [...users].sort()]))

/** Reactions are compared as sets: two at once may be seen in the order of their revs alone. */
const comparable = (message: Folded) => {
  const state = shown(message)
  return state.reactions === undefined ? state : { ...state, reactions: byId(state.reactions) }
}

/** Compares the numbers with 1, 2, 3 and so on. */
function gapless (t: Test, numbers: number[], name: string): void {
  t.same(numbers, numbers.map((_, n) => n + 1), `${name} has no gap`)
}

/** Sends the steps; resolves when all are answered. */
async function carryOut (app: App, people: Person[], sockets: Socket[], id: string, steps: Step[]) {
  const sent: Promise<unknown>[] = [say(app, people[0]!, id, 'the first text')]
  await sent[0]
  for (const [n, step] of steps.entries()) {
    const text = `text ${n}`
    const overEither = step.socket
      ? overSocket(sockets[step.by]!, id, step, text)
      : overHttp(app, people[step.by]!, id, step, text)
    sent.push(overEither)
    if (step.wait) await overEither
  }
  await Promise.all(sent)
}

/** The entries of a conversation that a socket got, when there are as many as that. */
async function pushedTo (reader: Socket, id: string, count: number) {
  return await reader.until(() => {
    const frames: Entry[] = pushes(reader, id)
    return frames.length >= count ? frames : undefined
  })
}

t.test('the fold of the changes equals the history, for random schedules of several writers', async t => {
  const { app, origin } = await listen(t)
  const people = await crowd(app, 3)
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 8, maxLength: 40 }), async steps => {
      const id = await newGroup(app, people[0]!, people.slice(1))
      const sockets = await Promise.all(people.map(async person => await connect(t, origin, person)))
      const reader = await connect(t, origin, people[2]!)
      reader.send({ type: 'resume', have: { [id]: 0 } })
      await carryOut(app, people, sockets, id, steps)
      const log: Entry[] = (await changes(app, people[2]!, id)).data
      gapless(t, log.map(revOf), 'rev')
      const seqs = log.flatMap(frame => frame.type === 'message' ? [frame.message.seq] : [])
      gapless(t, seqs, 'seq')
      const stored = (await history(app, people[2]!, id)).data
      t.same([...fold(log).values()].map(comparable), stored.map(comparable))
      const pushed = await pushedTo(reader, id, log.length)
      t.same(pushed.map(revOf), log.map(revOf), 'a socket got each rev once, in order')
      t.same([...fold(pushed).values()].map(comparable), stored.map(comparable), 'and folds to the same')
      for (const socket of [...sockets, reader]) await socket.close()
    }),
    { numRuns: 8, seed: SEED }
  )
})

/** Steps, and whether the process dies before it folds them. */
const CRASHES = fc.array(fc.record({ step: STEP, crash: fc.boolean() }), { minLength: 10, maxLength: 25 })

t.test('at every rev the history equals the fold of the log, also where the fold crashed', async t => {
  const url = await databaseUrl()
  const proxy = await FaultProxy.start(t, url)
  const { app, origin } = await listen(t, { MONGODB_URL: proxy.url })
  const people = await crowd(app, 3)
  // The process that reads next: it folds what the other one left.
  const reader = await build(t, { MONGODB_URL: url })
  let crashes = 0
  await fc.assert(
    fc.asyncProperty(CRASHES, async steps => {
      const id = await newGroup(app, people[0]!, people.slice(1))
      const sockets = await Promise.all(people.map(async person => await connect(t, origin, person)))
      await say(app, people[0]!, id, 'the first text')
      for (const [n, { step, crash }] of steps.entries()) {
        await eventually(() => app.conversationLog.pending === 0)
        // The entry is stored and acknowledged, but its fold never reaches the database.
        if (crash) proxy.unheard.add('update')
        await overSocket(sockets[step.by]!, id, step, `text ${n}`)
        const log = (await changes(reader, people[2]!, id)).data
        const stored = (await history(reader, people[2]!, id)).data
        t.same([...fold(log).values()].map(comparable), stored.map(comparable), `rev ${log.length}`)
        if (!crash) continue
        crashes++
        proxy.unheard.clear()
        proxy.cut()
      }
      await eventually(() => app.conversationLog.pending === 0)
      const [log, stored] = [await changes(app, people[2]!, id), await history(app, people[2]!, id)]
      t.same(
        [...fold(log.data).values()].map(comparable),
        stored.data.map(comparable),
        'folded twice is the same'
      )
      for (const socket of sockets) await socket.close()
    }),
    { numRuns: 4, seed: SEED }
  )
  t.ok(crashes > 10, `${crashes} crashes`)
})
