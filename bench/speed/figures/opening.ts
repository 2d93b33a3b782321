/** What sockets that do nothing take, and what opening one takes. */
import { setTimeout as wait } from 'node:timers/promises'
import { openSockets } from '../client.js'
import { measure, Mark, type Figure } from '../figure.js'

const KIB_PER_MIB = 1_024
/** A server's memory is read once its garbage and its timers came to rest. */
const REST_MS = 2_000

export const openSocket: Figure = {
  name: 'open-socket',
  measures: [
    measure('cpuMs', 'CPU to open a socket', 'ms'),
    measure('kib', 'memory of an idle socket', 'KiB'),
    measure('anonymous', 'private memory with the idle sockets (RssAnon)', 'MiB'),
    measure('peak', 'peak memory until then', 'MiB')
  ],
  async run ({ running, senders, settings }) {
    const count = settings.full ? 10_000 : settings.quick ? 1_000 : 2_000
    const owners = Array.from({ length: count }, (_, n) => senders[n % senders.length]!)
    const before = running.usage()
    const mark = new Mark(running)
    const sockets = await openSockets(running, owners)
    const { cpu, load } = mark.stop()
    await wait(REST_MS)
    const after = running.usage()
    for (const socket of sockets) socket.close()
    await wait(REST_MS)
    return {
      values: {
        cpuMs: cpu * 1_000 / count,
        kib: (after.anonymous - before.anonymous) * KIB_PER_MIB / count,
        anonymous: after.anonymous,
        peak: after.peak
      },
      load
    }
  }
}
