import t, { type Test } from 'tap'
import type { Connection } from '../../src/realtime/connection.js'
import { connect, listen, register } from '../helper.js'
import { eventually } from '../realtime/helper.js'

/** Steps of all iterators over maps while `run` runs. */
function mapSteps (run: () => void): number {
  const prototype = Object.getPrototypeOf(new Map().entries()) as { next: () => IteratorResult<unknown> }
  const { next } = prototype
  let steps = 0
  prototype.next = function () {
    steps++
    return next.call(this)
  }
  try {
    run()
  } finally {
    prototype.next = next
  }
  return steps
}

/** The application, and the server's ends of its sockets in the order in which they were opened. */
async function withConnections (t: Test) {
  const { app, origin } = await listen(t, { TYPING_MS: 600_000, PRESENCE_GRACE_MS: 0 })
  const connections: Connection[] = []
  const open = app.realtime.open.bind(app.realtime)
  app.realtime.open = (...args) => {
    const connection = open(...args)
    connections.push(connection)
    return connection
  }
  return { app, origin, connections }
}

t.test('closing a socket looks only at its own typing', async t => {
  const { app, origin, connections } = await withConnections(t)
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
  const socket = await connect(t, origin, anna)
  socket.send({ type: 'typing', reciver: carl.id, on: true })
  await eventually(() => app.presence.gauges().typing === 1)
  for (let n = 0; n < 500; n++) {
    app.presence.typing({ id: `${n}`, user: ben.id, closed: false } as Connection, carl.id, true)
  }
  const steps = mapSteps(() => {
    connections[0]!.close(1000, '')
  })
  t.equal(app.presence.gauges().typing, 500, 'its own has ended')
  t.ok(steps < 10, `${steps} entries of maps were looked at`)
})

t.test('a socket types to 10 people at most: another one ends the first', async t => {
  const { app, origin } = await withConnections(t)
  const [anna, ...others] = await Promise.all(Array.from({ length: 13 }, () => register(app)))
  const [socket, first] = [await connect(t, origin, anna!), await connect(t, origin, others[0]!)]
  socket.send({ type: 'typing', reciver: others[0]!.id, on: true })
  // Receivers are looked up side by side: the others come later only if this one has come.
  t.match(await first.next('typing'), { user: anna!.id, on: true })
  for (const { id } of others.slice(1)) socket.send({ type: 'typing', reciver: id, on: true })
  t.match(await first.next('typing'), { user: anna!.id, on: false })
  await eventually(() => app.presence.gauges().typing === 10)
  socket.send({ type: 'typing', reciver: others[11]!.id, on: true })
  await socket.roundTrip()
  t.equal(app.presence.gauges().typing, 10, 'repeating one ends no other')
})

t.test('a socket that closed while the receiver was looked up types to nobody', async t => {
  const { app, origin, connections } = await withConnections(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const socket = await connect(t, origin, anna)
  let found: (() => void) | undefined
  app.accounts.exists = async () => {
    await new Promise<void>(resolve => {
      found = resolve
    })
    return true
  }
  socket.send({ type: 'typing', reciver: ben.id, on: true })
  await eventually(() => found !== undefined)
  connections[0]!.close(1000, '')
  found!()
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  t.equal(app.presence.gauges().typing, 0)
})
