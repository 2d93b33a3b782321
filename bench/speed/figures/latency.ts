/** How long a message takes to its ack and to the receiver's socket at a steady rate. */
import { Series } from '../../../test/long/figures.js'
import { openSockets } from '../client.js'
import { LANE_MESSAGES, LANES, Mark, measure, type Arena, type Figure, type Outcome } from '../figure.js'
import { textOf } from '../settings.js'
import { checkStored, newLedger, socketSend } from './sending.js'

const QUIET = 200
/** The first messages are not counted: shares of all. */
const WARM_SHARE = 0.1

/** Sends at a rate and measures from the time at which each message was due. */
async function steady (arena: Arena, rate: number): Promise<Outcome> {
  const { running, settings } = arena
  const ledger = newLedger()
  const count = Math.floor(Math.min(rate * (settings.quick ? 3 : 8), LANES * LANE_MESSAGES))
  const due: number[][] = []
  const [acks, deliveries] = [new Series(), new Series()]
  await arena.listen(frame => {
    const received = ledger.received(frame)
    if (received !== undefined) deliveries.add(performance.now() - due[received[0]]![received[1]]!)
  })
  const sockets = await openSockets(running, arena.senders)
  const pairs = arena.newPairs()
  const sending: Promise<void>[] = []
  const send = (n: number, at: number) => {
    const lane = n % LANES
    const number = ledger.next(lane)
    ;(due[lane] ??= [])[number] = at
    const sent = sockets[lane]!.send(pairs[lane]![1].id, textOf(ledger.run, lane, number))
    sending.push(sent.then(() => acks.add(performance.now() - at)))
  }
  const mark = new Mark(running)
  await pace(count, rate, send)
  const { cpu, load } = mark.stop()
  await Promise.all(sending)
  await ledger.settle()
  for (const socket of sockets) socket.close()
  await checkStored(arena, ledger, pairs)
  const warm = Math.floor(count * WARM_SHARE)
  const at = (series: Series, share: number) => series.quantile(share, warm)
  const values = {
    ack50: at(acks, 0.5),
    ack99: at(acks, 0.99),
    delivery50: at(deliveries, 0.5),
    delivery99: at(deliveries, 0.99)
  }
  return { values: { ...values, cpuMs: cpu * 1_000 / count, rate }, faults: ledger.faults, load }
}

/** Calls `send` for 0 … count-1 at the times at which they are due. */
async function pace (count: number, rate: number, send: (n: number, at: number) => void): Promise<void> {
  const since = performance.now()
  let n = 0
  while (n < count) {
    const now = performance.now()
    for (; n < count && since + n * 1_000 / rate <= now; n++) send(n, since + n * 1_000 / rate)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

function measures (title: string) {
  return [
    measure('ack50', `${title}: ack, p50`, 'ms'),
    measure('ack99', `${title}: ack, p99`, 'ms'),
    measure('delivery50', `${title}: delivery, p50`, 'ms'),
    measure('delivery99', `${title}: delivery, p99`, 'ms'),
    measure('cpuMs', `${title}: CPU of a message`, 'ms')
  ]
}

export const latency: Figure = {
  name: 'latency-200',
  measures: measures('200/s'),
  run: async arena => await steady(arena, QUIET)
}

export const latencyHalf: Figure = {
  name: 'latency-half',
  measures: [measure('rate', 'half of maximum', 'messages/s', true), ...measures('half of maximum')],
  async run (arena) {
    if (arena.socketSpeed === undefined) await socketSend.run(arena)
    return await steady(arena, arena.socketSpeed! / 2)
  }
}
