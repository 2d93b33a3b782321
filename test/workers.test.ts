/** WORKERS: several processes on one port of one machine, with the embedded database. */
import t, { type Test } from 'tap'
import { heard, open, register, texts } from './processes.js'
import { dataDir, insist, request, run, start, type ServerProcess } from './server.js'
import { openAtEach, workersOf } from './workers.js'

async function startTwo (t: Test): Promise<ServerProcess> {
  return await start(t, { WORKERS: '2', DATA_DIR: await dataDir(t), PRESENCE_GRACE_MS: '200' })
}

t.test('messages, typing, presence and the end of a session cross workers', async t => {
  const server = await startTwo(t)
  const [anna, ben] = [await register(server, 'anna'), await register(server, 'ben')]
  const annas = await open(t, server, anna)
  const bens = await openAtEach(t, server, ben)
  for (const socket of bens) socket.send({ type: 'watch', users: [anna.id] })
  for (const socket of bens) t.match(await socket.next('presence'), { user: anna.id, online: true })
  const sent = Array.from({ length: 20 }, (_, n) => `m${n}`)
  await Promise.all(sent.map(text => annas.say(ben.id, text)))
  for (const socket of bens) {
    await heard(socket, 'm19')
    t.same(texts(socket), sent, 'in order, without a gap')
  }
  const metrics = await (await fetch(`${server.origin}/metrics`)).text()
  t.match(metrics, /^chat_sockets 3$/m, 'GET /metrics adds the workers up')
  const { conversation } = bens[0]!.all('message')[0]!.message
  annas.send({ type: 'typing', conversation, on: true })
  for (const socket of bens) t.match(await socket.next('typing'), { user: anna.id, on: true })
  await annas.close()
  for (const socket of bens) t.match(await socket.next('presence'), { user: anna.id, online: false })
  await request(server.origin, 'POST', '/api/v1/user/logout', { token: ben.token })
  for (const socket of bens) t.equal((await socket.untilClosed()).code, 4401)
})

t.test('a worker that is killed is replaced; the others go on, and nothing is lost', async t => {
  const server = await startTwo(t)
  const [anna, ben] = [await register(server, 'anna'), await register(server, 'ben')]
  const bens = await openAtEach(t, server, ben)
  const [victim] = workersOf(server)
  process.kill(victim!, 'SIGKILL')
  await Promise.allSettled(bens.map(socket => socket.roundTrip()))
  const left = bens.filter(socket => socket.closed === undefined)
  t.equal(left.length, 1)
  const body = { sender: anna.id, reciver: ben.id, message: 'still here', clientId: crypto.randomUUID() }
  // A connection that was kept open may be one to the killed worker.
  const origin = () => server.origin
  const { status } = await insist(origin, 'POST', '/api/v1/addmsg', { token: anna.token, body })
  t.equal(status, 201)
  await Promise.all(left.map(socket => heard(socket, 'still here')))
  await server.logged('the new worker listens')
  const again = await openAtEach(t, server, ben)
  for (const socket of again) {
    socket.send({ type: 'resume', have: { [left[0]!.all('message')[0]!.message.conversation]: 0 } })
    await heard(socket, 'still here')
  }
})

t.test('SIGTERM ends all with exit code 0, and what was acknowledged is there at the next start', async t => {
  const DATA_DIR = await dataDir(t)
  const server = await start(t, { WORKERS: '2', DATA_DIR })
  const anna = await register(server, 'anna')
  const socket = await open(t, server, anna)
  await socket.say(anna.id, 'a note')
  // As a terminal and systemd do, every process gets the signal.
  for (const pid of workersOf(server)) process.kill(pid, 'SIGTERM')
  await socket.roundTrip()
  const ended = server.end('SIGTERM')
  t.equal((await socket.untilClosed()).code, 1012)
  t.strictSame(await ended, [0, null])
  const next = await start(t, { DATA_DIR })
  const path = `/api/v1/getallmessages?sender=${anna.id}&reciver=${anna.id}`
  const { body } = await request(next.origin, 'GET', path, { token: anna.token })
  t.match(body.data, [{ message: 'a note' }])
})

t.test('a port that is taken ends the start in one line', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const { port } = new URL(server.origin)
  const { code, err } = await run({ WORKERS: '2', PORT: port, HOST: '127.0.0.1', DATA_DIR: await dataDir(t) })
  t.equal(code, 1)
  t.equal(err, `cannot start: port ${port} is taken: set PORT to another one\n`)
})
