/** How fast a conversation is read over HTTP, when it was just read before. */
import { inParallel, openSockets, readHistory } from '../client.js'
import { measure, LANE_MESSAGES, type Arena, type Figure, type Outcome } from '../figure.js'
import { flow } from '../flow.js'
import { HttpConnection } from '../http-client.js'
import { newLedger } from './sending.js'
import { textOf } from '../settings.js'

const READERS = 16
const LAST = 50

const marks = (body: Buffer) => body.toString().match(/#[\w-]+\.\d+\.\d+#/g) ?? []

/** Fills a conversation, then reads it again and again. */
async function readHot (arena: Arena, limit?: number): Promise<Outcome> {
  const { running, settings } = arena
  const ledger = newLedger()
  await arena.listen(frame => ledger.received(frame))
  const [from, to] = arena.newPairs()[0]!
  const [socket] = await openSockets(running, [from])
  // One at a time: `classic` does not keep the order otherwise.
  for (let n = 0; n < LANE_MESSAGES; n++) await socket!.send(to.id, textOf(ledger.run, 0, ledger.next(0)))
  await ledger.settle()
  socket!.close()
  const connections = await inParallel(READERS, READERS, () => HttpConnection.open(running.origin))
  const whole = await readHistory(connections[0]!, from, to)
  ledger.checkStored(0, whole.toString())
  const expected = limit ?? LANE_MESSAGES
  const { perSecond, cpuMs, load } = await flow(running, READERS, settings.quick ? 1.5 : 4, async lane => {
    const body = await readHistory(connections[lane]!, from, to, limit)
    // Counting marks takes longer than a fast server needs: one lane counts, the others look at the length.
    if (lane === 0 && marks(body).length !== expected) throw new Error('a history is not complete')
    if (body.length < expected * textOf(ledger.run, 0, 1).length) throw new Error('a history is too short')
    return true
  })
  for (const connection of connections) connection.close()
  return { values: { perSecond, cpuMs }, faults: ledger.faults, load }
}

export const history: Figure = {
  name: 'history-1000',
  measures: [
    measure('perSecond', 'history of 1,000, hot', 'requests/s', true),
    measure('cpuMs', 'history of 1,000, hot: CPU of a request', 'ms')
  ],
  run: async arena => await readHot(arena)
}

export const last50: Figure = {
  name: 'last-50',
  measures: [
    measure('perSecond', 'last 50, hot', 'requests/s', true),
    measure('cpuMs', 'last 50, hot: CPU of a request', 'ms')
  ],
  run: async arena => await readHot(arena, LAST)
}
