/**
 * A model of the server for the client's tests: chat.v1 as docs/realtime.md has it, in memory, with the
 * faults of a real one: stored and not answered, refused for a while, publications lost, processes killed.
 * Written from that page, not from the server, so that it checks the page's promises are enough.
 */
import { randomUUID } from 'node:crypto'
import type { ClientFrame, Message, ServerFrame } from 'chat-protocol'
import { conversationOf, type ChatClientOptions } from '../src/index.js'
import { fakeFetch, socketClass, type Peer, type Pipe, type World } from './world.js'

export interface Faults {
  /** chance that a send is refused for a while, before or after it was stored */
  refuse: number
  /** chance that the publication to a socket is lost */
  lose: number
  /** chance that an HTTP request fails */
  http: number
}

export const userId = (n: number): string => n.toString(16).padStart(24, '0')
const RECENT = 50
const PAGE = 3

interface Cursor { seq: number, target: number, running: boolean, restarts: number }

class ModelPeer implements Peer {
  readonly cursors = new Map<string, Cursor>()
  readonly awaited = new Set<string>()
  #resuming = Promise.resolve()
  readonly #model: Model

  constructor (model: Model, readonly pipe: Pipe, readonly user: string) {
    this.#model = model
  }

  gone (): void { this.#model.peers.delete(this) }

  send (frame: ServerFrame): void { this.pipe.down(frame) }

  deliver (message: Message): void {
    const awaited = message.sender === this.user && this.awaited.delete(message.conversation + message.clientId)
    this.send(awaited ? { type: 'ack', clientId: message.clientId!, message } : { type: 'message', message })
  }

  offer (message: Message, repeat = false): void {
    const { conversation, seq } = message
    const cursor = this.cursors.get(conversation)
    if (cursor === undefined) {
      if (repeat) {
        this.#restart(conversation, seq - 1)
        return
      }
      this.cursors.set(conversation, { seq, target: seq, running: false, restarts: 0 })
      return this.deliver(message)
    }
    cursor.target = Math.max(cursor.target, seq)
    if (cursor.running || seq <= cursor.seq) return
    if (seq > cursor.seq + 1) {
      this.#run(conversation, cursor)
      return
    }
    cursor.seq = seq
    this.deliver(message)
  }

  /** The cursor loop: a few messages at a time, with time between for everything else. */
  #run (conversation: string, cursor: Cursor): Promise<void> {
    const restarts = cursor.restarts
    cursor.running = true
    return new Promise(resolve => {
      const step = () => {
        if (cursor.restarts !== restarts) return resolve()
        for (const message of this.#model.log(conversation).slice(cursor.seq, cursor.seq + PAGE)) {
          cursor.seq = message.seq
          this.deliver(message)
        }
        if (cursor.seq < cursor.target) {
          this.#model.later(step)
          return
        }
        cursor.running = false
        resolve()
      }
      this.#model.later(step)
    })
  }

  #restart (conversation: string, have: number): Promise<void> {
    const cursor = this.cursors.get(conversation) ?? { seq: have, target: have, running: false, restarts: 0 }
    this.cursors.set(conversation, cursor)
    cursor.seq = have
    cursor.restarts++
    const lastSeq = this.#model.log(conversation).length
    if (lastSeq - have > this.#model.resumeLimit || have > lastSeq) {
      this.send({ type: 'reset', conversation, lastSeq })
      for (const message of this.#model.log(conversation)) if (this.awaited.has(conversation + message.clientId)) this.deliver(message)
      cursor.seq = lastSeq
    }
    cursor.target = lastSeq
    return this.#run(conversation, cursor)
  }

  receive (frame: ClientFrame): void {
    this.#model.received(this, frame)
    if (frame.type === 'ping') this.send({ type: 'pong' })
    if (frame.type === 'send') this.#append(frame)
    if (frame.type === 'resume') {
      if (this.#model.world.chance(this.#model.faults.refuse)) {
        this.send({ type: 'error', code: 'rate_limited', message: 'busy', path: 'have', retryAfterMs: 20 })
        return
      }
      this.#resuming = this.#resuming.then(() => Promise.all(Object.entries(frame.have).map(([conversation, seq]) => this.#restart(conversation, seq)))).then(() => {
        this.send({ type: 'resumed', conversations: this.#model.inbox(this.user).slice(0, RECENT) })
      })
    }
  }

  #append ({ clientId, reciver, message: text }: Extract<ClientFrame, { type: 'send' }>): void {
    const model = this.#model
    const conversation = conversationOf(this.user, reciver)
    const refuse = () => this.send({ type: 'error', code: 'unavailable', message: 'busy', clientId, retryAfterMs: 20 })
    if (model.world.chance(model.faults.refuse)) return refuse()
    this.awaited.add(conversation + clientId)
    model.append(conversation, this.user, reciver, text, clientId, (message, repeat) => {
      if (model.world.chance(model.faults.refuse)) {
        this.awaited.delete(conversation + clientId)
        refuse()
      } else if (repeat) {
        this.awaited.delete(conversation + clientId)
        this.send({ type: 'ack', clientId, message })
      } else if ((this.cursors.get(conversation)?.seq ?? 0) >= message.seq && this.awaited.delete(conversation + clientId)) {
        this.send({ type: 'ack', clientId, message })
      } else {
        this.offer(message)
      }
    }, this)
  }
}

export class Model {
  readonly peers = new Set<ModelPeer>()
  readonly received: (peer: ModelPeer, frame: ClientFrame) => void = () => {}
  readonly #logs = new Map<string, Message[]>()
  readonly #lastAt = new Map<string, number>()
  readonly #writing = new Map<string, number>()
  #epoch = 0
  #stores = 0
  limits = { frameBytes: 4096, messageChars: 100, ratePerSecond: 0, resumeConversations: 9 }

  constructor (readonly world: World, readonly faults: Faults = { refuse: 0, lose: 0, http: 0 }, readonly resumeLimit = 12) {}

  log (conversation: string): Message[] { return this.#logs.get(conversation) ?? [] }
  conversations (): string[] { return [...this.#logs.keys()] }

  /** Newest first. */
  inbox (user: string) {
    return [...this.#logs].filter(([id]) => id.split(':').includes(user)).sort(([a], [b]) => this.#lastAt.get(b)! - this.#lastAt.get(a)!)
      .map(([id, log]) => ({ id, user: id.split(':').find(member => member !== user) ?? user, lastSeq: log.length, read: 0, delivered: 0 }))
  }

  later (run: () => void): void { this.world.setTimeout(run, this.world.below(15)) }

  /**
   * Stores a message some time later, those of a conversation in their order, tells the writer, and publishes
   * it. Lost if the process is killed before.
   */
  append (conversation: string, sender: string, reciver: string, text: string, clientId: string, answer: (message: Message, repeat: boolean) => void, from?: ModelPeer): void {
    const epoch = this.#epoch
    const at = Math.max(this.#writing.get(conversation) ?? 0, this.world.now() + this.world.below(15))
    this.#writing.set(conversation, at)
    this.world.setTimeout(() => {
      if (epoch !== this.#epoch) return
      const log = this.log(conversation)
      const known = log.find(message => message.sender === sender && message.clientId === clientId)
      const message = known ?? {
        _id: userId(++this.#stores), conversation, seq: log.length + 1, message: text, sender, reciver, createdAt: new Date(this.world.now()).toISOString(), clientId
      }
      if (known === undefined) this.#logs.set(conversation, [...log, message])
      this.#lastAt.set(conversation, this.world.now() + this.#stores / 1e6)
      answer(message, known !== undefined)
      for (const peer of this.peers) {
        if (peer !== from && (peer.user === sender || peer.user === reciver) && !this.world.chance(this.faults.lose)) peer.offer(message, known !== undefined)
      }
    }, at - this.world.now())
  }

  /** Somebody without a socket writes. */
  say (sender: string, reciver: string, text: string): void { this.append(conversationOf(sender, reciver), sender, reciver, text, randomUUID(), () => {}) }

  /** The process is killed: all sockets break, what was not stored is gone. */
  kill (): void {
    this.#epoch++
    for (const { pipe } of [...this.peers]) pipe.cut()
  }

  /** What each process does every heartbeat: the last numbers are compared. */
  recheck (): void {
    for (const peer of this.peers) {
      for (const { id } of this.inbox(peer.user)) peer.offer(this.log(id).at(-1)!)
    }
  }

  /** What connects a client of this user to the model. */
  options (user: string): Pick<ChatClientOptions, 'url' | 'token' | 'WebSocket' | 'fetch' | 'clock' | 'random'> {
    const { world } = this
    return {
      url: 'http://model.test',
      token: user,
      clock: world,
      random: world.random,
      WebSocket: socketClass(world, (pipe, protocols) => {
        const peer = new ModelPeer(this, pipe, protocols[1]!.replace('bearer.', ''))
        this.peers.add(peer)
        peer.send({ type: 'hello', user: peer.user, session: 's', heartbeatMs: 25_000, limits: this.limits, now: new Date(world.now()).toISOString() })
        return peer
      }),
      fetch: fakeFetch(world, (path, query, token) => {
        if (world.chance(this.faults.http)) return world.chance(0.5) ? undefined : { status: 503, body: {} }
        if (path.endsWith('/getallmessages')) {
          const after = Number(query.get('after'))
          const rest = this.log(conversationOf(query.get('sender')!, query.get('reciver')!)).slice(after)
          return { status: 200, body: { data: rest.slice(0, 5), hasMore: rest.length > 5 } }
        }
        if (path.endsWith('/conversations')) {
          const before = Number(query.get('after') ?? Infinity)
          const rest = this.inbox(token).filter(({ id }) => this.#lastAt.get(id)! < before)
          return { status: 200, body: { data: rest.slice(0, 20), ...rest.length > 20 ? { next: String(this.#lastAt.get(rest[19]!.id)) } : {} } }
        }
        return { status: 200, body: {} }
      })
    }
  }
}
