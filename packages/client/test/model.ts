/**
 * A model of the server for the client's tests: chat.v1 as docs/realtime.md has it, in memory, with the
 * faults of a real one: stored and not answered, refused for a while, publications lost, processes killed.
 * Written from that page, not from the server, so that it checks the page's promises are enough.
 */
import { randomUUID } from 'node:crypto'
import type { ClientFrame, Message } from 'chat-protocol'
import { conversationOf, type ChatClientOptions, type Entry, type Outgoing } from '../src/index.js'
import { ModelPeer, type Faults, type ModelServer } from './model-peer.js'
import { StoredLog, type Outcome } from './stored-log.js'
import { fakeFetch, socketClass, type Answer, type Pipe, type World } from './world.js'

export const userId = (n: number): string => n.toString(16).padStart(24, '0')

export class Model implements ModelServer {
  readonly peers = new Set<ModelPeer>()
  readonly received: (peer: ModelPeer, frame: ClientFrame) => void = () => {}
  readonly #logs = new Map<string, StoredLog>()
  readonly #lastAt = new Map<string, number>()
  readonly #writing = new Map<string, number>()
  #epoch = 0
  #stores = 0
  limits = { frameBytes: 4096, messageChars: 100, ratePerSecond: 0, resumeConversations: 9 }

  constructor (
    readonly world: World,
    readonly faults: Faults = { refuse: 0, lose: 0, http: 0 },
    readonly resumeLimit = 12
  ) {}

  log (conversation: string): readonly Entry[] {
    return this.#logs.get(conversation)?.entries ?? []
  }

  clientIdOf (entry: Entry): string {
    const { conversation, rev } = entry.type === 'message' ? entry.message : entry
    return this.#logs.get(conversation)!.clientIds[rev - 1]!
  }

  messages (conversation: string): Message[] {
    return this.#logs.get(conversation)?.messages ?? []
  }

  /** The present state of the messages. */
  state (conversation: string): readonly Message[] {
    return this.#logs.get(conversation)?.state ?? []
  }

  /** Requests of a user that are stored. */
  countOf (user: string): number {
    return [...this.#logs.values()].reduce((sum, log) => sum + log.countOf(user), 0)
  }

  conversations (): string[] {
    return [...this.#logs.keys()]
  }

  /** Newest first. */
  inbox (user: string) {
    return [...this.#logs]
      .filter(([id]) => id.split(':').includes(user))
      .sort(([a], [b]) => this.#lastAt.get(b)! - this.#lastAt.get(a)!)
      .map(([id, log]) => ({
        id,
        kind: 'direct' as const,
        user: id.split(':').find(member => member !== user) ?? user,
        lastSeq: log.messages.length,
        lastRev: log.entries.length,
        read: 0,
        delivered: 0
      }))
  }

  later (run: () => void): void {
    this.world.setTimeout(run, this.world.below(15))
  }

  /**
   * Stores a message or a change some time later, those of a conversation in their order, tells the writer,
   * and publishes it. Lost if the process is killed before.
   */
  append (
    frame: Outgoing, conversation: string, by: string, answer: (outcome: Outcome) => void, from?: ModelPeer
  ): void {
    const epoch = this.#epoch
    const at = Math.max(this.#writing.get(conversation) ?? 0, this.world.now() + this.world.below(15))
    this.#writing.set(conversation, at)
    this.world.setTimeout(() => {
      if (epoch !== this.#epoch) return
      const log = this.#logs.get(conversation) ?? new StoredLog()
      const members = conversation.split(':')
      const reciver = members.find(member => member !== by) ?? by
      const id = userId(++this.#stores)
      const outcome = log.store(frame, { conversation, by, reciver, at: this.world.now(), id })
      if ('entry' in outcome && !outcome.repeat) {
        this.#logs.set(conversation, log)
        this.#lastAt.set(conversation, this.world.now() + this.#stores / 1e6)
      }
      answer(outcome)
      if (!('entry' in outcome)) return
      for (const peer of this.peers) {
        if (peer === from || !members.includes(peer.user) || this.world.chance(this.faults.lose)) continue
        peer.offer(outcome.entry, outcome.repeat)
      }
    }, at - this.world.now())
  }

  /** Somebody without a socket writes. */
  say (sender: string, reciver: string, text: string): void {
    const frame = { type: 'send' as const, clientId: randomUUID(), reciver, message: text }
    this.append(frame, conversationOf(sender, reciver), sender, () => {})
  }

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
  options (
    user: string
  ): Pick<ChatClientOptions, 'url' | 'token' | 'WebSocket' | 'fetch' | 'clock' | 'random'> {
    const { world } = this
    return {
      url: 'http://model.test',
      token: user,
      clock: world,
      random: world.random,
      WebSocket: socketClass(world, (pipe, protocols) => this.#accept(pipe, protocols)),
      fetch: fakeFetch(world, (path, query, token) => this.#answer(path, query, token))
    }
  }

  #accept (pipe: Pipe, protocols: string[]): ModelPeer {
    const peer = new ModelPeer(this, pipe, protocols[1]!.replace('bearer.', ''))
    this.peers.add(peer)
    const now = new Date(this.world.now()).toISOString()
    const { limits } = this
    peer.send({ type: 'hello', user: peer.user, session: 's', heartbeatMs: 25_000, limits, now })
    return peer
  }

  /** Answers an HTTP request; undefined where the connection fails. */
  #answer (path: string, query: URLSearchParams, token: string): Answer | undefined {
    const { world } = this
    if (world.chance(this.faults.http)) return world.chance(0.5) ? undefined : { status: 503, body: {} }
    if (path.endsWith('/changes')) return this.#changes(path.split('/').at(-2)!, query)
    if (path.endsWith('/conversations')) return this.#conversations(query, token)
    return { status: 200, body: {} }
  }

  #changes (conversation: string, query: URLSearchParams): Answer {
    const rest = this.log(conversation).slice(Number(query.get('after')))
    return { status: 200, body: { data: rest.slice(0, 5), hasMore: rest.length > 5 } }
  }

  #conversations (query: URLSearchParams, token: string): Answer {
    const before = Number(query.get('after') ?? Infinity)
    const rest = this.inbox(token).filter(({ id }) => this.#lastAt.get(id)! < before)
    const next = rest.length > 20 ? { next: String(this.#lastAt.get(rest[19]!.id)) } : {}
    return { status: 200, body: { data: rest.slice(0, 20), ...next } }
  }
}
