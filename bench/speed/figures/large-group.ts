/** How long a message takes to all sockets of a group of 500, at a steady rate. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Filler, type FilledMember } from '../../../test/long/fill.js'
import { Series } from '../../../test/long/figures.js'
import { openSockets } from '../client.js'
import { Mark, measure, type Figure } from '../figure.js'
import { HttpConnection } from '../http-client.js'
import type { Running } from '../processes.js'
import { textOf } from '../settings.js'
import { withData, withServer } from './own-server.js'

const MEMBERS = 500
const PER_SECOND = 20
/** Messages that are sent before those that count. */
const WARM = 20

export const group500: Figure = {
  name: 'group-500',
  measures: [
    measure('p50', 'a message to a group of 500 sockets, 20 messages/s: delivery, median', 'ms'),
    measure('p99', 'the same, p99', 'ms'),
    measure('cpuMs', 'the same: CPU of a message', 'ms')
  ],
  servers: ['server'],
  run: async arena => await withData(dir => withServer(arena, dir, async own => {
    const members = await insertMembers(dir)
    const group = await createGroup(own, members)
    const sockets = await openSockets(own, members)
    const count = PER_SECOND * (arena.settings.quick ? 3 : 15)
    const sentAt: number[] = []
    const times = new Series()
    for (const socket of sockets.slice(1)) {
      socket.onPush = frame => {
        const number = Number(/#group\.0\.(\d+)#/.exec(frame)?.[1] ?? -1)
        if (number >= WARM) times.add(performance.now() - sentAt[number]!)
      }
    }
    let mark = new Mark(own)
    const begin = performance.now()
    const acks: Promise<void>[] = []
    for (let n = 0; n < WARM + count; n++) {
      await delay(Math.max(0, begin + n * 1_000 / PER_SECOND - performance.now()))
      if (n === WARM) mark = new Mark(own)
      const [clientId, message] = [randomUUID(), textOf('group', 0, n)]
      sentAt[n] = performance.now()
      const frame = { type: 'send', clientId, conversation: group, message }
      acks.push(sockets[0]!.answered(clientId, JSON.stringify(frame)))
    }
    await Promise.all(acks)
    const expected = count * (MEMBERS - 1)
    while (times.count < expected) await delay(20)
    const { cpu, load } = mark.stop()
    for (const socket of sockets) socket.close()
    const values = { p50: times.quantile(0.5), p99: times.quantile(0.99), cpuMs: cpu * 1_000 / count }
    return { values, load }
  }))
}

async function insertMembers (dir: string): Promise<FilledMember[]> {
  const filler = await Filler.connect(dir)
  try {
    return await filler.members(MEMBERS)
  } finally {
    await filler.close()
  }
}

async function createGroup ({ origin }: Running, [owner, ...others]: FilledMember[]): Promise<string> {
  const connection = await HttpConnection.open(origin)
  const body = JSON.stringify({ name: 'All', members: others.map(({ id }) => id) })
  const { status, body: answer } = await connection.request('POST', '/api/v1/groups', owner!.token, body)
  connection.close()
  if (status !== 201) throw new Error(answer.toString())
  return JSON.parse(answer.toString()).data.id
}
