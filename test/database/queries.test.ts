/**
 * Every command that the application sends to its database is answered by an index that leads to
 * what it wants:
 * nothing gets slower as the data grows.
 */
import { randomUUID } from 'node:crypto'
import type { Document } from 'bson'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import {
  append,
  build,
  connect,
  conversationOf,
  databaseUrl,
  listen,
  register, type Person,
} from '../helper.js'
import { relay } from '../relay.js'
import { OPERATIONS, people, send } from '../security/operations.js'
import { settled, listed, grow, sendChanges } from './growth.js'
import { shapeOf, statements, LOOKING } from './commands.js'

/** Scans that are allowed, with their reason. There is none. */
const ALLOWED_SCANS: string[] = []

/**
 * Entries and documents that a command may examine besides twice those it returns, those it skips
 * and the values of its
 * `$in` lists. Twice: what one member has not read yet lies among what it wrote itself.
 */
const SLACK = 10

/** Sends a valid request of every operation, and those to what belongs to others. */
async function sendRequests (app: App): Promise<void> {
  for (const operation of OPERATIONS) {
    const all = await people(app)
    for (const request of [operation.valid(all), ...(operation.foreign?.(all) ?? [])]) {
      await send(app, request, all.anna)
    }
  }
}

/** Sends every frame, and reads pages that begin elsewhere than at an end. */
async function sendFrames (t: Test, app: App, origin: string, anna: Person, bert: Person): Promise<void> {
  const [annas, berts] = await Promise.all([connect(t, origin, anna), connect(t, origin, bert)])
  const conversation = conversationOf(anna.id, bert.id)
  const clientId = randomUUID()
  await annas.say(bert.id, 'hello', clientId)
  annas.send({ type: 'send', clientId, reciver: bert.id, message: 'hello' })
  await annas.until(() => annas.all('ack').length === 2 || undefined)
  await sendChanges(app, annas, anna, bert)
  await settled(app)
  await app.inject({ url: '/api/v1/conversations', headers: bert.headers })
  berts.send({ type: 'resume', have: { [conversation]: 0 } })
  berts.send({ type: 'read', conversation, seq: 1 })
  berts.send({ type: 'watch', users: [anna.id] })
  await berts.next('resumed')
  await annas.next('receipt')
  for (const query of ['', '?limit=1', '?after=1.' + conversation]) {
    await app.inject({ url: `/api/v1/conversations${query}`, headers: bert.headers })
  }
  for (const query of ['', '?before=2', '?after=1']) {
    await app.inject({ url: `/api/v1/conversations/${conversation}/messages${query}`, headers: bert.headers })
  }
  await annas.close()
  await berts.next('presence')
}

/** Another process writes to the same conversation: its number is lost here, and looked up. */
async function writeElsewhere (t: Test, app: App, url: string, anna: Person, bert: Person): Promise<void> {
  const other = await build(t, { MONGODB_URL: url })
  await append(other, { sender: bert.id, reciver: anna.id, message: 'from elsewhere' })
  await append(app, { sender: bert.id, reciver: anna.id, message: 'and from here' })
}

/** Explains a command: it must use an index, and examine little more than it returns. */
async function explain (t: Test, app: App, shape: string, command: Document): Promise<void> {
  const explained = await app.mongo.db!.command({ explain: command, verbosity: 'executionStats' })
  const plan = JSON.stringify(explained.queryPlanner.winningPlan)
  if (!ALLOWED_SCANS.includes(shape)) t.notMatch(plan, /COLLSCAN|"SORT"/, `${shape}: ${plan}`)
  const { nReturned, totalKeysExamined, totalDocsExamined } = explained.executionStats
  const allowed = 2 * nReturned + listed(command) + Number(command.skip ?? 0) + SLACK
  const examined = `${totalKeysExamined} entries, ${totalDocsExamined} documents for ${nReturned}`
  const within = totalKeysExamined <= allowed && totalDocsExamined <= allowed
  t.ok(within, `${examined}: ${shape}: ${plan}`)
}

t.test('every operation and frame: an index or _id, no scan, no sort in memory', async t => {
  const seen = new Map<string, Document>()
  const { url } = await relay(t, await databaseUrl(), command => {
    const [name] = Object.keys(command)
    // One document for each migration that there ever was; it is read at the start.
    if (!LOOKING.has(name!) || command.find === 'migrations') return
    for (const statement of statements(command)) {
      seen.set(`${name} ${JSON.stringify(shapeOf(statement))}`, statement)
    }
  })
  const { app, origin } = await listen(t, { MONGODB_URL: url, PRESENCE_GRACE_MS: 0 })
  // Migrations walk through whole collections, once. What else a start sends, another process sends below.
  seen.clear()
  await sendRequests(app)
  const [anna, bert] = await Promise.all([register(app), register(app)])
  await sendFrames(t, app, origin, anna, bert)
  await writeElsewhere(t, app, url, anna, bert)
  await app.conversations.since([anna.id, bert.id], new Date(0))
  await app.sessions.deleteExpired()

  t.ok(seen.size > 50, `${seen.size} different commands`)
  const names = new Set([...seen.values()].map(command => Object.keys(command)[0]))
  for (const name of ['find', 'update', 'delete', 'findAndModify', 'aggregate']) t.ok(names.has(name), name)
  if (process.env.MONGODB_URL) return
  const commands = [...seen]
  await grow(app, commands.map(([, command]) => command))
  for (const [shape, command] of commands) await explain(t, app, shape, command)
})

t.test('the last page of allusers examines no more than the first', async t => {
  let sent: Document | undefined
  const { url } = await relay(t, await databaseUrl(), command => {
    if (command.find === 'users' && command.limit) sent = command
  })
  const app = await build(t, { MONGODB_URL: url })
  const caller = await register(app)
  await app.mongo.db!.collection('users').insertMany(
    Array.from({ length: 3_000 }, (_, i) => {
      const name = `name${String(i).padStart(5, '0')}`
      return { username: name, usernameKey: name, emailKey: name, avatarImage: '', isAvatarImageSet: false }
    })
  )
  async function examined (after?: string): Promise<number> {
    const query = { limit: '20', ...(after === undefined ? {} : { after }) }
    const { statusCode } = await app.inject({
      url: `/api/v1/allusers/${caller.id}`,
      query,
      headers: caller.headers
    })
    t.equal(statusCode, 200)
    if (process.env.MONGODB_URL) return 0
    const [command] = statements(sent!)
    const { executionStats } = await app.mongo.db!.command({ explain: command, verbosity: 'executionStats' })
    return executionStats.totalKeysExamined
  }
  const [first, last] = [await examined(), await examined('name02979')]
  t.ok(last <= first, `entries: ${first} for the first page, ${last} for the last`)
})
