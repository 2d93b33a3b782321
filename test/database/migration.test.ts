/**
 * The data of the version before groups (test/fixtures/before-groups): the server shows the same, continues
 * its numbers, and ends with the same documents however often its migration is killed or repeated.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { mongodb } from '@fastify/mongodb'
import t from 'tap'
import { migrate } from '../../src/database/migrations.js'
import { call, changes, edit } from '../groups.js'
import { build, databaseUrl } from '../helper.js'
import { dataDir, run, SERVER, start } from '../server.js'
import {
  ANSWERS, asDirect, DATABASE, dump, logIn, MIGRATED, oldData, withData, withRev, type AnyId
} from './old-data.js'

/** The collections that the migration reads and writes. */
/** Messages that are added to the fixture for a migration that takes a while, by conversation. */
const MANY = { conversations: 1_500, messages: 14 }
const SILENT = { info () {} }

/** It copies 21,000 messages five times. */
const KILLS = { skip: process.env.TEST_LONG === '1' ? false : 'in npm run test:long' }

t.test('inbox, unread, marks and histories are those that the version before showed', async t => {
  const app = await build(t, { MONGODB_URL: '', DATA_DIR: await oldData(t) })
  for (const [username, { id, inbox, histories }] of Object.entries(ANSWERS)) {
    const person = await logIn(app, username)
    const { data } = await call(app, person, 'GET', '/conversations')
    t.same(data, inbox.map(asDirect), `inbox of ${username}`)
    for (const { id: conversation, user } of inbox) {
      const messages = histories[conversation]!.map(withRev)
      const path = `/getallmessages?sender=${id}&reciver=${user?._id ?? id}&after=0`
      t.same((await call(app, person, 'GET', path)).data, messages, `history of ${conversation}`)
      const entries = messages.map(message => ({ type: 'message', message }))
      t.same((await changes(app, person, conversation)).data, entries, `changes of ${conversation}`)
    }
  }
})

t.test('a repeated clientId is a repeat, and a new message gets the next numbers', async t => {
  const app = await build(t, { MONGODB_URL: '', DATA_DIR: await oldData(t) })
  const { id: sender, inbox, histories } = ANSWERS.alice!
  const alice = await logIn(app, 'alice')
  const { id, user, lastSeq, other } = inbox.find(({ user }) => user.username === 'bob')
  const send = async (message: string, clientId: string) =>
    await call(app, alice, 'POST', '/addmsg', { message, sender, reciver: user._id, clientId })
  const last = histories[id]!.findLast(message => message.sender === sender)
  t.same((await send(last.message, last.clientId)).data, withRev(last))
  t.equal((await send('another text', last.clientId)).status, 409)
  const { data } = await send('after the upgrade', '00000000-0000-4000-8000-00000000ffff')
  t.match(data, { seq: lastSeq + 1, rev: lastSeq + 1 })
  const edited = await edit(app, alice, id, last.seq, 'edited')
  t.match(edited.data, { seq: last.seq, rev: last.seq, message: 'edited' })
  const { lastRev, other: marks } = (await call(app, alice, 'GET', '/conversations')).data.find(
    (entry: any) => entry.id === id
  )
  t.match({ lastRev, marks }, { lastRev: lastSeq + 2, marks: other })
})

t.test('migrating again changes nothing', async t => {
  const dir = await oldData(t)
  await withData(dir, async db => {
    await migrate(db, SILENT)
    const before = await dump(db)
    t.equal(before.log?.length, 24)
    t.same(before.messages, [])
    await migrate(db, SILENT)
    t.same(await dump(db), before)
    // As if the process had been killed before it recorded the migration.
    await db.collection('migrations').drop()
    await migrate(db, SILENT)
    t.same(await dump(db), before)
  })
})

/** A conversation of the version before that is read to the middle, with its messages. */
function oldConversation () {
  const [a, b] = [new mongodb.ObjectId().toHexString(), new mongodb.ObjectId().toHexString()]
  const conversation = `${a}:${b}`
  const messages = Array.from({ length: MANY.messages }, (_, index) => {
    const _id = new mongodb.ObjectId()
    const storedAt = new Date()
    return {
      _id,
      conversation,
      seq: index + 1,
      sender: index % 2 === 0 ? a : b,
      message: `message ${index + 1}`,
      createdAt: storedAt.toISOString(),
      storedAt,
      clientId: _id.toHexString()
    }
  })
  const { _id, seq, storedAt } = messages.at(-1)!
  const marks = { [a]: { delivered: seq, read: 10 }, [b]: { delivered: 12 } }
  const summary = {
    _id: conversation,
    members: [a, b],
    lastSeq: seq,
    lastMessage: { _id, seq },
    lastAt: storedAt,
    marks
  }
  return { messages, summary }
}

async function addMany (db: mongodb.Db): Promise<void> {
  const all = Array.from({ length: MANY.conversations }, oldConversation)
  const messages = all.flatMap(({ messages }) => messages)
  await db.collection<AnyId>('messages').insertMany(messages)
  await db.collection<AnyId>('conversations').insertMany(all.map(({ summary }) => summary))
}

/** What a running migration has reached when it is killed. */
const MOMENTS: { name: string; reached: (db: mongodb.Db) => Promise<boolean> }[] = [
  ...[1, 5_000, 15_000].map(count => ({
    name: `${count} messages are copied`,
    reached: async (db: mongodb.Db) => (await db.collection('log').estimatedDocumentCount()) >= count
  })),
  {
    name: 'conversations are converted',
    reached: async db =>
      (await db.collection('conversations').findOne({ lastRev: { $exists: true } })) !== null
  }
]

/** Starts a server, and kills it as soon as its migration is there: true if it was still under way. */
async function killWhen (dir: string, reached: (db: mongodb.Db) => Promise<boolean>): Promise<boolean> {
  const env = { PATH: process.env.PATH!, PORT: '0', HOST: '127.0.0.1', DATA_DIR: dir, LOG_LEVEL: 'warn' }
  const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const closed = once(child, 'close')
  const socket = encodeURIComponent(join(dir, 'mongodb.sock'))
  const client = new mongodb.MongoClient(`mongodb://${socket}/?directConnection=true`)
  const db = client.db(DATABASE)
  while (!(await reached(db))) await nextTurn()
  child.kill('SIGKILL')
  await closed
  await client.close()
  return await withData(dir, async db => {
    // As if the time of the killed process were over.
    const migrations = db.collection<{ _id: string }>('migrations')
    await migrations.updateOne({ _id: 'lock' }, { $set: { until: new Date(0) } })
    return (await migrations.findOne({ _id: '1' })) === null
  })
}

t.test('kill -9 at several moments of the migration: the same documents, none twice', KILLS, async t => {
  const dir = await oldData(t)
  await withData(dir, addMany)
  const copy = await dataDir(t)
  await cp(dir, copy, { recursive: true })
  const wanted = await withData(copy, async db => {
    await migrate(db, SILENT)
    return await dump(db)
  })
  t.equal(wanted.log?.length, 24 + MANY.conversations * MANY.messages)
  let killed = 0
  for (const { name, reached } of MOMENTS) {
    const underWay = await killWhen(dir, reached)
    t.comment(`${name}: ${underWay ? 'killed' : 'it was over before'}`)
    if (underWay) killed++
  }
  t.ok(killed >= 3, `killed ${killed} times`)
  const server = await start(t, { DATA_DIR: dir })
  await server.end('SIGTERM')
  const found = await withData(dir, dump)
  for (const collection of MIGRATED) {
    const difference = found[collection]!.findIndex(
      (document, index) => JSON.stringify(document) !== JSON.stringify(wanted[collection]![index])
    )
    t.equal(difference, -1, collection)
    t.equal(found[collection]!.length, wanted[collection]!.length)
  }
})

t.test('the data of a newer version is refused with one line', async t => {
  const dir = await oldData(t)
  await withData(dir, async db => {
    await db.collection<AnyId>('migrations').insertOne({ _id: '99', finishedAt: new Date() } as AnyId)
  })
  const { code, err } = await run({ DATA_DIR: dir, PORT: '0', LOG_LEVEL: 'warn' })
  t.equal(code, 1)
  t.equal(
    err,
    'cannot start: the data has format 99, which a newer version of this server wrote; ' +
      'this version knows formats up to 1\n'
  )
})

t.test('of two processes that start on one database, one migrates', async t => {
  const documents = await withData(await oldData(t), dump)
  const MONGODB_URL = await databaseUrl()
  const client = await mongodb.MongoClient.connect(MONGODB_URL)
  t.teardown(async () => {
    await client.close()
  })
  const db = client.db()
  for (const name of ['conversations', 'messages']) await db.collection(name).insertMany(documents[name]!)
  const servers = await Promise.all([start(t, { MONGODB_URL }), start(t, { MONGODB_URL })])
  const migrations = servers.flatMap(({ log }) => log.filter(line => line.includes('migration 1: ')))
  t.equal(migrations.length, 1)
  const { log, messages } = await dump(db)
  t.same(messages, [])
  t.same(
    log!.map(({ _id }) => _id),
    documents.messages!.map(({ _id }) => _id)
  )
  t.same(
    (await db.collection<AnyId>('migrations').find().toArray()).map(({ _id }) => _id),
    ['1']
  )
})
