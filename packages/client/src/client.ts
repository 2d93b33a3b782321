import { checkMark, idFrom, recipientOf, sendFrame, type Recipient, type SendOptions } from './arguments.js'
import { Connection } from './connection.js'
import { ChatError } from './errors.js'
import { Emitter, type Events, type State } from './events.js'
import { CLOSE, MAX_WATCHED, type HelloFrame, type Message } from 'chat-protocol'
import { Fetching } from './fetching.js'
import { Http } from './http.js'
import { resolveOptions, type ChatClientOptions } from './options.js'
import type { Answer, Outgoing } from './outgoing.js'
import { backoffMs } from './pace.js'
import { Protocol } from './protocol.js'
import { Saving } from './saving.js'
import { Timer } from './timer.js'

/**
 * A user's connection to the server, which is kept up until `close()`. It connects the protocol with a
 * socket, timers and HTTP.
 */
export class ChatClient {
  readonly #emitter = new Emitter()
  readonly #connection: Connection
  readonly #protocol: Protocol
  readonly #http: Http
  readonly #waking: Timer
  readonly #fetching: Fetching
  readonly #saving: Saving
  #lastHello: HelloFrame | undefined

  /** @throws TypeError, RangeError if options cannot work */
  constructor (options: ChatClientOptions) {
    const { socketUrl, httpUrl, token, fetch, clock, random, backoff, ...rest } = resolveOptions(options)
    this.#http = new Http(httpUrl, token, fetch, clock)
    this.#waking = new Timer(clock)
    this.#saving = new Saving(options.save, () => ({ have: this.have, pending: this.pending }), clock)
    this.#protocol = new Protocol(rest, this.#emitter, {
      transmit: frame => this.#connection.send(frame),
      wake: ms => this.#waking.set(ms, () => this.#protocol.pump()),
      work: () => this.#fetching.work(),
      renew: ms => this.#connection.renew(ms),
      bye: ({ retryAfterMs }) => this.#connection.comeBackAfter(retryAfterMs)
    }, () => clock.now())
    this.#fetching = new Fetching(this.#http, this.#protocol, clock, {
      retryMs: failures => backoffMs(backoff, failures, random),
      fetched: () => this.#saving.touch(),
      failed: error => this.#failed(error)
    })
    this.#connection = new Connection({ ...rest, url: socketUrl, backoff, random, clock }, {
      frame: frame => {
        if (frame.type === 'hello') this.#lastHello = frame
        this.#protocol.receive(frame)
        this.#saving.touch()
      },
      gone: () => {
        this.#waking.clear()
        this.#protocol.disconnected()
      },
      state: change => this.#emitter.emit('state', change),
      refused: () => this.#checkSession()
    })
    for (const outgoing of options.state?.pending ?? []) {
      // Nobody else waits for the answer.
      this.resend(outgoing).catch(error => this.#report(error))
    }
  }

  get state (): State { return this.#connection.state }

  /** The user's own id; undefined before the first hello. */
  get user (): string | undefined { return this.#lastHello?.user }

  /** The server's limits; undefined before the first hello. */
  get limits (): HelloFrame['limits'] | undefined { return this.#lastHello?.limits }

  /**
   * Conversation -> the rev of the last delivered message or change. Store it, and pass it as `have` the next
   * time.
   */
  get have (): Record<string, number> { return this.#protocol.cursors.snapshot() }

  /**
   * Messages and changes without an answer, in order. Store them, and `resend` them in this order the next
   * time.
   */
  get pending (): Outgoing[] { return this.#protocol.outbox.pending() }

  /**
   * Adds a listener.
   * @returns a function that removes it
   */
  on<K extends keyof Events> (type: K, listener: (value: Events[K]) => void): () => void {
    return this.#emitter.on(type, listener)
  }

  /**
   * Connects, and keeps the connection up. Call it while the client waits to make the next attempt at once,
   * for example at a browser's event `online`, and after `stopped` to try again.
   */
  connect (): void {
    if (this.state === 'closed') throw new ChatError('closed', 'This client is closed: make another')
    this.#connection.connect()
  }

  /**
   * Closes the client for good. Messages without an answer are rejected with `closed`; they may or may not be
   * stored.
   */
  close (): void {
    if (this.state === 'closed') return
    this.#saving.flush()
    this.#protocol.stop()
    this.#connection.stop({ state: 'closed' })
    this.#fetching.stop()
    this.#http.abort()
    this.#protocol.outbox.rejectAll(new ChatError('closed', 'The client was closed before the answer came'))
  }

  /**
   * Sends a message, now or at the next connection. It is stored once, however often it has to be sent.
   * @returns the message, once it is stored durably
   * @throws ChatError: the server's code if it refuses the message for good; `queue_full`; `closed`.
   *   TypeError if the arguments are not a message.
   */
  async send (to: Recipient, message: string, options: SendOptions = {}): Promise<Message> {
    return await this.#enqueue(sendFrame(to, message, options)) as Message
  }

  /** Sends what an earlier client had in `pending`: it is stored once, whatever that client reached. */
  async resend (outgoing: Outgoing): Promise<Answer> { return await this.#enqueue({ ...outgoing }) }

  /**
   * Replaces the text of an own message. Like `send` it is stored once, and kept over reconnects.
   * @returns the stored change; the present message if nothing changed
   */
  async edit (conversation: string, seq: number, message: string, clientId?: string): Promise<Answer> {
    checkMark(conversation, seq)
    return await this.#enqueue({ type: 'edit', clientId: idFrom(clientId), conversation, seq, message })
  }

  /** Deletes a message for all members; as `edit`. */
  async delete (conversation: string, seq: number, clientId?: string): Promise<Answer> {
    checkMark(conversation, seq)
    return await this.#enqueue({ type: 'delete', clientId: idFrom(clientId), conversation, seq })
  }

  /** Adds a reaction to a message, or takes it back; as `edit`. */
  async react (conversation: string, seq: number, emoji: string, on = true, clientId?: string) {
    checkMark(conversation, seq)
    return await this.#enqueue({ type: 'react', clientId: idFrom(clientId), conversation, seq, emoji, on })
  }

  /**
   * The newest delivered messages of a conversation in their present state, ascending: up to 200 of each of
   * the 100 conversations that changed last. Messages from before `have` are not among them.
   */
  messages (conversation: string): readonly Message[] { return this.#protocol.views.messages(conversation) }

  /**
   * Marks everything up to `seq` as read, and as delivered. Call it as often as you like: only the highest
   * mark is sent, a few times a second.
   */
  read (conversation: string, seq: number): void { this.#mark('read', conversation, seq) }

  /** Marks everything up to `seq` as delivered here. */
  delivered (conversation: string, seq: number): void { this.#mark('delivered', conversation, seq) }

  /**
   * Says that the user types, or stopped. Call it at every key: it is sent every 3 s, and ends automatically
   * 5 s after the last one.
   */
  typing (to: Recipient, on = true): void {
    this.#protocol.typing({ type: 'typing', ...recipientOf(to), on })
  }

  /** Replaces the list of up to 200 watched users. It is kept over reconnects. */
  watch (users: string[]): void {
    if (users.length > MAX_WATCHED) throw new RangeError(`users: at most ${MAX_WATCHED}`)
    this.#protocol.watch([...users])
  }

  async #enqueue (outgoing: Outgoing): Promise<Answer> {
    if (this.state === 'closed') throw new ChatError('closed', 'The client is closed', outgoing)
    const answer = this.#protocol.send(outgoing)
    this.#saving.touch()
    return await answer
  }

  #mark (kind: 'delivered' | 'read', conversation: string, seq: number): void {
    checkMark(conversation, seq)
    this.#protocol.mark(kind, conversation, seq)
  }

  /**
   * Browsers do not tell why a handshake was refused. So the session is checked over HTTP; otherwise the
   * client would try for ever after its end.
   */
  async #checkSession (): Promise<void> {
    if (await this.#http.isSessionOpen()) return
    if (this.state === 'waiting' || this.state === 'connecting') this.#sessionEnded()
  }

  #sessionEnded (): void {
    this.#connection.stop({ state: 'stopped', code: CLOSE.sessionEnded, reason: 'unauthorized' })
  }

  /** A request failed; tells whether another attempt makes sense. */
  #failed (error: unknown): { retryAfterMs?: number } | undefined {
    if (this.state === 'closed') return undefined
    const known = this.#report(error)
    if (known.code !== 'unauthorized') return known
    this.#sessionEnded()
    return undefined
  }

  #report (error: unknown): ChatError {
    const known = error instanceof ChatError ? error : new ChatError('http', String(error))
    if (known.code !== 'closed') this.#emitter.emit('error', known)
    return known
  }
}
