/** From its hello on a socket misses nothing, whoever stores; what was stored before is not pushed as new. */
import { Collection, type Document, type Filter, type FindCursor, type FindOptions } from 'mongodb'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import {
  build,
  connect,
  conversationOf,
  databaseUrl,
  listen,
  register,
  Socket,
  type Person
} from '../helper.js'
import { eventually, fill, gate, numbers, range, reaches, somebody } from './helper.js'

/** Lets the read of the heads of a user wait, or fail: `before` is awaited each time. */
function interceptHeads (t: Test, user: string, before: () => Promise<void>): void {
  const { find } = Collection.prototype
  t.teardown(() => {
    Collection.prototype.find = find
  })
  Collection.prototype.find = function (
    this: Collection,
    filter: Filter<Document> = {},
    options?: FindOptions
  ) {
    const cursor: FindCursor = find.call(this, filter, options)
    if (filter.members !== user || options?.projection?.changedAt !== 1) return cursor
    const { toArray } = cursor
    cursor.toArray = async () => {
      await before()
      return await toArray.call(cursor)
    }
    return cursor
  }
}

/** Opens a socket, without waiting for its hello. */
function open (t: Test, origin: string, person: Person): Socket {
  const headers = { authorization: `Bearer ${person.token}` }
  const socket = new Socket(new WebSocket(`${origin.replace('http', 'ws')}/ws`, { headers }))
  t.teardown(() => {
    socket.ws.terminate()
  })
  return socket
}

t.test('hello waits for the heads, and so do pushes and frames that come before', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(app, anna, ben, 3)
  const [asked, held] = [gate(), gate()]
  interceptHeads(t, ben.id, async () => {
    asked.open()
    await held.opened
  })
  const socket = open(t, origin, ben)
  socket.ws.on('open', () => {
    socket.send({ type: 'ping' })
  })
  await asked.opened
  await fill(app, anna, ben, 2)
  await (await connect(t, origin, anna)).roundTrip()
  t.same(socket.frames, [])
  held.open()
  await reaches(socket, conversation, 5)
  await socket.next('pong')
  t.equal(socket.frames[0]!.type, 'hello')
  t.same(numbers(socket, conversation), [4, 5], 'what was stored before the socket opened is not pushed')
})

t.test('the database is away at the opening: hello comes, and all that is stored here after it', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  await fill(app, anna, ben, 3)
  let away = true
  let failed = 0
  interceptHeads(t, ben.id, async () => {
    if (!away) return
    failed++
    throw new Error('the database is away')
  })
  const socket = await connect(t, origin, ben)
  await eventually(() => failed > 0)
  await fill(app, anna, ben, 2)
  const { message } = (
    await app.inject({
      method: 'POST',
      url: '/api/v1/addmsg',
      headers: ben.headers,
      payload: { message: 'mine', sender: ben.id, reciver: anna.id }
    })
  ).json().data
  t.equal(message, 'mine')
  await socket.roundTrip()
  t.same(numbers(socket, conversation), [], 'nothing is pushed before it is known where it begins')
  away = false
  await reaches(socket, conversation, 6)
  t.same(numbers(socket, conversation), [4, 5, 6])
})

t.test("a socket's own message that was stored before the heads were known is acknowledged", async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  let away = true
  interceptHeads(t, anna.id, async () => {
    if (away) throw new Error('the database is away')
  })
  const socket = await connect(t, origin, anna)
  const ack = socket.say(ben.id, 'early')
  await eventually(() => app.conversationLog.known(conversationOf(anna.id, ben.id))?.rev === 1)
  away = false
  t.equal((await ack).message.seq, 1)
  t.equal((await socket.say(ben.id, 'later')).message.seq, 2)
})

t.test('with more conversations than heads each begins after what was stored before', async t => {
  const MONGODB_URL = await databaseUrl()
  const other = await build(t, { MONGODB_URL })
  const { app, origin } = await listen(t, { MONGODB_URL, HEARTBEAT_MS: 100 })
  const ben = await register(app)
  const old = somebody()
  const later = range(1, 55).map(somebody)
  await fill(other, old, ben, 3)
  await Promise.all(
    later.map(async person => {
      await fill(other, person, ben, 1)
    })
  )
  await eventually(() => other.conversations.pending === 0)
  // Older than the clocks of two processes may differ by.
  const database = app.mongo.db!
  for (const name of ['log', 'conversations']) {
    const field = name === 'log' ? 'storedAt' : 'changedAt'
    const documents = await database.collection(name).find().toArray()
    for (const document of documents) {
      const time = new Date(document[field].getTime() - 3_600_000)
      await database.collection(name).updateOne({ _id: document._id }, { $set: { [field]: time } })
    }
  }
  const socket = await connect(t, origin, ben)
  await fill(other, old, ben, 2)
  const conversation = conversationOf(old.id, ben.id)
  await reaches(socket, conversation, 5)
  t.same(numbers(socket, conversation), [4, 5])
  const stranger = somebody()
  await fill(other, stranger, ben, 3)
  await reaches(socket, conversationOf(stranger.id, ben.id), 3)
  t.same(numbers(socket, conversationOf(stranger.id, ben.id)), [1, 2, 3])
})
