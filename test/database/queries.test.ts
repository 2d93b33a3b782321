/**
 * Every command that the application sends to its database is answered by an index that leads to what it wants:
 * nothing gets slower as the data grows.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mongodb } from '@fastify/mongodb'
import type { Document } from 'bson'
import t from 'tap'
import type { App } from '../../src/app.js'
import { changes, newGroup, removeMember } from '../groups.js'
import {
  append, build, connect, conversationOf, databaseUrl, listen, register, type Person, type Socket
} from '../helper.js'
import { relay } from '../relay.js'
import { OPERATIONS, people, send } from '../security/operations.js'

const { ObjectId } = mongodb
interface AnyId { _id: unknown }

/** Commands that look for documents, by the field that holds what they look for. */
const LOOKING = new Set(['find', 'update', 'delete', 'findAndModify', 'aggregate', 'count', 'distinct'])

/** Scans that are allowed, with their reason. There is none. */
const ALLOWED_SCANS: string[] = []

/**
 * Entries and documents that a command may examine besides twice those it returns, those it skips and the values of its
 * `$in` lists. Twice: what one member has not read yet lies among what it wrote itself.
 */
const SLACK = 10

/** Documents that are added for each conversation and each user that a command names: far more than SLACK. */
const MANY = 500

/** The same command with other values: the shape names it. */
function shapeOf (value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.replaceAll(/[0-9a-f]{24}/g, 'ID'), shapeOf(inner)]))
  }
  return typeof value
}

/** Without what belongs to the session that sent it; a command with several statements becomes several. */
function * statements ({ lsid, $db, $clusterTime, $readPreference, txnNumber, ...command }: Document): Generator<Document> {
  const list = command.updates ?? command.deletes
  if (list === undefined) yield command
  else for (const statement of list) yield { ...command, [command.updates === undefined ? 'deletes' : 'updates']: [statement] }
}

const ID = /^[0-9a-f]{24}$/
const DIRECT = /^[0-9a-f]{24}:[0-9a-f]{24}$/

/** Waits for the summaries, which follow the log. */
async function settled (app: App): Promise<void> {
  while (app.conversations.pending > 0) await new Promise(resolve => { setImmediate(resolve) })
}

/**
 * Entries of a conversation that no command asks for: half of them are older than all, a message and a change in
 * turn; the others are newer messages.
 */
function entriesOf (conversation: string, actor: string) {
  const storedAt = new Date()
  const entry = { conversation, actor, message: 'x', createdAt: storedAt.toISOString(), storedAt }
  return Array.from({ length: MANY }, (_, i) => {
    const [rev, seq] = i % 2 === 0 ? [-i, (i % 4 === 0 ? 1 : -1) * (10_000 + i)] : [1_000 + i, 1_000 + i]
    return { ...entry, kind: seq > 0 ? 'message' : 'edit', rev, seq, top: seq, clientId: randomUUID() }
  })
}

/** Adds many members to a conversation, in name only. */
function membershipsOf (conversation: string) {
  return Array.from({ length: MANY }, () => {
    const user = new ObjectId().toHexString()
    return { _id: `${conversation}/${user}`, conversation, user, role: null, rev: 1, read: 0, delivered: 0 }
  })
}

/** All texts and ids in a command. */
function textsIn (value: unknown): string[] {
  if (value instanceof ObjectId) return [value.toHexString()]
  if (typeof value === 'string') return [value]
  if (value instanceof Date || typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

/** Lengths of all `$in` lists in a command. */
function listed (value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof ObjectId) return 0
  const own = '$in' in value && Array.isArray(value.$in) ? value.$in.length : 0
  return own + Object.values(value).reduce((sum: number, inner) => sum + listed(inner), 0)
}

/**
 * Makes the conversations and users that the commands name large: entries, memberships, sessions, conversations and
 * blocks, and other users.
 */
async function grow (app: App, commands: Document[]): Promise<void> {
  const texts = new Set(commands.flatMap(textsIn))
  const many = Array.from({ length: MANY }, (_, i) => i)
  const db = app.mongo.db!
  const now = Date.now()
  const groups = new Set(await db.collection<AnyId>('log').distinct('conversation', { kind: { $in: ['group', 'member'] } }))
  for (const conversation of [...texts].filter(text => DIRECT.test(text) || groups.has(text))) {
    const { actor } = (await db.collection('log').findOne({ conversation }, { sort: { rev: -1 } })) ?? { actor: '' }
    await db.collection('log').insertMany(entriesOf(conversation, actor))
    await db.collection<AnyId>('memberships').insertMany(membershipsOf(conversation))
  }
  for (const id of [...texts].filter(text => ID.test(text) && !groups.has(text))) {
    const user = new ObjectId(id)
    const expiresAt = new Date(now + 1e9)
    await db.collection<AnyId>('sessions').insertMany(many.map(i => (
      { _id: randomUUID(), user: i % 2 === 0 ? user : id, createdAt: new Date(now + i), lastSeenAt: new Date(), expiresAt })))
    await db.collection<AnyId>('conversations').insertMany(many.map(i => {
      const members = [id, new ObjectId().toHexString()].sort()
      const at = { lastAt: new Date(now + i), changedAt: new Date(now - 1e9 + i) }
      return { _id: members.join(':'), members, lastSeq: 1, lastRev: 1, last: { seq: 1, id: new ObjectId() }, ...at }
    }))
    await db.collection<AnyId>('blocks').insertMany(many.map(() => {
      const blocker = new ObjectId().toHexString()
      return { _id: `${blocker}/${id}`, blocker, blocked: id, createdAt: new Date() }
    }))
  }
  await db.collection('users').insertMany(many.map(i => {
    const name = String.fromCharCode(97 + i % 26) + randomBytes(6).toString('hex')
    const profile = { avatarImage: '', isAvatarImageSet: false, createdAt: new Date() }
    return { username: name, usernameKey: name, email: `${name}@example.org`, emailKey: name, password: '', ...profile }
  }))
}

/** Sends the frames that change messages, in a direct conversation and in a group, and those of the group. */
async function sendChanges (app: App, socket: Socket, anna: Person, bert: Person): Promise<void> {
  const group = await newGroup(app, anna, [bert])
  const acked = async (frame: object) => {
    const clientId = randomUUID()
    // Twice: the repeat looks for the clientId.
    for (const times of [1, 2]) {
      socket.send({ ...frame, clientId })
      await socket.until(() => socket.all('ack').filter(ack => ack.clientId === clientId).length === times || undefined)
    }
  }
  await acked({ type: 'send', conversation: group, message: 'hello' })
  await acked({ type: 'send', conversation: group, message: 'again', replyTo: 1 })
  for (const conversation of [group, conversationOf(anna.id, bert.id)]) {
    for (const on of [true, false]) await acked({ type: 'react', conversation, seq: 1, emoji: '👍', on })
    await acked({ type: 'edit', conversation, seq: 1, message: 'better' })
    await acked({ type: 'delete', conversation, seq: 1 })
    socket.send({ type: 'typing', conversation, on: true })
    socket.send({ type: 'resume', have: { [conversation]: 0 } })
    await socket.next('resumed')
  }
  socket.send({ type: 'delivered', conversation: group, seq: 1 })
  for (const query of ['', '?limit=1']) await changes(app, anna, group, query)
  // The owner leaves last: the group is deleted.
  for (const { id } of [bert, anna]) await removeMember(app, anna, group, id)
}

t.test('every operation and frame: an index or _id, no scan, no sort in memory', async t => {
  const seen = new Map<string, Document>()
  const { url } = await relay(t, await databaseUrl(), command => {
    const [name] = Object.keys(command)
    // One document for each migration that there ever was; it is read at the start.
    if (!LOOKING.has(name!) || command.find === 'migrations') return
    for (const statement of statements(command)) seen.set(`${name} ${JSON.stringify(shapeOf(statement))}`, statement)
  })
  const { app, origin } = await listen(t, { MONGODB_URL: url, PRESENCE_GRACE_MS: 0 })
  // Migrations walk through whole collections, once. What else a start sends, another process sends below.
  seen.clear()
  for (const operation of OPERATIONS) {
    const all = await people(app)
    for (const request of [operation.valid(all), ...operation.foreign?.(all) ?? []]) await send(app, request, all.anna)
  }
  const [anna, bert] = await Promise.all([register(app), register(app)])
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
  for (const query of ['', '?limit=1', '?after=1.' + conversation]) await app.inject({ url: `/api/v1/conversations${query}`, headers: bert.headers })
  for (const query of ['', '?before=2', '?after=1']) await app.inject({ url: `/api/v1/conversations/${conversation}/messages${query}`, headers: bert.headers })
  await annas.close()
  await berts.next('presence')
  // Another process writes to the same conversation: its number is lost here, and looked up.
  const other = await build(t, { MONGODB_URL: url })
  await append(other, { sender: bert.id, reciver: anna.id, message: 'from elsewhere' })
  await append(app, { sender: bert.id, reciver: anna.id, message: 'and from here' })
  await app.conversations.since([anna.id, bert.id], new Date(0))
  await app.sessions.deleteExpired()

  t.ok(seen.size > 50, `${seen.size} different commands`)
  const names = new Set([...seen.values()].map(command => Object.keys(command)[0]))
  for (const name of ['find', 'update', 'delete', 'findAndModify', 'aggregate']) t.ok(names.has(name), name)
  if (process.env.MONGODB_URL) return
  const commands = [...seen]
  await grow(app, commands.map(([, command]) => command))
  for (const [shape, command] of commands) {
    const explained = await app.mongo.db!.command({ explain: command, verbosity: 'executionStats' })
    const plan = JSON.stringify(explained.queryPlanner.winningPlan)
    if (!ALLOWED_SCANS.includes(shape)) t.notMatch(plan, /COLLSCAN|"SORT"/, `${shape}: ${plan}`)
    const { nReturned, totalKeysExamined, totalDocsExamined } = explained.executionStats
    const allowed = 2 * nReturned + listed(command) + Number(command.skip ?? 0) + SLACK
    const figures = `${totalKeysExamined} entries, ${totalDocsExamined} documents for ${nReturned}: ${shape}: ${plan}`
    t.ok(totalKeysExamined <= allowed && totalDocsExamined <= allowed, figures)
  }
})

t.test('the last page of allusers examines no more than the first', async t => {
  let sent: Document | undefined
  const { url } = await relay(t, await databaseUrl(), command => { if (command.find === 'users' && command.limit) sent = command })
  const app = await build(t, { MONGODB_URL: url })
  const caller = await register(app)
  await app.mongo.db!.collection('users').insertMany(Array.from({ length: 3_000 }, (_, i) => {
    const name = `name${String(i).padStart(5, '0')}`
    return { username: name, usernameKey: name, emailKey: name, avatarImage: '', isAvatarImageSet: false }
  }))
  async function examined (after?: string): Promise<number> {
    const query = { limit: '20', ...(after === undefined ? {} : { after }) }
    const { statusCode } = await app.inject({ url: `/api/v1/allusers/${caller.id}`, query, headers: caller.headers })
    t.equal(statusCode, 200)
    if (process.env.MONGODB_URL) return 0
    const [command] = statements(sent!)
    const { executionStats } = await app.mongo.db!.command({ explain: command, verbosity: 'executionStats' })
    return executionStats.totalKeysExamined
  }
  const [first, last] = [await examined(), await examined('name02979')]
  t.ok(last <= first, `entries: ${first} for the first page, ${last} for the last`)
})
