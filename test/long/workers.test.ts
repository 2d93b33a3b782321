/** Workers are killed at random while clients write: each message exactly once, in order. */
import t from 'tap'
import { Storm } from '../message-storm.js'
import { DB, dataDir, run, start } from '../server.js'
import { workersOf } from '../workers.js'

const MESSAGES = 10_000
const KILLS = 10

const ENV = { WORKERS: '3', REGISTER_LIMIT: '0', LOGIN_LIMIT: '0', HTTP_RATE: '0', FRAME_RATE: '0' }

t.test(`three workers, ${KILLS} times one is killed while clients retry`, async t => {
  const DATA_DIR = await dataDir(t)
  const server = await start(t, { ...ENV, DATA_DIR })
  const storm = new Storm(t, server)
  await storm.gather(30, 100)
  let kills = 0
  await storm.rage(MESSAGES, done => {
    if (done < (kills + 1) * MESSAGES / (KILLS + 1) || kills === KILLS) return
    const [victim] = workersOf(server)
    if (victim === undefined) return
    process.kill(victim, 'SIGKILL')
    kills++
  })
  t.equal(kills, KILLS)
  await server.logged('the new worker listens', kills)
  await storm.verify()
  await server.end('SIGTERM')
  t.match(await run({ DATA_DIR }, ['check'], DB), { code: 0 }, 'db:check finds no fault')
})
