import type { Document } from 'bson'
import t from 'tap'
import { FaultProxy } from '../fault-proxy.js'
import { build, databaseUrl, messageDocument, register, type Person } from '../helper.js'

/** Messages as the log has them, written at once. */
async function world (t: Parameters<typeof build>[0], senders: ('anna' | 'ben')[]) {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const app = await build(t, { MONGODB_URL: proxy.url })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const people: Record<string, Person> = { anna, ben }
  const documents = senders.map((name, n) => {
    const [sender, reciver] = name === 'anna' ? [anna, ben] : [ben, anna]
    return messageDocument(sender.id, reciver.id, `text ${n}`, n + 1)
  })
  await app.repositories.conversations.create(documents[0]!)
  await app.mongo.db!.collection('log').insertMany(documents)
  async function unread (name: 'anna' | 'ben'): Promise<number> {
    const answer = await app.inject({ url: '/api/v1/conversations', headers: people[name]!.headers })
    return answer.json().data[0].unread
  }
  return { proxy, app, anna, ben, conversation: documents[0]!.conversation, unread }
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

t.test("unread: the other's messages above the mark, one's own between them left out", async t => {
  const senders = ['ben', ...times(400, 'anna' as const), 'ben', 'ben', 'anna'] as const
  const { app, anna, conversation, unread } = await world(t, [...senders])
  t.equal(await unread('anna'), 3)
  await app.conversations.mark(conversation, anna.id, 'read', 1)
  t.equal(await unread('anna'), 2)
  await app.conversations.mark(conversation, anna.id, 'read', 403)
  t.equal(await unread('anna'), 0)
})

t.test('unread reads at most the newest 1,000 numbers, by their index', async t => {
  const senders = [...times(1_500, 'ben' as const), ...times(100, 'anna' as const)]
  const { proxy, app, anna, conversation, unread } = await world(t, senders)
  const counts: Document[] = []
  proxy.on('command', (command: Document) => {
    if (command.aggregate === 'log') counts.push(command)
  })
  t.equal(await unread('anna'), 900)
  const {
    hint,
    pipeline: [
      {
        $match: { seq, ...rest }
      }
    ]
  } = counts[0]!
  t.same(hint, { conversation: 1, seq: 1 })
  t.same(seq, { $gt: 600, $lte: 1_600 })
  t.equal(rest.conversation, conversation)
  t.equal(await unread('ben'), 100)
  await app.conversations.mark(conversation, anna.id, 'read', 1_600)
  counts.length = 0
  t.equal(await unread('anna'), 0)
  t.same(counts, [], 'nothing is counted where everything is read')
})
