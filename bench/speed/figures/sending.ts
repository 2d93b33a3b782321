/** How fast messages are sent, stored, answered and pushed to the receiver, as fast as answers come. */
import { randomBytes } from 'node:crypto'
import { addMessage, inParallel, openSockets, readHistory } from '../client.js'
import type { User } from '../chat-socket.js'
import { LANE_MESSAGES, LANES, measure, type Arena, type Figure, type Outcome } from '../figure.js'
import { flow } from '../flow.js'
import { HttpConnection } from '../http-client.js'
import { Ledger } from '../ledger.js'
import { textOf } from '../settings.js'

/** Messages of one socket that wait for their ack. */
const WINDOW = 8

type Send = (lane: number, from: User, to: User, text: string) => Promise<void>

/** Sends in all lanes, waits for the pushes and compares the stored conversations. */
async function sendAll (arena: Arena, ledger: Ledger, width: number, send: Send): Promise<Outcome> {
  const { running, settings } = arena
  const pairs = arena.newPairs()
  const seconds = settings.quick ? 1.5 : 4
  const { perSecond, cpuMs, load } = await flow(running, LANES * width, seconds, async n => {
    const lane = n % LANES
    if (ledger.sentIn(lane) >= LANE_MESSAGES) return false
    const [from, to] = pairs[lane]!
    await send(lane, from, to, textOf(ledger.run, lane, ledger.next(lane)))
    return true
  })
  await ledger.settle()
  await checkStored(arena, ledger, pairs)
  return { values: { perSecond, cpuMs }, faults: ledger.faults, load }
}

export async function checkStored (arena: Arena, ledger: Ledger, pairs: [User, User][]): Promise<void> {
  const connection = await HttpConnection.open(arena.running.origin)
  for (const [lane, [from, to]] of pairs.entries()) {
    ledger.checkStored(lane, (await readHistory(connection, from, to)).toString())
  }
  connection.close()
}

export const newLedger = () => new Ledger(randomBytes(4).toString('hex'))

export const httpSend: Figure = {
  name: 'http-send',
  measures: [
    measure('perSecond', 'HTTP send, stored and pushed', 'messages/s', true),
    measure('cpuMs', 'HTTP send: CPU of a message', 'ms')
  ],
  async run (arena) {
    const ledger = newLedger()
    await arena.listen(frame => ledger.received(frame))
    const connections = await inParallel(LANES, LANES, () => HttpConnection.open(arena.running.origin))
    const outcome = await sendAll(arena, ledger, 1, async (lane, from, to, text) => {
      await addMessage(connections[lane]!, from, to, text)
    })
    for (const connection of connections) connection.close()
    return outcome
  }
}

export const socketSend: Figure = {
  name: 'socket-send',
  measures: [
    measure('perSecond', 'socket send, stored, acknowledged and pushed', 'messages/s', true),
    measure('cpuMs', 'socket send: CPU of a message', 'ms')
  ],
  async run (arena) {
    const ledger = newLedger()
    await arena.listen(frame => ledger.received(frame))
    const sockets = await openSockets(arena.running, arena.senders)
    const outcome = await sendAll(arena, ledger, WINDOW, async (lane, _, to, text) => {
      await sockets[lane]!.send(to.id, text)
    })
    for (const socket of sockets) socket.close()
    arena.socketSpeed = outcome.values.perSecond
    return outcome
  }
}
