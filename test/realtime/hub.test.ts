import type { EntryDocument } from '../../src/database/documents.js'
import { messageDocument } from '../helper.js'
/** The hub with a bus of the test's own, and sockets that only keep what was sent. */
import { EventEmitter } from 'node:events'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import type { ServerFrame } from 'chat-protocol'
import { Membership } from '../../src/chat/membership.js'
import type { Topic } from '../../src/realtime/bus/bus.js'
import { MemoryBus } from '../../src/realtime/bus/memory-bus.js'
import { Hub } from '../../src/realtime/hub.js'
import { LogReads } from '../../src/realtime/log-reads.js'
import { Publisher } from '../../src/realtime/publisher.js'
import { conversationOf } from '../helper.js'
import { eventually } from './helper.js'

const ANNA = 'a'.repeat(24)
const BEN = 'b'.repeat(24)
const TALK = conversationOf(ANNA, BEN)

/** A bus whose subscriptions take as long as the test likes, and that doubts when the test says so. */
class TestBus extends MemoryBus {
  readonly topics: Topic[] = []
  doubt = () => {}
  subscribing: Promise<void> | undefined

  override subscribe (topic: Topic): undefined {
    super.subscribe(topic)
    this.topics.push(topic)
    return this.subscribing as undefined
  }

  override unsubscribe (topic: Topic): void {
    super.unsubscribe(topic)
    this.topics.splice(this.topics.indexOf(topic))
  }

  override onDoubt (listener: () => void): void {
    this.doubt = listener
  }
}

class FakeSocket extends EventEmitter {
  readonly frames: ServerFrame[] = []
  readonly bufferedAmount = 0

  get types (): string[] {
    return this.frames.map(({ type }) => type)
  }

  send (data: Buffer): void {
    this.frames.push(JSON.parse(data.toString()) as ServerFrame)
  }

  close (): void {
    this.emit('close')
  }

  terminate (): void {
    this.emit('close')
  }

  pause (): void {}
  resume (): void {}
}

const HELLO = {
  heartbeatMs: 60_000,
  limits: { frameBytes: 1, messageChars: 1, ratePerSecond: 1, resumeConversations: 1 }
}

const LIMITS = {
  sockets: 0,
  socketsPerUser: 0,
  queueBytes: 10_000,
  badFrames: 10,
  maxCursors: 0,
  resumeLimit: 10,
  heartbeatMs: 60_000,
  pongMs: 60_000
}

const message = (seq: number): EntryDocument => messageDocument(ANNA, BEN, 'hello', seq)

/** Reads of a log that has these messages. */
function readsOf (membership: Membership, log: EntryDocument[]): LogReads {
  return new LogReads({
    log: {
      entries: async (_conversation, after) => ({ items: log.slice(after), bytes: 0, hasMore: false }),
      end: async () => ({ rev: log.length, top: log.length }),
      known: () => undefined
    },
    repository: { lastRevUntil: async () => 0 },
    membership,
    conversations: { recent: async () => [] },
    pageBytes: 1000,
    onPage: () => {}
  })
}

/** A hub on a log that has these messages. */
function build (t: Test, bus: MemoryBus, log: EntryDocument[]) {
  const membership = new Membership(true)
  const hub = new Hub({
    bus,
    membership,
    reads: readsOf(membership, log),
    sessions: { openAmong: async ids => new Set(ids) },
    conversations: { since: async () => [{ _id: TALK, lastRev: log.length, changedAt: new Date() }] },
    hello: HELLO,
    limits: LIMITS,
    log: { warn: () => {} }
  })
  t.teardown(async () => {
    await hub.close(async () => {})
  })
  function open (user: string): FakeSocket {
    const socket = new FakeSocket()
    hub.open(socket as unknown as WebSocket, { user, session: `session of ${user}` })
    return socket
  }
  return {
    open,
    publisher: new Publisher({
      bus,
      membership,
      onFanOut: () => {},
      onError: error => {
        throw error
      }
    })
  }
}

t.test('a user is subscribed from the first socket to the last', async t => {
  const bus = new TestBus(true)
  const { open } = build(t, bus, [])
  const [first, second] = [open(ANNA), open(ANNA)]
  t.strictSame([...new Set(bus.topics)], [`user:${ANNA}`])
  first.close()
  t.strictSame([...new Set(bus.topics)], [`user:${ANNA}`])
  second.close()
  t.strictSame(bus.topics, [])
})

t.test('hello waits for the subscription', async t => {
  const bus = new TestBus(true)
  let subscribed!: () => void
  bus.subscribing = new Promise(resolve => {
    subscribed = resolve
  })
  const { open } = build(t, bus, [])
  const socket = open(ANNA)
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  t.strictSame(socket.types, [])
  subscribed()
  await eventually(() => socket.types.includes('hello'))
})

t.test('a doubt of the bus brings what was not published, once and in order', async t => {
  const bus = new TestBus(false)
  const log: EntryDocument[] = []
  const { open, publisher } = build(t, bus, log)
  const socket = open(BEN)
  await eventually(() => socket.types.includes('hello'))
  log.push(message(1), message(2))
  bus.doubt()
  await eventually(() => socket.frames.length >= 3)
  log.push(message(3))
  publisher.stored(message(3), false)
  await eventually(() => socket.frames.length >= 4)
  const seqs = socket.frames.flatMap(frame => (frame.type === 'message' ? [frame.message.seq] : []))
  t.strictSame(seqs, [1, 2, 3])
})

t.test('everything for the sockets of a user comes over the bus', async t => {
  const { open, publisher } = build(t, new MemoryBus(true), [])
  const [anna, ben] = [open(ANNA), open(BEN)]
  publisher.stored(message(1), false)
  publisher.receipt({ conversation: TALK, user: BEN, delivered: 1, read: 0 })
  publisher.typing(TALK, ANNA, true, 'a socket')
  t.strictSame(anna.types, ['hello', 'message', 'receipt'])
  t.strictSame(ben.types, ['hello', 'message', 'receipt', 'typing'])
  let closed = false
  anna.on('close', () => {
    closed = true
  })
  publisher.sessionEnded({ user: ANNA, session: `session of ${ANNA}` })
  t.ok(closed)
})
