/** Messages that another process stores reach the open sockets of this one: all of them, in order, once. */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import type { Config } from '../../src/config.js'
import {
  build,
  connect,
  conversationOf,
  databaseUrl,
  listen,
  register,
  type Person,
  type Socket
} from '../helper.js'
import { eventually, fill, numbers, range, reaches, storeSilently, storeSummary } from './helper.js'

interface Pair {
  app: App
  other: App
  origin: string
  anna: Person
  ben: Person
  conversation: string
}

/** Two processes on one database; sockets are opened to `app`. */
async function pair (t: Test, changes: Partial<Config> = {}): Promise<Pair> {
  const MONGODB_URL = await databaseUrl()
  const other = await build(t, { MONGODB_URL })
  const { app, origin } = await listen(t, { MONGODB_URL, ...changes })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  return { app, other, origin, anna, ben, conversation: conversationOf(anna.id, ben.id) }
}

const BEATING = { HEARTBEAT_MS: 100 }

async function beats (socket: Socket, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await once(socket.ws, 'ping')
}

const addmsg = (app: App, from: Person, to: Person, message: string) =>
  app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    headers: from.headers,
    payload: { message, sender: from.id, reciver: to.id }
  })

t.test('a new conversation begins at 1, however many messages another process stored', async t => {
  const { other, origin, anna, ben, conversation } = await pair(t, BEATING)
  const socket = await connect(t, origin, ben)
  await fill(other, anna, ben, 3)
  await reaches(socket, conversation, 3)
  t.same(numbers(socket, conversation), [1, 2, 3])
})

t.test('a push here brings what another process stored before it', async t => {
  const { app, other, origin, anna, ben, conversation } = await pair(t)
  const socket = await connect(t, origin, ben)
  await fill(other, anna, ben, 1)
  await addmsg(app, anna, ben, 'two')
  await reaches(socket, conversation, 2)
  t.same(numbers(socket, conversation), [1, 2])
})

t.test('a push after the resume of an empty conversation brings what another process stored', async t => {
  const { app, other, origin, anna, ben, conversation } = await pair(t)
  const socket = await connect(t, origin, ben)
  socket.send({ type: 'resume', have: { [conversation]: 0 } })
  await socket.next('resumed')
  await fill(other, anna, ben, 2)
  await addmsg(app, anna, ben, 'three')
  await reaches(socket, conversation, 3)
  t.same(numbers(socket, conversation), [1, 2, 3])
})

t.test('a conversation that went on before the socket opened begins after what was stored then', async t => {
  const { app, other, origin, anna, ben, conversation } = await pair(t, BEATING)
  await fill(app, anna, ben, 4)
  // Its summary is written 100 ms later: this process knows better.
  const socket = await connect(t, origin, ben)
  await fill(other, anna, ben, 3)
  await reaches(socket, conversation, 7)
  await addmsg(app, anna, ben, 'eight')
  await reaches(socket, conversation, 8)
  await beats(socket, 3)
  t.same(numbers(socket, conversation), range(5, 8))
})

t.test('what was stored while the database was away is pushed when it is back', async t => {
  // The clock is moved below, and must not make a pong late.
  const { app, other, origin, anna, ben, conversation } = await pair(t, { ...BEATING, PONG_MS: 600_000 })
  const socket = await connect(t, origin, ben)
  await beats(socket, 2)
  const { since } = app.conversations
  let failed = 0
  app.conversations.since = async () => {
    failed++
    throw new Error('the database is away')
  }
  await eventually(() => failed > 0)
  await fill(other, anna, ben, 2)
  await eventually(() => other.conversations.pending === 0)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 45_000
  const before = failed
  await eventually(() => failed > before)
  app.conversations.since = since
  await reaches(socket, conversation, 2)
  t.same(numbers(socket, conversation), [1, 2])
})

t.test('clocks of other processes do not matter: one that is 10 s behind loses nothing', async t => {
  const { app, origin, anna, ben, conversation } = await pair(t, BEATING)
  const socket = await connect(t, origin, ben)
  const storedAt = new Date(Date.now() - 10_000)
  await storeSilently(app, anna, ben, [1, 2], { storedAt })
  await storeSummary(app, anna, ben, 2, storedAt)
  await reaches(socket, conversation, 2)
  t.same(numbers(socket, conversation), [1, 2])
})
