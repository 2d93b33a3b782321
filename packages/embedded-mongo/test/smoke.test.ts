import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { startEmbeddedMongo } from '../src/index.js'
import { message } from './hostile.js'

t.test('data survives a restart, and only this user can open the socket', async t => {
  const dir = join(t.testdir(), 'data')
  const first = await startEmbeddedMongo({ dir })
  t.equal((await stat(first.socketPath)).mode & 0o777, 0o600)
  t.equal((await stat(dir)).mode & 0o777, 0o700)
  const client = await MongoClient.connect(first.url)
  const users = client.db('smoke').collection<{ _id: number; name: string }>('users')
  await users.createIndex({ name: 1 }, { unique: true })
  await users.insertMany([
    { _id: 1, name: 'Ada' },
    { _id: 2, name: 'Grace' }
  ])
  await t.rejects(users.insertOne({ _id: 3, name: 'Ada' }), {
    code: 11000,
    keyPattern: { name: 1 },
    keyValue: { name: 'Ada' }
  })
  await client.close()
  await first.stop()
  await t.rejects(stat(first.socketPath), { code: 'ENOENT' })

  const second = await startEmbeddedMongo({ dir })
  const again = await MongoClient.connect(second.url)
  t.same(
    await again
      .db('smoke')
      .collection('users')
      .find({ name: { $gte: 'B' } })
      .toArray(),
    [{ _id: 2, name: 'Grace' }]
  )
  t.match(await again.db('smoke').command({ validate: 'users' }), { valid: true, nrecords: 2, nIndexes: 2 })
  await again.close()
  await second.stop()
})

t.test('a directory that this process already owns is refused', async t => {
  const dir = t.testdir()
  const server = await startEmbeddedMongo({ dir })
  await t.rejects(startEmbeddedMongo({ dir }), { message: `${dir} is in use by process ${process.pid}` })
  await server.stop()
})

t.test('a server that stops keeps its directory until its last answer is sent', async t => {
  const dir = t.testdir()
  const first = await startEmbeddedMongo({ dir })
  const client = await MongoClient.connect(first.url)
  await client
    .db('smoke')
    .collection('items')
    .insertMany(Array.from({ length: 50 }, () => ({ text: 'x'.repeat(100_000) })))
  await client.close()
  const slow = connect(first.socketPath)
  slow.write(message({ find: 'items', singleBatch: true, $db: 'smoke' }))
  await once(slow, 'readable') // the answer has begun, and is larger than the system's buffers
  let stopped = false
  const stopping = first.stop().then(() => {
    stopped = true
  })
  await t.rejects(startEmbeddedMongo({ dir }), { message: `${dir} is in use by process ${process.pid}` })
  t.notOk(stopped)
  slow.destroy()
  await stopping
  const second = await startEmbeddedMongo({ dir })
  await second.stop()
})
