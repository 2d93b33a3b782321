import { mongodb } from '@fastify/mongodb'
import { ID, DIRECT } from './commands.js'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Document } from 'bson'
import type { Db } from 'mongodb'
import type { App } from '../../src/app.js'
import { changes, newGroup, removeMember } from '../groups.js'
import {
  conversationOf, type Person,
  type Socket
} from '../helper.js'

const { ObjectId } = mongodb

export interface AnyId {
  _id: unknown
}

/** Documents that are added for each conversation and each user that a command names: far more than SLACK. */
const MANY = 500

/** Waits for the summaries, which follow the log. */
export async function settled (app: App): Promise<void> {
  while (app.conversations.pending > 0) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
}

/**
 * Entries of a conversation that no command asks for: half of them are older than all, a message
 * and a change in
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
export function listed (value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof ObjectId) return 0
  const own = '$in' in value && Array.isArray(value.$in) ? value.$in.length : 0
  return own + Object.values(value).reduce((sum: number, inner) => sum + listed(inner), 0)
}

const many = Array.from({ length: MANY }, (_, i) => i)

/** Sessions, conversations and blocks of a user. */
async function growUser (db: Db, id: string): Promise<void> {
  const now = Date.now()
  const times = { lastSeenAt: new Date(), expiresAt: new Date(now + 1e9) }
  const sessions = many.map(i => {
    const user = i % 2 === 0 ? new ObjectId(id) : id
    return { _id: randomUUID(), user, createdAt: new Date(now + i), ...times }
  })
  await db.collection<AnyId>('sessions').insertMany(sessions)
  const conversations = many.map(i => {
    const members = [id, new ObjectId().toHexString()].sort()
    const at = { lastAt: new Date(now + i), changedAt: new Date(now - 1e9 + i) }
    const last = { seq: 1, id: new ObjectId() }
    return { _id: members.join(':'), members, lastSeq: 1, lastRev: 1, last, ...at }
  })
  await db.collection<AnyId>('conversations').insertMany(conversations)
  const blocks = many.map(() => {
    const blocker = new ObjectId().toHexString()
    return { _id: `${blocker}/${id}`, blocker, blocked: id, createdAt: new Date() }
  })
  await db.collection<AnyId>('blocks').insertMany(blocks)
}

async function addUsers (db: Db): Promise<void> {
  const profile = { password: '', avatarImage: '', isAvatarImageSet: false, createdAt: new Date() }
  const users = many.map(i => {
    const name = String.fromCharCode(97 + (i % 26)) + randomBytes(6).toString('hex')
    const email = `${name}@example.org`
    return { username: name, usernameKey: name, email, emailKey: email, ...profile }
  })
  await db.collection('users').insertMany(users)
}

/**
 * Makes the conversations and users that the commands name large: entries, memberships, sessions,
 * conversations and blocks, and other users.
 */
export async function grow (app: App, commands: Document[]): Promise<void> {
  const texts = [...new Set(commands.flatMap(textsIn))]
  const db = app.mongo.db!
  const log = db.collection<AnyId>('log')
  const groups = new Set(await log.distinct('conversation', { kind: { $in: ['group', 'member'] } }))
  for (const conversation of texts.filter(text => DIRECT.test(text) || groups.has(text))) {
    const last = await db.collection('log').findOne({ conversation }, { sort: { rev: -1 } })
    await db.collection('log').insertMany(entriesOf(conversation, last?.actor ?? ''))
    await db.collection<AnyId>('memberships').insertMany(membershipsOf(conversation))
  }
  for (const id of texts.filter(text => ID.test(text) && !groups.has(text))) await growUser(db, id)
  await addUsers(db)
}

/** Sends the frames that change messages, in a direct conversation and in a group, and those of the group. */
export async function sendChanges (app: App, socket: Socket, anna: Person, bert: Person): Promise<void> {
  const group = await newGroup(app, anna, [bert])
  const acked = async (frame: object) => {
    const clientId = randomUUID()
    // Twice: the repeat looks for the clientId.
    for (const times of [1, 2]) {
      socket.send({ ...frame, clientId })
      await socket.until(
        () => socket.all('ack').filter(ack => ack.clientId === clientId).length === times || undefined
      )
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
