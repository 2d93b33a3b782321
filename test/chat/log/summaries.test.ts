import t from 'tap'
import { collection } from '../../../src/database/documents.js'
import { FaultProxy } from '../../fault-proxy.js'
import { append, build, conversationOf, databaseUrl, register } from '../../helper.js'
import { storeSilently } from '../../realtime/helper.js'
import { dataDir } from '../../server.js'

async function world (t: Parameters<typeof build>[0]) {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const app = await build(t, { MONGODB_URL: proxy.url })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const send = async () => await append(app, { sender: anna.id, reciver: ben.id, message: 'hello' })
  async function written (): Promise<void> {
    while (app.conversations.pending > 0) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
  }
  await send()
  await written()
  return { proxy, app, anna, ben, conversation, send, written }
}

t.test('a summary whose write was lost with its connection is written again', async t => {
  const { proxy, app, conversation, send, written } = await world(t)
  proxy.unheard.add('update')
  const asked = proxy.next('update')
  await send()
  await asked
  proxy.unheard.clear()
  proxy.cut()
  await written()
  const summary = await app.mongo.db!.collection('conversations').findOne({ _id: conversation as never })
  t.match(summary, { lastSeq: 2 })
})

t.test('a mark is answered once it is durable', async t => {
  const { proxy, app, ben, conversation } = await world(t)
  const receipts: unknown[] = []
  app.conversations.onReceipt(receipt => {
    receipts.push(receipt)
  })
  const url = `/api/v1/conversations/${encodeURIComponent(conversation)}/read`
  const payload = { seq: 1 }
  const read = async () => await app.inject({ method: 'POST', url, headers: ben.headers, payload })
  proxy.lag()
  t.equal((await read()).statusCode, 503, 'the primary alone has it')
  proxy.catchUp()
  // What a majority has is older.
  proxy.alter = (command, reply) => {
    if (command.find !== 'memberships') return undefined
    reply.cursor.firstBatch = []
    return reply
  }
  const second = await read()
  t.equal(second.statusCode, 503, 'the primary alone has it, and nothing is left to raise')
  t.same(receipts, [])
  proxy.alter = () => undefined
  const answer = await read()
  t.equal(answer.statusCode, 200)
  t.same(answer.json().data, { delivered: 1, read: 1 })
})

t.test('a summary that a kill left behind is right for every reader before it is written again', async t => {
  const app = await build(t, { MONGODB_URL: '', DATA_DIR: await dataDir(t) })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const [_id, now] = [conversationOf(anna.id, ben.id), new Date()]
  await storeSilently(app, anna, ben, [1])
  const behind = { members: [anna.id, ben.id], lastSeq: 0, lastRev: 0, lastAt: now, changedAt: now }
  await collection(app, 'conversations').insertOne({ _id, ...behind })
  for (const reader of [anna, ben]) {
    const [summary] = await app.conversations.page(reader.id, undefined, 10)
    t.match(summary, { _id, lastSeq: 1, lastRev: 1 })
  }
})
