import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import t from 'tap'
import { databaseUrl, dropDatabase } from '../databases.js'
import { Socket } from '../helper.js'
import { DB, dataDir, request, run, start, type ServerProcess } from '../server.js'

const MESSAGES = 1_500

interface Writer { id: string, token: string }

async function fill (server: ServerProcess): Promise<Writer> {
  const body = { username: 'anna', email: 'anna@example.org', password: 'correct horse battery' }
  const answer = await request(server.origin, 'POST', '/api/v1/user/register', { body })
  const { token, data: { _id: id } } = answer.body
  const url = `${server.origin.replace('http', 'ws')}/ws`
  const socket = new Socket(new WebSocket(url, { headers: { authorization: `Bearer ${token}` } }))
  await socket.next('hello')
  for (let n = 0; n < MESSAGES; n += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, m) => socket.say(id, `message ${n + m} 👋🏽`)))
  }
  await socket.close()
  return { id, token }
}

async function historyOf (server: ServerProcess, { id, token }: Writer) {
  const path = `/api/v1/getallmessages?sender=${id}&reciver=${id}`
  return (await request(server.origin, 'GET', path, { token })).body.data
}

t.test('db:move: a directory into MongoDB and back, killed in between; nothing is lost', async t => {
  const [first, last] = [await dataDir(t), await dataDir(t)]
  const url = await databaseUrl()
  t.teardown(async () => await dropDatabase(url))
  const limits = { FRAME_RATE: '0', USER_FRAME_RATE: '0' }
  const old = await start(t, { ...limits, DATA_DIR: first })
  const anna = await fill(old)
  const history = await historyOf(old, anna)
  t.ok(history.length > 0)
  const busy = await run({}, ['move', first, url], DB)
  t.match(busy, { code: 1, err: /in use|running|process \d+/ }, 'the directory belongs to the running server')
  await old.end('SIGTERM')

  const killed = spawn(process.execPath, [DB, 'move', first, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'close')
  const refused = await run({ MONGODB_URL: url, PORT: '0' })
  t.match(refused, { code: 1, err: /^cannot start: a move into this database is not finished/ })

  t.match(await run({}, ['move', first, url], DB), { code: 0, out: /every document is equal in both places/ })
  const checked = await run({ MONGODB_URL: url }, ['check'], DB)
  t.match(checked, { code: 0, out: /\n0 faults of the log; 0 differences/ })
  t.match(await run({}, ['move', first, url], DB), { code: 1, err: /^the target is not empty/ })
  t.match(await run({}, ['move', url, last], DB), { code: 0 })

  const server = await start(t, { DATA_DIR: last })
  t.same(await historyOf(server, anna), history)
})

t.test('db:setup makes the indexes, any number of times, and says how to shard', async t => {
  const DATA_DIR = await dataDir(t)
  for (let n = 0; n < 2; n++) {
    const { code, out } = await run({ DATA_DIR }, ['setup'], DB)
    t.equal(code, 0)
    t.match(out, 'sh.shardCollection("chat.log", { conversation: 1 })')
  }
})

t.test('other words get the usage and exit code 2', async t => {
  t.match(await run({}, ['mend'], DB), { code: 2, err: /^usage: / })
})
