/** What a socket that does not read, or reads slowly, costs: a bounded queue, and no page of the log. */
import { once } from 'node:events'
import t from 'tap'
import { connect, conversationOf, listen, register } from '../helper.js'
import { eventually, fill, heldBytes, numbers, range, somebody } from './helper.js'
import type { App } from '../../src/app.js'

t.test("pongs that do not repeat a ping do not keep a slow reader's socket", async t => {
  const { app, origin } = await listen(t, { HEARTBEAT_MS: 100, PONG_MS: 200 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna, { autoPong: false } as object)
  let pings = 0
  socket.ws.on('ping', () => {
    pings++
    for (const data of ['', 'guessed']) socket.ws.pong(data)
  })
  await eventually(() => socket.closed !== undefined || pings > 20)
  t.match(socket.closed, { code: 1006 }, `after ${pings} pings`)
})

t.test('a pong that repeats the last of several pings keeps the socket', async t => {
  const { app, origin } = await listen(t, { HEARTBEAT_MS: 50, PONG_MS: 2_000 })
  const anna = await register(app)
  const socket = await connect(t, origin, anna, { autoPong: false } as object)
  for (let round = 0; round < 3; round++) {
    await once(socket.ws, 'ping')
    const [data] = await once(socket.ws, 'ping')
    socket.ws.pong(data)
  }
  await socket.roundTrip()
  t.equal(socket.closed, undefined)
})

/**
 * What the process holds is measured with the embedded database. The driver keeps buffers for each
 * connection, whose
 * size is up to the server: SecantusDB sends a whole batch at once.
 */
const skip = process.env.MONGODB_URL ? 'memory is measured with the embedded database' : false

/** Watches the reads of the log; the result is asked again and again whether there are none any more. */
function watchReads (app: App): () => boolean {
  let [reads, readsBefore, underWay, quiet] = [0, -1, 0, 0]
  const entries = app.conversationLog.entries.bind(app.conversationLog)
  app.conversationLog.entries = async (...args) => {
    reads++
    underWay++
    return await entries(...args).finally(() => {
      underWay--
    })
  }
  return () => {
    quiet = reads === readsBefore && underWay === 0 ? quiet + 1 : 0
    readsBefore = reads
    return quiet > 500
  }
}

/** The KiB that each socket holds. Garbage takes some turns to go; what the sockets hold stays. */
async function leastHeld (before: number, sockets: number, limit: number): Promise<number> {
  let each = Infinity
  for (let tries = 0; tries < 50 && each >= limit; tries++) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
    each = Math.min(each, (heldBytes() - before) / sockets / 1024)
  }
  return each
}

t.test('sockets that resume much and read nothing hold their queue, and no page', { skip }, async t => {
  const SOCKETS = 6
  const CONVERSATIONS = 8
  // No heartbeat ends a paused socket before it is measured.
  const { app, origin } = await listen(t, { HEARTBEAT_MS: 3_600_000 })
  const ben = await register(app)
  const senders = range(1, CONVERSATIONS).map(somebody)
  // 40 KB in UTF-8 each; a conversation is larger than what the kernel takes for a connection.
  for (const sender of senders) await fill(app, sender, ben, 60, '👋'.repeat(9_990))
  const sockets = await Promise.all(range(1, SOCKETS).map(async () => await connect(t, origin, ben)))
  for (const socket of sockets) socket.ws.pause()
  const have = Object.fromEntries(senders.map(({ id }) => [conversationOf(id, ben.id), 0]))
  const isQuiet = watchReads(app)
  const before = heldBytes()
  for (const socket of sockets) socket.send({ type: 'resume', have })
  // All queues are above the share at which pages are read, and nothing is read any more.
  await eventually(() => isQuiet() && app.realtime.gauges().queuedBytes > SOCKETS * 256 * 1024)
  const queued = app.realtime.gauges().queuedBytes / SOCKETS / 1024
  t.ok(queued <= 1024)
  const limit = 1.25 * queued + 256
  const each = await leastHeld(before, SOCKETS, limit)
  t.ok(each < limit, `a socket holds ${Math.round(each)} KiB, ${Math.round(queued)} KiB of it queued`)
  const [first] = sockets
  first!.ws.resume()
  await first!.next('resumed')
  for (const conversation of Object.keys(have)) t.same(numbers(first!, conversation), range(1, 60))
})
