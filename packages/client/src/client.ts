import { Connection } from './connection.js'
import { ChatError } from './errors.js'
import { Emitter, type Events, type State } from './events.js'
import { CLOSE, type HelloFrame, type Message } from 'chat-protocol'
import { Http } from './http.js'
import { isMark, resolveOptions, type ChatClientOptions } from './options.js'
import type { Outgoing } from './outbox.js'
import { backoffMs } from './pace.js'
import { Protocol } from './protocol.js'
import { Timer } from './timer.js'

/** The server's limit of a `watch` frame. */
const MAX_WATCHED = 200
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A person's connection to the server, kept up until `close()`: the protocol with its socket, timers and HTTP around it. */
export class ChatClient {
  private readonly emitter = new Emitter()
  private readonly connection: Connection
  private readonly protocol: Protocol
  private readonly http: Http
  private readonly waking: Timer
  private readonly retrying: Timer
  private readonly retryMs: (failures: number) => number
  private lastHello: HelloFrame | undefined
  private working = false

  /** @throws TypeError, RangeError for options that cannot work */
  constructor (options: ChatClientOptions) {
    const { socketUrl, httpUrl, token, fetch, clock, random, backoff, ...rest } = resolveOptions(options)
    this.http = new Http(httpUrl, token, fetch, clock)
    this.waking = new Timer(clock)
    this.retrying = new Timer(clock)
    this.retryMs = failures => backoffMs(backoff, failures, random)
    this.protocol = new Protocol(rest, this.emitter, {
      transmit: frame => this.connection.send(frame),
      wake: ms => this.waking.set(ms, () => this.protocol.pump()),
      work: () => { this.work() },
      renew: ms => this.connection.renew(ms),
      bye: ({ retryAfterMs }) => this.connection.comeBackAfter(retryAfterMs)
    }, () => clock.now())
    this.connection = new Connection({ ...rest, url: socketUrl, backoff, random, clock }, {
      frame: frame => {
        if (frame.type === 'hello') this.lastHello = frame
        this.protocol.receive(frame)
      },
      gone: () => {
        this.waking.clear()
        this.protocol.disconnected()
      },
      state: change => this.emitter.emit('state', change),
      refused: () => { this.checkSession() }
    })
  }

  get state (): State { return this.connection.state }

  /** One's own id; undefined before the first hello. */
  get user (): string | undefined { return this.lastHello?.user }

  /** What the server allows; undefined before the first hello. */
  get limits (): HelloFrame['limits'] | undefined { return this.lastHello?.limits }

  /** Conversation -> the number of the last message handed on: what to store, and to pass as `have` the next time. */
  get have (): Record<string, number> { return this.protocol.cursors.snapshot() }

  /** The messages without an answer yet, in order: what to store, and to `send` again with their clientIds the next time. */
  get pending (): Outgoing[] { return this.protocol.outbox.pending() }

  /** Listens; the function that it returns ends that. */
  on<K extends keyof Events> (type: K, listener: (value: Events[K]) => void): () => void { return this.emitter.on(type, listener) }

  /** Connects, and stays connected. While waiting for the next attempt: makes it at once (as when a browser says `online`). After `stopped`: tries again. */
  connect (): void {
    if (this.state === 'closed') throw new ChatError('closed', 'This client is closed: make another')
    this.connection.connect()
  }

  /** Ends it for good. Messages without an answer are rejected with `closed`: whether they were stored is not known. */
  close (): void {
    if (this.state === 'closed') return
    this.protocol.stop()
    this.connection.stop({ state: 'closed' })
    this.retrying.clear()
    this.http.abort()
    this.protocol.outbox.rejectAll(new ChatError('closed', 'The client was closed before the answer came'))
  }

  /**
   * Sends a message, now or when there is a connection again: once, however often it has to be tried.
   * @returns the message as it is stored, durably
   * @throws (rejects with) ChatError: the server's code where it refuses the message for good; `queue_full`; `closed`. TypeError for what is no message.
   */
  async send (reciver: string, message: string, { clientId = randomUuid(), createdAt }: { clientId?: string, createdAt?: string } = {}): Promise<Message> {
    if (typeof reciver !== 'string' || typeof message !== 'string') throw new TypeError('reciver, message: strings')
    if (!UUID.test(clientId)) throw new TypeError('clientId: a UUID')
    if (this.state === 'closed') throw new ChatError('closed', 'The client is closed', { clientId })
    return await this.protocol.send({ clientId: clientId.toLowerCase(), reciver, message, ...createdAt === undefined ? {} : { createdAt } })
  }

  /** Everything up to `seq` was read (and has arrived). Call it as often as you like: only the highest is said, a few times a second. */
  read (conversation: string, seq: number): void { this.mark('read', conversation, seq) }

  /** Everything up to `seq` has arrived here. */
  delivered (conversation: string, seq: number): void { this.mark('delivered', conversation, seq) }

  /** One types, or stopped. Call it at every key: it is said every 3 s while it goes on, and ends by itself 5 s after. */
  typing (reciver: string, on = true): void { this.protocol.typing(reciver, on) }

  /** Replaces the list of users whose presence is told, over reconnects too. At most 200. */
  watch (users: string[]): void {
    if (users.length > MAX_WATCHED) throw new RangeError(`users: at most ${MAX_WATCHED}`)
    this.protocol.watch([...users])
  }

  private mark (kind: 'delivered' | 'read', conversation: string, seq: number): void {
    if (!isMark(conversation, seq)) throw new TypeError('conversation, seq: those of a message')
    this.protocol.mark(kind, conversation, seq)
  }

  /** A browser does not say why a handshake was refused. Whether the session has ended is asked over HTTP, or it would be tried for ever. */
  private async checkSession (): Promise<void> {
    if (await this.http.isSessionOpen()) return
    if (this.state === 'waiting' || this.state === 'connecting') this.sessionEnded()
  }

  private sessionEnded (): void { this.connection.stop({ state: 'stopped', code: CLOSE.sessionEnded, reason: 'unauthorized' }) }

  /** Fetches the pages that are missing, one after another. */
  private async work (): Promise<void> {
    if (this.working) return
    this.working = true
    let failures = 0
    for (let job; (job = this.protocol.catchUp.job()) !== undefined;) {
      try {
        if (job.kind === 'messages') {
          this.protocol.catchUp.paged(job.conversation, await this.http.messages(job.conversation, job.after))
        } else {
          const page = await this.http.conversations(job.after)
          this.protocol.stored(page.data)
          this.protocol.catchUp.listed(job, page)
        }
        failures = 0
        this.protocol.pump()
      } catch (error) {
        if (this.state === 'closed') break
        const known = error instanceof ChatError ? error : new ChatError('http', String(error))
        this.emitter.emit('error', known)
        if (known.code === 'unauthorized') {
          this.sessionEnded()
          break
        }
        await this.retrying.sleep((known.retryAfterMs ?? 0) + this.retryMs(failures++))
      }
    }
    this.working = false
  }
}

/** Version 4 (RFC 9562). crypto.randomUUID is missing in browsers where a page comes over plain HTTP. */
function randomUuid (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = bytes[6]! & 0x0f | 0x40
  bytes[8] = bytes[8]! & 0x3f | 0x80
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
