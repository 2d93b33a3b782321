/** Figures that need a server of their own: start, bytes on disk, first reads, and a restart. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Series } from '../../../test/long/figures.js'
import type { ChatSocket, User } from '../chat-socket.js'
import { inParallel, openSockets, readHistory, registerUsers } from '../client.js'
import { LANE_MESSAGES, Mark, measure, type Arena, type Figure } from '../figure.js'
import { HttpConnection } from '../http-client.js'
import type { Ledger } from '../ledger.js'
import { start, type Running } from '../processes.js'
import { textOf } from '../settings.js'
import { newLedger } from './sending.js'

const WINDOW = 8

/** Runs `work` with a directory of data that is deleted afterwards. */
export async function withData<T> (work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'chat-bench-'))
  try {
    return await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Starts another server of the arena's kind on this data, and stops it after `work`. */
export async function withServer<T> (
  arena: Arena, dir: string, work: (own: Running) => Promise<T>
): Promise<T> {
  const own = await start(arena.running.name, { script: arena.settings.script, dir })
  try {
    return await work(own)
  } finally {
    await own.stop()
  }
}

/** Conversations of 1,000 messages: user n writes to the users after it. */
function conversationsOf (users: User[], count: number): [User, User][] {
  const all = users.flatMap((from, n) => users.slice(n + 1).map((to): [User, User] => [from, to]))
  return all.slice(0, count)
}

/** Fills conversations through sockets: that knows no format of the database. */
async function fill (own: Running, conversations: [User, User][], ledger: Ledger, each = LANE_MESSAGES) {
  await inParallel(conversations.length, 16, async n => {
    const [from, to] = conversations[n]!
    const [socket] = await openSockets(own, [from])
    await Promise.all(Array.from({ length: WINDOW }, async () => {
      while (ledger.sentIn(n) < each) await socket!.send(to.id, textOf(ledger.run, n, ledger.next(n)))
    }))
    socket!.close()
  })
}

/** Bytes that files take on the disk: a sparse file's holes take none. */
async function bytesOnDisk (dir: string): Promise<number> {
  const names = await readdir(dir, { recursive: true })
  const sizes = await Promise.all(names.map(async name => {
    const found = await stat(join(dir, name))
    return found.isFile() ? found.blocks * 512 : 0
  }))
  return sizes.reduce((sum, size) => sum + size, 0)
}

export const startTime: Figure = {
  name: 'start',
  measures: [measure('ms', 'start until it listens, no data', 'ms')],
  run: async arena => await withData(dir => withServer(arena, dir, async ({ startMs }) => ({
    values: { ms: startMs }
  })))
}

export const stored: Figure = {
  name: 'stored',
  measures: [
    measure('bytes', 'bytes on disk of a message of 80 characters', 'bytes'),
    measure('history', 'history of 1,000, first read after the start', 'requests/s', true),
    measure('last50', 'last 50, first read after the start', 'requests/s', true),
    measure('historyCpu', 'history of 1,000, first read after the start: CPU', 'ms'),
    measure('last50Cpu', 'last 50, first read after the start: CPU', 'ms')
  ],
  servers: ['server', 'classic'],
  async run (arena) {
    const { settings: { messages } } = arena
    return await withData(async dir => {
      const ledger = newLedger()
      const count = Math.ceil(messages / LANE_MESSAGES)
      const { conversations, bytes } = await withServer(arena, dir, async own => {
        const users = await registerUsers(own, Math.ceil(Math.sqrt(2 * count)) + 2)
        const conversations = conversationsOf(users, count)
        const before = await bytesOnDisk(dir)
        await fill(own, conversations, ledger)
        const added = await bytesOnDisk(dir) - before
        return { conversations, bytes: added / (count * LANE_MESSAGES) }
      })
      const half = Math.floor(count / 2)
      const all = await withServer(arena, dir, own => readOnce(own, conversations.slice(0, half)))
      const last = await withServer(arena, dir, own => readOnce(own, conversations.slice(half), 50))
      return {
        values: {
          bytes, history: all.perSecond, last50: last.perSecond, historyCpu: all.cpuMs, last50Cpu: last.cpuMs
        }
      }
    })
  }
}

const READERS = 8

/** Reads each conversation once. */
async function readOnce (own: Running, conversations: [User, User][], limit?: number) {
  const connections = await inParallel(READERS, READERS, () => HttpConnection.open(own.origin))
  const free = [...connections]
  const mark = new Mark(own)
  await inParallel(conversations.length, READERS, async n => {
    const connection = free.pop()!
    const body = await readHistory(connection, ...conversations[n]!, limit)
    const marks = body.toString().match(/#\w+\.\d+\.\d+#/g) ?? []
    if (marks.length !== (limit ?? LANE_MESSAGES)) throw new Error(`${marks.length} messages of a history`)
    free.push(connection)
  })
  const { seconds, cpu } = mark.stop()
  for (const connection of connections) connection.close()
  return { perSecond: conversations.length / seconds, cpuMs: cpu * 1_000 / conversations.length }
}

/** Messages that each device missed. */
const MISSED = 5
const STORM_USERS = 64

export const storm: Figure = {
  name: 'storm',
  measures: [
    measure('seconds', 'sockets open again after a restart, with what they missed', 's'),
    measure('cpuMs', 'the same: CPU of a socket', 'ms'),
    measure('p99', "another sender's ack meanwhile, p99", 'ms')
  ],
  async run (arena) {
    const { settings: { stormSockets: count }, running: { name } } = arena
    return await withData(async dir => {
      const users = await withServer(arena, dir, async own => {
        const users = await registerUsers(own, STORM_USERS + 2)
        const pairs = users.slice(0, STORM_USERS).map((user): [User, User] => [user, users[STORM_USERS]!])
        await fill(own, pairs, newLedger(), MISSED)
        return users
      })
      return await withServer(arena, dir, async own => {
        const owners = Array.from({ length: count }, (_, n) => users[n % STORM_USERS]!)
        const mark = new Mark(own)
        const [other] = await openSockets(own, [users[STORM_USERS]!])
        const acks = sendUntilStopped(other!, users[STORM_USERS + 1]!)
        const sockets = await openSockets(own, owners)
        if (name === 'server') {
          await Promise.all(sockets.map(socket => socket.resume(users[STORM_USERS]!, MISSED)))
        }
        const { seconds, cpu, load } = mark.stop()
        const times = await acks.stop()
        for (const socket of [...sockets, other!]) socket.close()
        return { values: { seconds, cpuMs: cpu * 1_000 / count, p99: times.quantile(0.99) }, load }
      })
    })
  }
}

/** Sends one message after the other. */
function sendUntilStopped (socket: ChatSocket, to: User): { stop (): Promise<Series> } {
  const times = new Series()
  const stopping = new AbortController()
  const loop = async () => {
    while (!stopping.signal.aborted) {
      const since = performance.now()
      await socket.send(to.id, textOf('storm', 0, times.count))
      times.add(performance.now() - since)
    }
  }
  const ended = loop()
  return {
    async stop () {
      stopping.abort()
      await ended
      return times
    }
  }
}
