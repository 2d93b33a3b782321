/** What every bus must do. A further implementation joins BUSES. */
import { randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { once, EventEmitter } from 'node:events'
import t, { type Test } from 'tap'
import { userOf, userTopic, type Bus, type BusMessage, type Topic } from '../../../src/realtime/bus/bus.js'
import type { FromBroker } from '../../../src/realtime/bus/broker-messages.js'
import { Broker } from '../../../src/realtime/bus/broker.js'
import { createBus } from '../../../src/realtime/bus/create-bus.js'
import { IpcBus } from '../../../src/realtime/bus/ipc-bus.js'
import { MemoryBus } from '../../../src/realtime/bus/memory-bus.js'
import { RedisBus } from '../../../src/realtime/bus/redis-bus.js'
import { FramedEntry } from '../../../src/realtime/framed-entry.js'
import { messageDocument } from '../../helper.js'
import { redisMissing, startRedis, type RedisProcess } from '../../redis.js'

const missing = redisMissing()
const log = { warn: () => {}, info: () => {} }
const redis = missing === undefined ? await startRedis(t) : undefined
const cluster = missing === undefined ? await startCluster() : undefined

/** A cluster of one node that has all slots. */
async function startCluster (): Promise<string> {
  const node = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  const cli = (...args: string[]) =>
    spawnSync('redis-cli', ['-p', String(node.port), ...args]).stdout.toString()
  cli('cluster', 'addslotsrange', '0', '16383')
  while (!cli('cluster', 'info').includes('cluster_state:ok')) {
    await new Promise(resolve => setImmediate(resolve))
  }
  return `redis+cluster://127.0.0.1:${node.port}`
}

async function redisBus (
  t: Test,
  url: string,
  prefix = `${randomBytes(4).toString('hex')}:`
): Promise<RedisBus> {
  const bus = new RedisBus({ url, prefix, log })
  t.teardown(() => bus.close())
  await bus.start()
  return bus
}

/** The bus of a worker of this broker. The messages are copied as Node's IPC does it. */
function ipcBus (t: Test, broker: Broker): IpcBus {
  const heard: ((message: FromBroker) => void)[] = []
  const hearAll = (message: FromBroker) => heard.forEach(hear => hear(message))
  const member = broker.join(async message => await copied(message, hearAll))
  const bus = new IpcBus({
    send: async message => await copied(message, copy => member.receive(copy)),
    onMessage: listener => { heard.push(listener) }
  }, log)
  t.teardown(() => bus.close())
  return bus
}

async function copied<T> (message: T, take: (copy: T) => unknown): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  take(JSON.parse(JSON.stringify(message)))
}

const BUSES: Record<string, (t: Test) => Promise<Bus>> = {
  memory: async () => new MemoryBus(true),
  workers: async t => ipcBus(t, new Broker()),
  ...(redis === undefined ? {} : { redis: t => redisBus(t, redis.url) }),
  ...(cluster === undefined ? {} : { 'redis cluster': t => redisBus(t, cluster) })
}
if (missing !== undefined) t.comment(missing)

const typing = (user: string): BusMessage => ({
  type: 'notice',
  frame: { type: 'typing', conversation: 'c', user, on: true },
  exceptSocket: ''
})

for (const [name, create] of Object.entries(BUSES)) {
  t.test(
    `${name}: delivers what was subscribed to, by type, in order, in the turn of the publication`,
    async t => {
      const bus = await create(t)
      const heard: [BusMessage, Topic][] = []
      bus.onMessage('notice', (message, topic) => {
        heard.push([message, topic])
      })
      bus.onMessage('receipt', () => {
        t.fail('this was not published')
      })
      await bus.subscribe(userTopic('anna'))
      bus.publish(userTopic('anna'), typing('ben'))
      bus.publish(userTopic('carl'), typing('ben'))
      bus.publish(userTopic('anna'), typing('dora'))
      t.strictSame(heard, [
        [typing('ben'), 'user:anna'],
        [typing('dora'), 'user:anna']
      ])
    }
  )

  t.test(`${name}: two subscriptions of a topic deliver once, and one unsubscribe ends them`, async t => {
    const bus = await create(t)
    let heard = 0
    bus.onMessage('notice', () => {
      heard++
    })
    await bus.subscribe(userTopic('anna'))
    await bus.subscribe(userTopic('anna'))
    bus.publish(userTopic('anna'), typing('ben'))
    t.equal(heard, 1)
    bus.unsubscribe(userTopic('anna'))
    bus.publish(userTopic('anna'), typing('ben'))
    t.equal(heard, 1)
  })
}

/** Collects the messages of a bus, and waits for them. */
function ears (bus: Bus, type: BusMessage['type'] = 'notice') {
  const heard: BusMessage[] = []
  const events = new EventEmitter()
  bus.onMessage(type, message => {
    heard.push(message)
    events.emit('heard')
  })
  return {
    heard,
    async count (count: number) {
      while (heard.length < count) await once(events, 'heard')
    }
  }
}

/** Two processes on one server. */
async function pair (t: Test, url: string): Promise<[RedisBus, RedisBus]> {
  const prefix = `${randomBytes(4).toString('hex')}:`
  return [await redisBus(t, url, prefix), await redisBus(t, url, prefix)]
}

const PAIRS: Record<string, (t: Test) => Promise<[Bus, Bus]>> = {
  workers: async t => {
    const broker = new Broker()
    return [ipcBus(t, broker), ipcBus(t, broker)]
  },
  ...(redis === undefined ? {} : { redis: t => pair(t, redis.url) }),
  ...(cluster === undefined ? {} : { 'redis cluster': t => pair(t, cluster) })
}

for (const [name, create] of Object.entries(PAIRS)) {
  t.test(`${name}: a message reaches the other process once, and the own one once`, async t => {
    const [one, two] = await create(t)
    const [own, other] = [ears(one), ears(two)]
    await Promise.all([one.subscribe(userTopic('anna')), two.subscribe(userTopic('anna'))])
    for (const user of ['ben', 'carl', 'dora']) one.publish(userTopic('anna'), typing(user))
    await other.count(3)
    two.publish(userTopic('anna'), typing('emil'))
    await own.count(4)
    t.strictSame(other.heard, ['ben', 'carl', 'dora', 'emil'].map(typing))
    t.strictSame(own.heard, other.heard)
  })

  t.test(`${name}: an entry arrives as it was stored; of one above 8 KiB only its number`, async t => {
    const [one, two] = await create(t)
    const { heard, count } = ears(two, 'entry')
    await two.subscribe(userTopic('anna'))
    const [small, large] = [
      messageDocument('a', 'b', 'é', 1),
      messageDocument('a', 'b', 'é'.repeat(4_096), 2)
    ]
    for (const entry of [small, large]) {
      const { conversation, rev } = entry
      one.publish(userTopic('anna'), { type: 'entry', conversation, rev, entry: new FramedEntry(entry) })
    }
    await count(2)
    t.match(heard[0], { rev: 1, elsewhere: true })
    t.strictSame((heard[0] as { entry: FramedEntry }).entry.entry, small)
    t.strictSame(heard[1], { type: 'entry', conversation: large.conversation, rev: 2, elsewhere: true })
  })

  t.test(`${name}: knows which users have sockets in other processes`, async t => {
    const [one, two] = await create(t)
    t.strictSame(await one.registry!.enter(['anna']), new Set())
    t.strictSame(await two.registry!.enter(['anna', 'ben']), new Set(['anna']))
    t.strictSame(await one.registry!.online(['anna', 'ben', 'carl']), new Set(['anna', 'ben']))
    t.equal(await two.registry!.leave('anna'), true)
    t.equal(await one.registry!.leave('anna'), false)
    t.strictSame(await two.registry!.online(['anna', 'ben']), new Set(['ben']))
  })
}

async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test(
  'after a restart of Redis the heads of what was stored meanwhile are announced',
  { skip: missing ?? false },
  async t => {
    const server: RedisProcess = await startRedis(t)
    const [one, two] = await pair(t, server.url)
    const { heard, count } = ears(two, 'entry')
    let doubts = 0
    two.onDoubt(() => {
      doubts++
    })
    await two.subscribe(userTopic('anna'))
    await server.kill()
    await until(() => one.state === 'away' && two.state === 'away')
    for (const rev of [1, 2, 3]) {
      const entry = messageDocument('a', 'b', 'x', rev)
      one.publish(userTopic('anna'), {
        type: 'entry',
        conversation: entry.conversation,
        rev,
        entry: new FramedEntry(entry)
      })
    }
    t.equal(one.waiting, 1, 'one number for each topic and conversation')
    await server.restart()
    await until(() => one.state === 'well' && two.state === 'well' && doubts > 0)
    await Promise.race([count(1), until(() => one.waiting === 0)])
    // The other process may subscribe again after the announcement: then its doubt brings the number.
    for (const message of heard) t.match(message, { type: 'entry', rev: 3 })
    one.publish(userTopic('anna'), typing('ben'))
  }
)

t.test('the start fails in one line where Redis does not answer', async t => {
  const config = { MONGODB_URL: 'mongodb://localhost', REDIS_URL: 'redis://127.0.0.1:1', REDIS_PREFIX: '' }
  await t.rejects(createBus(config, log), { message: /^Redis \(REDIS_URL\).*ECONNREFUSED[^\n]*$/ })
})

t.test('the memory bus subscribes in the same turn', async t => {
  t.equal(new MemoryBus(true).subscribe(userTopic('anna')), undefined)
})

t.test('a process with the embedded database is alone; with MONGODB_URL others may write', async t => {
  const config = { REDIS_URL: '', REDIS_PREFIX: '' }
  t.equal((await createBus({ ...config, MONGODB_URL: '' }, log)).alone, true)
  t.equal((await createBus({ ...config, MONGODB_URL: 'mongodb://localhost' }, log)).alone, false)
})

t.test('a topic names its user', async t => {
  t.equal(userOf(userTopic('anna')), 'anna')
})
