/** What it takes to push one message to many devices of one user. */
import { openSockets } from '../client.js'
import { LANE_MESSAGES, Mark, measure, type Figure } from '../figure.js'
import { addFaults, Ledger } from '../ledger.js'
import { textOf } from '../settings.js'
import { newLedger } from './sending.js'

const DEVICES = 20
const WINDOW = 16

export const fanOut: Figure = {
  name: 'fan-out-20',
  measures: [
    measure('perSecond', 'fan-out to 20 devices', 'deliveries/s', true),
    measure('cpuUs', 'fan-out to 20 devices: CPU of a delivery', 'µs')
  ],
  async run (arena) {
    const { running, settings } = arena
    const [from, to] = arena.newPairs()[0]!
    const count = settings.quick ? LANE_MESSAGES / 2 : LANE_MESSAGES
    const { run } = newLedger()
    const devices = await openSockets(running, Array.from({ length: DEVICES }, () => to))
    const books = devices.map(() => new Ledger(run))
    for (const [n, device] of devices.entries()) device.onPush = frame => books[n]!.received(frame)
    const [sender] = await openSockets(running, [from])
    const mark = new Mark(running)
    const lanes = Array.from({ length: WINDOW }, async () => {
      while (books[0]!.sentIn(0) < count) {
        const number = books.map(book => book.next(0))[0]!
        await sender!.send(to.id, textOf(run, 0, number))
      }
    })
    await Promise.all(lanes)
    await Promise.all(books.map(book => book.settle()))
    const { seconds, cpu, load } = mark.stop()
    for (const socket of [...devices, sender!]) socket.close()
    const faults = books.map(book => book.faults).reduce(addFaults)
    const deliveries = count * DEVICES
    return { values: { perSecond: deliveries / seconds, cpuUs: cpu * 1e6 / deliveries }, faults, load }
  }
}
