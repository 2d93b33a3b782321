import t from 'tap'
import {
  conversationOf, listen,
  register,
  type Person
} from '../helper.js'
import { eventually, fill } from './helper.js'

const { app } = await listen(t)
const me = await register(app)
const others = await Promise.all(Array.from({ length: 5 }, () => register(app)))
for (const [n, other] of others.entries()) await fill(app, other, me, n + 1)
await fill(app, me, me, 1)
const inbox = async (query = {}) =>
  (await app.inject({ url: '/api/v1/conversations', headers: me.headers, query })).json()

t.test('newest first, each with its last message, its other member and the unread count', async t => {
  await eventually(() => app.conversations.pending === 0)
  const { data } = await inbox()
  t.same(
    data.map((entry: { user: { _id: string } }) => entry.user._id),
    [me.id, ...others.map(({ id }) => id).reverse()]
  )
  t.same(
    data.map((entry: { unread: number }) => entry.unread),
    [0, 5, 4, 3, 2, 1]
  )
  t.match(data[1], {
    lastSeq: 5,
    read: 0,
    delivered: 0,
    other: { delivered: 0, read: 0 },
    user: { password: '', email: undefined }
  })
  t.equal(data[1].lastMessage.seq, 5)
})

t.test('pages by after and limit, without gap or repeat', async t => {
  const all: string[] = []
  let after: string | undefined
  do {
    const page = await inbox({ limit: '2', ...(after === undefined ? {} : { after }) })
    all.push(...page.data.map((entry: { id: string }) => entry.id))
    after = page.next
  } while (after !== undefined)
  t.equal(all.length, 6)
  t.equal(new Set(all).size, 6)
  t.equal(
    (await app.inject({ url: '/api/v1/conversations?after=nonsense', headers: me.headers })).statusCode,
    400
  )
})

t.test('POST …/read raises the mark', async t => {
  const [other] = others.slice(-1) as [Person]
  const id = conversationOf(me.id, other.id)
  const read = async (seq: number, conversation = id) => {
    const url = `/api/v1/conversations/${conversation}/read`
    return await app.inject({ method: 'POST', url, headers: me.headers, payload: { seq } })
  }
  t.match((await read(3)).json(), { success: 'success', data: { delivered: 3, read: 3 } })
  t.match((await read(99)).json(), { data: { delivered: 3, read: 3 } })
  t.equal((await inbox()).data.find((entry: { id: string }) => entry.id === id).unread, 2)
  t.equal((await read(1, conversationOf(others[0]!.id, others[1]!.id))).statusCode, 403)
  const stranger = await register(app)
  t.equal((await read(1, conversationOf(me.id, stranger.id))).statusCode, 404)
  t.equal((await read(1, 'x')).statusCode, 400)
})

t.test(
  'a summary that is behind the messages, as after a crash, is repaired by reading it',
  async t => {
    const id = conversationOf(me.id, others[0]!.id)
    const conversations = app.mongo.db!.collection<{ _id: string }>('conversations')
    await fill(app, others[0]!, me, 3)
    await eventually(() => app.conversations.pending === 0)
    await conversations.updateOne({ _id: id }, { $set: { lastSeq: 1, lastRev: 1 } })
    t.equal((await inbox()).data.find((entry: { id: string }) => entry.id === id).lastSeq, 4)
    await eventually(() => app.conversations.pending === 0)
    t.match(await conversations.findOne({ _id: id }), { lastSeq: 4 })
  }
)
