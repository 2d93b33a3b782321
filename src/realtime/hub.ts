import type { BaseLogger } from 'pino'
import type { WebSocket } from 'ws'
import { CLOSE, type ServerFrame } from 'chat-protocol'
import type { Sessions } from '../accounts/sessions.js'
import type { Conversations } from '../chat/conversations.js'
import type { Membership } from '../chat/membership.js'
import { whenKnown } from '../concurrency/known.js'
import { userOf, userTopic, type Bus } from './bus/bus.js'
import { Connection, type Caller, type ConnectionLimits } from './connection.js'
import { Greeter, type GreeterOptions } from './greeter.js'
import { Heartbeat } from './heartbeat.js'
import type { LogReads } from './log-reads.js'
import { closeAll, closeForRestart } from './planned-close.js'
import { Sockets, type SocketGauges } from './sockets.js'
import { SocketsElsewhere } from './sockets-elsewhere.js'

export interface HubLimits extends Omit<ConnectionLimits, 'onlyWriter'> {
  /** Open sockets in all (MAX_SOCKETS) and of one user (MAX_SOCKETS_PER_USER); 0 for any number. */
  sockets: number
  socketsPerUser: number
  /** Milliseconds between two pings, and until the pong of one. */
  heartbeatMs: number
  pongMs: number
}

type PresenceListener = (user: string, online: boolean) => void

export interface HubOptions {
  bus: Bus
  membership: Membership
  reads: LogReads
  sessions: Pick<Sessions, 'openAmong'>
  conversations: Pick<Conversations, 'since'>
  hello: GreeterOptions['hello']
  limits: HubLimits
  log: Pick<BaseLogger, 'warn'>
}

/** The open sockets of this process, and what the bus brings for them. */
export class Hub {
  readonly #options: HubOptions
  readonly #limits: ConnectionLimits
  readonly #sockets = new Sockets()
  readonly #greeter: Greeter
  readonly #heartbeat: Heartbeat
  readonly #elsewhere: SocketsElsewhere
  readonly #presenceListeners: PresenceListener[] = []
  readonly #closeListeners: ((connection: Connection) => void)[] = []
  #closing = false

  constructor (options: HubOptions) {
    const { bus, reads, hello, limits, log } = options
    this.#options = options
    this.#limits = { ...limits, onlyWriter: bus.alone }
    this.#heartbeat = this.#startHeartbeat()
    this.#greeter = new Greeter({
      reads,
      hello,
      onGreeted: connection => { this.#heartbeat.join(connection) },
      isClosing: () => this.#closing,
      log
    })
    this.#elsewhere = new SocketsElsewhere(bus, this.#sockets, limits.socketsPerUser, closeSurplus)
    this.#listen(bus)
  }

  /** Whether another socket may be opened: not above MAX_SOCKETS, nor while the server shuts down. */
  get accepting (): boolean {
    const { sockets } = this.#options.limits
    return !this.#closing && (sockets === 0 || this.#sockets.count < sockets)
  }

  /** Whether the server shuts down: sockets are not read any more. */
  get closing (): boolean { return this.#closing }

  /** Adds a socket to the map of user id -> sockets and greets it: from then on it misses nothing. */
  open (ws: WebSocket, caller: Caller): Connection {
    const { bus, reads } = this.#options
    const onEnd = (ended: Connection) => this.#remove(ended)
    const connection = new Connection(ws, caller, { limits: this.#limits, reads, onEnd })
    const connections = this.#sockets.add(connection)
    const first = connections.size === 1
    const subscribed = bus.subscribe(userTopic(caller.user))
    ws.on('close', () => connection.end())
    ws.on('pong', data => connection.pong(data))
    this.#closeSurplus(connections)
    this.#elsewhere.opened(caller.user)
    if (bus.alone && subscribed === undefined) this.#greeter.greet(connection)
    else this.#greeter.greetWithHeads(connection, subscribed)
    if (first) this.#announce(caller.user, true)
    // Its upgrade had been let through when the close began.
    if (this.#closing) {
      this.#greeter.greet(connection)
      closeForRestart(connection)
    }
    return connection
  }

  /** Registers a listener for the first socket of a user, and for the end of the last one. */
  onPresence (listener: PresenceListener): void { this.#presenceListeners.push(listener) }

  /** Registers a listener for the end of a socket. */
  onClose (listener: (connection: Connection) => void): void { this.#closeListeners.push(listener) }

  /** The number of open sockets of a user. */
  socketsOf (user: string): number { return this.#sockets.of(user)?.size ?? 0 }

  /** Users with an open socket. */
  get users (): string[] { return this.#sockets.users }

  /** What is held in memory, for /metrics and for tests that nothing stays behind. */
  gauges (): SocketGauges { return this.#sockets.gauges() }

  /**
   * Closes all sockets because the server restarts.
   * @param drain resolves when no message waits to be stored
   */
  async close (drain: () => Promise<void>): Promise<void> {
    this.#closing = true
    this.#heartbeat.stop()
    await closeAll([...this.#sockets.all()], drain, connection => this.#greeter.greet(connection))
  }

  #startHeartbeat (): Heartbeat {
    const { bus, sessions, conversations, limits, log } = this.#options
    return new Heartbeat({
      sockets: this.#sockets,
      heartbeatMs: limits.heartbeatMs,
      pongMs: limits.pongMs,
      openAmong: async ids => await sessions.openAmong(ids),
      storedSince: bus.alone ? undefined : async (users, since) => await conversations.since(users, since),
      raise: (conversation, rev) => { this.#raise(conversation, rev) },
      log
    })
  }

  #listen (bus: Bus): void {
    bus.onMessage('entry', ({ conversation, rev, entry, elsewhere }, topic) => {
      for (const connection of this.#sockets.of(userOf(topic)) ?? []) {
        if (entry === undefined) connection.cursors.raise(conversation, rev)
        else connection.offer(entry, elsewhere !== true)
      }
    })
    bus.onMessage('receipt', ({ receipt: { socket, ...mark } }, topic) => {
      this.#push(userOf(topic), { type: 'receipt', ...mark }, socket)
    })
    bus.onMessage('notice', ({ frame, exceptSocket }, topic) => {
      this.#push(userOf(topic), frame, exceptSocket)
    })
    bus.onMessage('session-ended', ({ session }, topic) => {
      for (const connection of this.#sockets.of(userOf(topic)) ?? []) {
        if (connection.session === session) connection.close(CLOSE.sessionEnded, 'the session has ended')
      }
    })
    bus.onDoubt(() => this.#heartbeat.compareNow())
  }

  /** Sends a frame to every socket of a user, except one. */
  #push (user: string, frame: ServerFrame, exceptSocket: string | undefined): void {
    const connections = this.#sockets.of(user)
    if (connections === undefined) return
    const bytes = Buffer.from(JSON.stringify(frame))
    for (const connection of connections) {
      if (connection.id !== exceptSocket) connection.send(bytes)
    }
  }

  /** Tells the sockets of a conversation's members that this number is stored. */
  #raise (conversation: string, rev: number): void {
    whenKnown(this.#options.membership.members(conversation), members => {
      for (const connection of this.#sockets.ofAll(members)) connection.cursors.raise(conversation, rev)
    })?.catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the members of a conversation could not be looked up')
    })
  }

  #closeSurplus (connections: ReadonlySet<Connection>): void {
    const { socketsPerUser } = this.#options.limits
    if (socketsPerUser === 0 || connections.size <= socketsPerUser) return
    const [oldest] = connections
    closeSurplus(oldest!)
  }

  #remove (connection: Connection): void {
    const { user } = connection
    const left = this.#sockets.remove(connection)
    if (left.size === 0) this.#options.bus.unsubscribe(userTopic(user))
    for (const listener of this.#closeListeners) listener(connection)
    this.#elsewhere.closed(user)
    if (left.size === 0) this.#announce(user, false)
  }

  #announce (user: string, online: boolean): void {
    for (const listener of this.#presenceListeners) listener(user, online)
  }
}

function closeSurplus (connection: Connection): void {
  connection.close(CLOSE.tooManySockets, 'too many sockets of this user')
}
