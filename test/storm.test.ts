/**
 * The product's property under attack: sockets reset at random, the server killed, clients that
 * stop; the logs of all devices
 * against the database. The server is the built one, in a process of its own. STORM_MESSAGES and
 * TEST_SEED may be given.
 */
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { dataDir, request, start } from './server.js'
import { Storm, LONG } from './message-storm.js'

const MESSAGES = Number(process.env.STORM_MESSAGES ?? (LONG ? 40_000 : 600))
/** Times that the server is killed. */
const KILLS = LONG ? 5 : 2
/** Sockets that are open when the server is asked to end. */
const SOCKETS = LONG ? 2_000 : 200
const NO_LIMITS = {
  REGISTER_LIMIT: '0',
  LOGIN_LIMIT: '0',
  HTTP_RATE: '0',
  FRAME_RATE: '0',
  LOG_LEVEL: 'info',
  PRESENCE_GRACE_MS: '0'
}

t.test(
  `50 users, 200 conversations, ${MESSAGES} messages over HTTP and sockets, sockets reset at random`,
  async t => {
    const storm = new Storm(t, await start(t, { ...NO_LIMITS, DATA_DIR: await dataDir(t) }))
    await storm.gather(50, 200)
    const begin = performance.now()
    let resets = 0
    // More often at the beginning, when most conversations are new to those who are cut off.
    await storm.rage(MESSAGES, done => {
      if (done % (done < MESSAGES / 20 ? 20 : 200) === 0) {
        storm.cutOne()
        resets++
      }
    })
    t.comment(`${MESSAGES} messages in ${Math.round(performance.now() - begin)} ms, ${resets} resets`)
    await storm.verify()
    await storm.nothingLeft()
  }
)

t.test(
  `the server killed by kill -9 and restarted ${KILLS} times while clients retry: each message exactly once`,
  async t => {
    const DATA_DIR = await dataDir(t)
    const first = await start(t, { ...NO_LIMITS, DATA_DIR })
    const storm = new Storm(t, first)
    await storm.gather(20, 60)
    const count = Math.ceil(MESSAGES / 5)
    let restarting: Promise<void> = Promise.resolve()
    let kills = 0
    await storm.rage(count, done => {
      if (done < ((kills + 1) * count) / (KILLS + 1) || kills === KILLS) return
      kills++
      restarting = restarting.then(async () => {
        await storm.server.end('SIGKILL')
        storm.server = await start(t, { ...NO_LIMITS, DATA_DIR, PORT: new URL(first.origin).port })
      })
    })
    await restarting
    t.equal(kills, KILLS)
    await storm.verify()
    await storm.nothingLeft()
  }
)

t.test(`SIGTERM with ${SOCKETS} sockets open: bye and 1012 to each, exit 0 within 10 s`, async t => {
  const server = await start(t, {
    ...NO_LIMITS,
    DATA_DIR: await dataDir(t),
    MAX_SOCKETS_PER_USER: String(SOCKETS)
  })
  const { body } = await request(server.origin, 'POST', '/api/v1/user/register', {
    body: { username: 'many', email: 'many@example.org', password: 'correct horse' }
  })
  const ends: Promise<[number, boolean]>[] = []
  for (let opened = 0; opened < SOCKETS; opened += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = new WebSocket(`${server.origin.replace('http', 'ws')}/ws`, {
          headers: { authorization: `Bearer ${body.token}` }
        })
        let bye = false
        socket.on('message', data => {
          bye ||= data.toString().startsWith('{"type":"bye"')
        })
        ends.push(once(socket, 'close').then(([code]) => [code as number, bye]))
        await once(socket, 'open')
      })
    )
  }
  const begin = performance.now()
  t.same(await server.end('SIGTERM'), [0, null])
  t.ok(performance.now() - begin < 10_000)
  const closed = await Promise.all(ends)
  t.equal(closed.filter(([code, bye]) => code === 1012 && bye).length, SOCKETS)
})
