/** The model's side of a socket: cursors, acks and resumes, as docs/realtime.md has them. */
import type { ClientFrame, Message, ServerFrame } from 'chat-protocol'
import { conversationOf } from '../src/index.js'
import type { Peer, Pipe, World } from './world.js'

/** Conversations that `resumed` lists. */
const RECENT = 50
/** Messages that a cursor sends at a time. */
const PAGE = 3

export interface Faults {
  /** chance that a send is refused for a while, before or after it was stored */
  refuse: number
  /** chance that the publication to a socket is lost */
  lose: number
  /** chance that an HTTP request fails */
  http: number
}

type Resumed = Extract<ServerFrame, { type: 'resumed' }>

/** What a socket needs of its server. */
export interface ModelServer {
  readonly world: World
  readonly faults: Faults
  readonly peers: Set<ModelPeer>
  readonly resumeLimit: number
  readonly received: (peer: ModelPeer, frame: ClientFrame) => void
  log (conversation: string): Message[]
  inbox (user: string): Resumed['conversations']
  later (run: () => void): void
  append (
    conversation: string, sender: string, reciver: string, text: string, clientId: string,
    answer: (message: Message, repeat: boolean) => void, from?: ModelPeer
  ): void
}

interface Cursor {
  seq: number
  target: number
  running: boolean
  restarts: number
}

/** One socket of the model. */
export class ModelPeer implements Peer {
  readonly cursors = new Map<string, Cursor>()
  readonly awaited = new Set<string>()
  #resuming = Promise.resolve()
  readonly #model: ModelServer

  constructor (
    model: ModelServer,
    readonly pipe: Pipe,
    readonly user: string
  ) {
    this.#model = model
  }

  gone (): void {
    this.#model.peers.delete(this)
  }

  send (frame: ServerFrame): void {
    this.pipe.down(frame)
  }

  deliver (message: Message): void {
    const awaited =
      message.sender === this.user && this.awaited.delete(message.conversation + message.clientId)
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
      this.send({ type: 'reset', conversation, lastSeq, lastRev: lastSeq })
      for (const message of this.#model.log(conversation)) {
        if (this.awaited.has(conversation + message.clientId)) this.deliver(message)
      }
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
      this.#resuming = this.#resuming
        .then(() =>
          Promise.all(
            Object.entries(frame.have).map(([conversation, seq]) => this.#restart(conversation, seq))
          )
        )
        .then(() => {
          this.send({ type: 'resumed', conversations: this.#model.inbox(this.user).slice(0, RECENT) })
        })
    }
  }

  #append ({ clientId, reciver, message: text }: Extract<ClientFrame, { type: 'send' }>): void {
    if (reciver === undefined) throw new Error('the model has no groups')
    const model = this.#model
    const conversation = conversationOf(this.user, reciver)
    const refuse = () =>
      this.send({ type: 'error', code: 'unavailable', message: 'busy', clientId, retryAfterMs: 20 })
    if (model.world.chance(model.faults.refuse)) return refuse()
    this.awaited.add(conversation + clientId)
    model.append(
      conversation,
      this.user,
      reciver,
      text,
      clientId,
      (message, repeat) => {
        if (model.world.chance(model.faults.refuse)) {
          this.awaited.delete(conversation + clientId)
          refuse()
        } else if (repeat) {
          this.awaited.delete(conversation + clientId)
          this.send({ type: 'ack', clientId, message })
        } else if (
          (this.cursors.get(conversation)?.seq ?? 0) >= message.seq &&
          this.awaited.delete(conversation + clientId)
        ) {
          this.send({ type: 'ack', clientId, message })
        } else {
          this.offer(message)
        }
      },
      this
    )
  }
}
