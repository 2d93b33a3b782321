/** What an answer that nobody reads may cost, attacked over real connections. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket as TcpSocket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import type { Config } from '../../src/config.js'
import { append, connect as openSocket, listen, register, type Person } from '../helper.js'

const MIB = 1024 * 1024
/** Four bytes in UTF-8 and two UTF-16 units a character: the longest message there is. */
const LONGEST = '👍'.repeat(10_000)
/** More of the longest messages than a page of 4 MiB holds. */
const MESSAGES = 110

const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

const BOUNDS: Partial<Config> = {
  ANSWER_BYTES_PER_CONNECTION: 9 * MIB,
  ANSWER_BYTES_PER_USER: 10 * MIB,
  ANSWER_BYTES_PER_ADDRESS: 40 * MIB,
  ANSWER_BYTES: 60 * MIB,
  ANSWER_TIMEOUT_MS: 60_000
}

interface World {
  app: App
  origin: string
  /** the answers of every request since the start, in the order of the requests */
  answers: ServerResponse[]
  /** bytes of answers that the server holds in memory now */
  held: () => number
  /** connections that the server has open now; a client that reads nothing does not see when one ends */
  open: () => number
}

async function world (t: Test, changes: Partial<Config> = {}): Promise<World> {
  const { app, origin } = await listen(t, { ...BOUNDS, ...changes })
  const answers: ServerResponse[] = []
  const connections = new Set<TcpSocket>()
  app.server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    answers.push(response)
  })
  app.server.on('connection', socket => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
  })
  /** Bytes of an answer that waits for its turn on its connection. */
  function waiting ({ socket, writableFinished, req, writableLength }: ServerResponse): number {
    return socket === null && !writableFinished && !req.destroyed ? writableLength : 0
  }
  const held = () =>
    [...connections].reduce((sum, socket) => sum + socket.writableLength, 0) +
    answers.reduce((sum, response) => sum + waiting(response), 0)
  return { app, origin, answers, held, open: () => connections.size }
}

/** A person with a conversation (with itself) whose page is as large as a page can be. */
async function hoarder (app: App): Promise<Person> {
  const person = await register(app)
  const note = { sender: person.id, reciver: person.id, message: LONGEST }
  await Promise.all(Array.from({ length: MESSAGES }, () => append(app, note)))
  return person
}

const pageUrl = ({ id }: Person) => `/api/v1/getallmessages?sender=${id}&reciver=${id}`
/**
 * Requests of pages one after the other. The system's own buffers take one (4 MB on Linux), so the second
 * has to wait.
 */
const pageRequests = (person: Person, count = 2) =>
  `GET ${pageUrl(person)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${person.token}\r\n\r\n`.repeat(count)

/** A connection that reads nothing. */
async function deaf (t: Test, origin: string, request: string): Promise<TcpSocket> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {}).pause()
  await once(socket, 'connect')
  socket.write(request)
  return socket
}

/** Waits, turn by turn of the event loop, until something holds. */
async function until (holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

/** The status of an answer that is read to its end. */
async function fetched (origin: string, person: Person, url: string): Promise<number> {
  const response = await fetch(origin + url, { headers: person.headers })
  await response.arrayBuffer()
  return response.status
}

t.test(
  'pages that an account does not read stay below its bound, and others are answered meanwhile',
  async t => {
    const { app, origin, answers, held } = await world(t)
    const [mallory, anna] = [await hoarder(app), await hoarder(app)]
    const sockets: TcpSocket[] = []
    let most = 0
    /** Opens connections for a page each, and waits until all of them were answered. */
    async function attack (count: number): Promise<void> {
      const before = answers.length
      const opened = Array.from({ length: count }, () => deaf(t, origin, pageRequests(mallory, 1)))
      sockets.push(...(await Promise.all(opened)))
      await until(() => {
        most = Math.max(most, held())
        return answers.length >= before + count && answers.every(({ writableEnded }) => writableEnded)
      })
    }
    // Two pages have to wait, and there is no room for a third.
    while (held() < 8 * 1000 * 1000) {
      await attack(1)
      sockets.at(-1)!.write(pageRequests(mallory, 1))
    }
    await attack(40)
    t.ok(most <= 10 * MIB, `no more than the bound (${most})`)
    t.equal(await fetched(origin, mallory, pageUrl(mallory)), 429, 'the account has to read first')
    t.equal(await fetched(origin, mallory, '/api/v1/user/me'), 200, 'what is small has room')
    t.equal(await fetched(origin, anna, pageUrl(anna)), 200, 'others read pages')
    t.equal((await fetch(`${origin}/health`)).status, 200)
    for (const socket of sockets) socket.destroy()
    await until(() => held() === 0 && app.answers.gauges().bytes === 0)
    t.equal(await fetched(origin, mallory, pageUrl(mallory)), 200)
  }
)

t.test(
  'ANSWER_TIMEOUT_MS cuts off an answer that makes no progress, not one that is read slowly',
  async t => {
    const { app, origin, held, open } = await world(t, {
      ANSWER_TIMEOUT_MS: 1_000,
      ANSWER_BYTES_PER_USER: 32 * MIB
    })
    const mallory = await hoarder(app)
    await deaf(t, origin, pageRequests(mallory))
    const slow = await deaf(t, origin, pageRequests(mallory))
    let bytes = 0
    slow
      .on('data', chunk => {
        bytes += chunk.length
        slow.pause()
        // 64 KiB every 10 ms: 8 MB take longer than the time-out.
        setTimeout(() => slow.resume(), 10)
      })
      .resume()
    await until(() => open() === 1)
    await until(() => bytes > 8 * 1000 * 1000 || open() === 0)
    t.ok(bytes > 8 * 1000 * 1000, `${bytes}`)
    slow.destroy()
    await until(() => held() === 0 && app.answers.gauges().bytes === 0)
  }
)

t.test('requests that are sent one after the other without reading end the connection', async t => {
  const { app, origin, held, open } = await world(t)
  const mallory = await hoarder(app)
  let most = 0
  app.server.on('request', () => {
    most = Math.max(most, held())
  })
  await deaf(t, origin, pageRequests(mallory, 400))
  await until(() => open() === 0)
  t.ok(most <= 9 * MIB, `${most}`)
  await until(() => app.answers.gauges().bytes === 0)
})

t.test('fifty requests on one connection, sent at once and read, are answered in their order', async t => {
  const { app, origin } = await world(t)
  const anna = await register(app)
  const socket = await deaf(t, origin, '')
  const head = `Host: x\r\nAuthorization: Bearer ${anna.token}\r\n`
  const urls = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? '/health' : '/nothing'))
  socket.end(urls.map(url => `GET ${url} HTTP/1.1\r\n${head}\r\n`).join('') + HEALTH)
  const statuses = (await text(socket)).match(/HTTP\/1.1 \d+/g)
  t.same(
    statuses,
    [...urls, '/health'].map(url => (url === '/health' ? 'HTTP/1.1 200' : 'HTTP/1.1 404'))
  )
})

t.test('accounts that fill the bound of all make room for others who hold less', async t => {
  const { app, origin, held } = await world(t, { ANSWER_BYTES_PER_ADDRESS: 12 * MIB, ANSWER_BYTES: 12 * MIB })
  const hoarders = [await hoarder(app), await hoarder(app)]
  const anna = await hoarder(app)
  for (const person of hoarders) await deaf(t, origin, pageRequests(person))
  await until(() => held() > 8 * 1000 * 1000)
  t.equal(await fetched(origin, anna, pageUrl(anna)), 200)
  await until(() => held() < 5 * 1000 * 1000)
  t.ok(held() > 4 * 1000 * 1000, 'one of them was cut, the other one may go on')
})

t.test('uploads that are announced count as well, and are given back when the client goes', async t => {
  const { app, origin, answers } = await world(t, { ANSWER_BYTES_PER_USER: 8 * MIB, BODY_BYTES: MIB })
  const mallory = await register(app)
  const upload =
    `POST /api/v1/addmsg HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${mallory.token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${MIB}\r\n\r\n{`
  const sockets = await Promise.all(Array.from({ length: 12 }, () => deaf(t, origin, upload)))
  await until(() => answers.length === 12 && answers.filter(({ writableEnded }) => writableEnded).length >= 5)
  const ended = answers.filter(({ writableEnded }) => writableEnded)
  t.same(
    ended.map(({ statusCode }) => statusCode),
    [429, 429, 429, 429, 429]
  )
  t.ok(app.answers.gauges().bytes <= 8 * MIB)
  for (const socket of sockets) socket.destroy()
  await until(() => app.answers.gauges().bytes === 0)
  t.equal(await fetched(origin, mallory, '/api/v1/user/me'), 200)
})

t.test('connections are bounded for each address and in total; sockets do not count', async t => {
  for (const changes of [{ MAX_CONNECTIONS_PER_ADDRESS: 3 }, { MAX_CONNECTIONS: 3 }]) {
    const { app, origin } = await listen(t, changes)
    const anna = await register(app)
    for (let index = 0; index < 4; index++) await openSocket(t, origin, anna)
    const idle = await Promise.all(Array.from({ length: 3 }, () => deaf(t, origin, '')))
    const surplus = await deaf(t, origin, '')
    await once(surplus.resume(), 'close')
    idle[0]!.destroy()
    await until(() => app.connections.open < 3)
    t.match(await text((await deaf(t, origin, HEALTH)).resume()), /^HTTP\/1.1 200 /, JSON.stringify(changes))
  }
})

t.test('behind a trusted proxy all connections have its address: only the bound of all holds', async t => {
  const { origin } = await listen(t, { TRUST_PROXY: '127.0.0.1', MAX_CONNECTIONS_PER_ADDRESS: 1 })
  const agents = await Promise.all(Array.from({ length: 5 }, () => deaf(t, origin, HEALTH)))
  for (const socket of agents) t.match(await text(socket.resume()), /^HTTP\/1.1 200 /)
})
