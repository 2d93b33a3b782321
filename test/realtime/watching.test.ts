import { Collection } from 'mongodb'
import t from 'tap'
import {
  connect, listen,
  register
} from '../helper.js'
import { eventually } from './helper.js'

const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 100 })
const [anna, ben] = await Promise.all([register(app), register(app)])
const watcher = await connect(t, origin, anna)

t.test('watch tells of each user now and at each change; several devices are one person', async t => {
  watcher.send({ type: 'watch', users: [ben.id] })
  t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: false })
  const laptop = await connect(t, origin, ben)
  t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: true })
  const phone = await connect(t, origin, ben)
  await laptop.close()
  await watcher.roundTrip()
  await phone.close()
  const left = await watcher.next('presence')
  t.match(left, { user: ben.id, online: false, lastSeen: /^\d{4}-/ })
  t.equal(watcher.all('presence').length, 3)
  await eventually(() => app.presence.gauges().leaving === 0)
})

t.test('lastSeen is remembered', async t => {
  const lastSeen = watcher.all('presence').at(-1)!.lastSeen
  await eventually(() => app.presence.gauges().leaving === 0)
  watcher.send({ type: 'watch', users: [ben.id] })
  t.same(await watcher.next('presence'), { type: 'presence', user: ben.id, online: false, lastSeen })
})

t.test(
  'offline is announced only once lastSeen is stored',
  async t => {
    const phone = await connect(t, origin, ben)
    t.match(await watcher.next('presence'), { user: ben.id, online: true })
    const { updateOne } = Collection.prototype
    let store: (() => void) | undefined
    const held = new Promise<void>(resolve => {
      store = resolve
    })
    const reached = new Promise<void>(resolve => {
      Collection.prototype.updateOne = async function (...args) {
        if (args[1] !== undefined && '$max' in args[1] && 'lastSeenAt' in (args[1].$max as object)) {
          resolve()
          await held
        }
        return await updateOne.apply(this, args)
      }
    })
    t.teardown(() => {
      Collection.prototype.updateOne = updateOne
    })
    await phone.close()
    await reached
    watcher.send({ type: 'watch', users: [ben.id] })
    t.match(await watcher.next('presence'), { user: ben.id, online: true }, 'still')
    store!()
    const left = await watcher.next('presence')
    t.match(left, { user: ben.id, online: false, lastSeen: /^\d{4}-/ })
    watcher.send({ type: 'watch', users: [ben.id] })
    t.same(await watcher.next('presence'), left)
  }
)

t.test('a reconnect within the grace time makes no offline/online pair', async t => {
  const { app, origin } = await listen(t, { PRESENCE_GRACE_MS: 60_000 })
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const watcher = await connect(t, origin, anna)
  const first = await connect(t, origin, ben)
  watcher.send({ type: 'watch', users: [ben.id] })
  await watcher.next('presence')
  await first.close()
  await eventually(() => app.presence.gauges().leaving === 1)
  const second = await connect(t, origin, ben)
  await second.roundTrip()
  await watcher.roundTrip()
  t.equal(watcher.all('presence').length, 1)
  t.equal(app.presence.gauges().leaving, 0)
})

t.test('a new list replaces the old one', async t => {
  const carl = await register(app)
  watcher.send({ type: 'watch', users: [carl.id] })
  await watcher.next('presence')
  await (await connect(t, origin, ben)).roundTrip()
  await connect(t, origin, carl)
  t.match(await watcher.next('presence'), { user: carl.id, online: true })
})
