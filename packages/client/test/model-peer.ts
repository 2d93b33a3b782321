/** The model's side of a socket: cursors, acks and resumes, as docs/realtime.md has them. */
import type { ClientFrame, SendFrame, ServerFrame } from 'chat-protocol'
import { conversationOf, type Entry, type Outgoing } from '../src/index.js'
import type { Outcome } from './stored-log.js'
import type { Peer, Pipe, World } from './world.js'

/** Conversations that `resumed` lists. */
const RECENT = 50
/** Entries that a cursor sends at a time. */
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
  log (conversation: string): readonly Entry[]
  /** The clientId of a stored entry. */
  clientIdOf (entry: Entry): string
  inbox (user: string): Resumed['conversations']
  later (run: () => void): void
  append (
    frame: Outgoing, conversation: string, by: string, answer: (outcome: Outcome) => void, from?: ModelPeer
  ): void
}

interface Cursor {
  rev: number
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

  deliver (entry: Entry): void {
    this.send(this.#takeAck(entry) ?? entry)
  }

  /** The ack of an own entry that this socket waits for. */
  #takeAck (entry: Entry): ServerFrame | undefined {
    const { conversation, by } = headOf(entry)
    const clientId = this.#model.clientIdOf(entry)
    if (by !== this.user || !this.awaited.delete(conversation + clientId)) return undefined
    return ackOf(clientId, entry)
  }

  offer (entry: Entry, repeat = false): void {
    const { conversation, rev } = headOf(entry)
    const cursor = this.cursors.get(conversation)
    if (cursor === undefined) {
      if (repeat) {
        this.#restart(conversation, rev - 1)
        return
      }
      this.cursors.set(conversation, { rev, target: rev, running: false, restarts: 0 })
      return this.deliver(entry)
    }
    cursor.target = Math.max(cursor.target, rev)
    if (cursor.running || rev <= cursor.rev) return
    if (rev > cursor.rev + 1) {
      this.#run(conversation, cursor)
      return
    }
    cursor.rev = rev
    this.deliver(entry)
  }

  /** The cursor loop: a few entries at a time, with time between for everything else. */
  #run (conversation: string, cursor: Cursor): Promise<void> {
    const restarts = cursor.restarts
    cursor.running = true
    return new Promise(resolve => {
      const step = () => {
        if (cursor.restarts !== restarts) return resolve()
        for (const entry of this.#model.log(conversation).slice(cursor.rev, cursor.rev + PAGE)) {
          cursor.rev = headOf(entry).rev
          this.deliver(entry)
        }
        if (cursor.rev < cursor.target) {
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
    const cursor = this.cursors.get(conversation) ?? { rev: have, target: have, running: false, restarts: 0 }
    this.cursors.set(conversation, cursor)
    cursor.rev = have
    cursor.restarts++
    const log = this.#model.log(conversation)
    const lastRev = log.length
    if (lastRev - have > this.#model.resumeLimit || have > lastRev) {
      const lastSeq = log.filter(({ type }) => type === 'message').length
      this.send({ type: 'reset', conversation, lastSeq, lastRev })
      for (const entry of log) {
        const ack = this.#takeAck(entry)
        if (ack !== undefined) this.send(ack)
      }
      cursor.rev = lastRev
    }
    cursor.target = lastRev
    return this.#run(conversation, cursor)
  }

  receive (frame: ClientFrame): void {
    this.#model.received(this, frame)
    if (frame.type === 'ping') this.send({ type: 'pong' })
    if ('clientId' in frame) this.#append(frame)
    if (frame.type === 'resume') {
      if (this.#model.world.chance(this.#model.faults.refuse)) {
        this.send({ type: 'error', code: 'rate_limited', message: 'busy', path: 'have', retryAfterMs: 20 })
        return
      }
      this.#resuming = this.#resuming
        .then(() =>
          Promise.all(
            Object.entries(frame.have).map(([conversation, rev]) => this.#restart(conversation, rev))
          )
        )
        .then(() => {
          this.send({ type: 'resumed', conversations: this.#model.inbox(this.user).slice(0, RECENT) })
        })
    }
  }

  #append (frame: Outgoing): void {
    const { clientId } = frame
    const model = this.#model
    const conversation = frame.conversation ?? conversationOf(this.user, (frame as SendFrame).reciver!)
    const fail = (code: 'unavailable' | 'not_found' | 'forbidden' | 'conflict') => {
      this.awaited.delete(conversation + clientId)
      const retry = code === 'unavailable' ? { retryAfterMs: 20 } : {}
      this.send({ type: 'error', code, message: code, clientId, ...retry })
    }
    if (model.world.chance(model.faults.refuse)) return fail('unavailable')
    this.awaited.add(conversation + clientId)
    model.append(frame, conversation, this.user, outcome => {
      if (model.world.chance(model.faults.refuse)) return fail('unavailable')
      if ('code' in outcome) return fail(outcome.code)
      this.#answer(conversation, clientId, outcome)
    }, this)
  }

  #answer (conversation: string, clientId: string, outcome: Exclude<Outcome, { code: string }>): void {
    if ('message' in outcome) {
      this.awaited.delete(conversation + clientId)
      return this.send({ type: 'ack', clientId, message: outcome.message })
    }
    const { entry, repeat } = outcome
    const isBehind = (this.cursors.get(conversation)?.rev ?? 0) < headOf(entry).rev
    if (!repeat && isBehind) return this.offer(entry)
    if (this.awaited.delete(conversation + clientId)) this.send(ackOf(clientId, entry))
  }
}

/** The conversation, the rev and the author of an entry. */
function headOf (entry: Entry): { conversation: string, rev: number, by: string } {
  if (entry.type === 'change') return entry
  const { conversation, rev, sender } = entry.message
  return { conversation, rev, by: sender }
}

function ackOf (clientId: string, entry: Entry): ServerFrame {
  if (entry.type === 'message') return { type: 'ack', clientId, message: entry.message }
  const { type, ...change } = entry
  return { type: 'ack', clientId, change }
}
