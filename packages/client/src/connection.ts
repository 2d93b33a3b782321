/** One connection after another: when to open the next, and when the present one is dead. What is said on them is no matter here. */
import type { State, StateChange } from './events.js'
import { FINAL_CLOSE_CODES, type ClientFrame, type ServerFrame } from 'chat-protocol'
import { backoffMs, type Backoff } from './pace.js'
import { Timer, type Clock } from './timer.js'

/** The part of a WebSocket that is used: that of browsers, of Node from 22 on, and of the package `ws` fit. */
export interface WebSocketLike {
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send (data: string): void
  close (): void
}
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike

export interface ConnectionEvents {
  frame (frame: ServerFrame): void
  /** The socket is gone, before `state` tells what comes next. */
  gone (): void
  state (change: StateChange): void
  /** An attempt ended before the server's hello. */
  refused (): void
}

/** Without a hello in this time an attempt has failed: a browser alone waits for minutes. */
const OPEN_MS = 20_000
/** Without anything in this time after a `ping` the connection is dead; as long as the server waits for a pong. */
const PONG_MS = 10_000
/** The server's closing codes after which coming back by oneself would only repeat what happened: malformed frames, session ended, too many sockets. */
const FINAL_CODES = new Set(FINAL_CLOSE_CODES)
/** RFC 6455, 7.4.1: the code of a connection that ended without one. */
const ABNORMAL = 1006

export class Connection {
  state: State = 'idle'
  private socket: WebSocketLike | undefined
  /** attempts in a row that led to nothing */
  private failures = 0
  private heardAt = 0
  /** what the server asked for on top of the back-off */
  private comeBackMs = 0
  private readonly reconnecting: Timer
  private readonly watchdog: Timer

  constructor (
    private readonly options: { url: string, protocols: string[], WebSocket: WebSocketClass, backoff: Backoff, random: () => number, clock: Clock },
    private readonly events: ConnectionEvents
  ) {
    this.reconnecting = new Timer(options.clock)
    this.watchdog = new Timer(options.clock)
  }

  connect (): void {
    if (this.state === 'connecting' || this.state === 'online') return
    this.failures = 0
    this.open()
  }

  send (frame: ClientFrame): void { this.socket!.send(JSON.stringify(frame)) }

  /** The server announced that it will close: the next attempt is at least so much later. */
  comeBackAfter (ms: number): void { this.comeBackMs = ms }

  /** Gives up this connection for another one, at least so much later. */
  renew (ms: number): void {
    this.comeBackMs = ms
    this.lost(ABNORMAL, 'renewed')
  }

  /** No further attempt. */
  stop (change: StateChange): void {
    this.detach()
    this.events.gone()
    this.become(change)
  }

  private open (): void {
    const { WebSocket, url, protocols } = this.options
    this.reconnecting.clear()
    this.become({ state: 'connecting' })
    if (this.state !== 'connecting') return // a listener closed the client
    const socket = new WebSocket(url, protocols)
    this.socket = socket
    this.watchdog.set(OPEN_MS, () => this.lost(ABNORMAL, 'no hello'))
    socket.onmessage = (event: { data: unknown }) => this.heard(event.data)
    socket.onclose = (event: { code: number, reason: string }) => this.lost(event.code, event.reason)
    socket.onerror = () => {} // `close` follows
  }

  private heard (data: unknown): void {
    this.heardAt = this.options.clock.now()
    const frame = parse(data)
    if (frame === undefined) return this.lost(ABNORMAL, 'not chat.v1')
    if (frame.type === 'hello') {
      this.comeBackMs = 0
      this.guard(frame.heartbeatMs * 2)
      this.become({ state: 'online' })
    } else if (frame.type === 'resumed') {
      // only now: a server that says hello and falls over is not to be met with all its clients at once
      this.failures = 0
    }
    if (this.state === 'online') this.events.frame(frame)
  }

  /** After this long without a frame: a ping; no answer to that: the connection is dead, whatever the network stack believes. */
  private guard (silenceMs: number): void {
    const now = this.options.clock.now()
    const left = silenceMs - (now - this.heardAt)
    if (left > 0) return this.watchdog.set(left, () => this.guard(silenceMs))
    this.send({ type: 'ping' })
    this.watchdog.set(PONG_MS, () => {
      if (this.heardAt > now) this.guard(silenceMs)
      else this.lost(ABNORMAL, 'no answer')
    })
  }

  private lost (code: number, reason: string): void {
    if (FINAL_CODES.has(code)) return this.stop({ state: 'stopped', code, reason })
    const refused = this.state === 'connecting'
    this.detach()
    this.events.gone()
    const retryInMs = this.comeBackMs + backoffMs(this.options.backoff, this.failures++, this.options.random)
    this.comeBackMs = 0
    this.reconnecting.set(retryInMs, () => this.open())
    this.become({ state: 'waiting', code, reason, retryInMs })
    if (refused) this.events.refused()
  }

  private detach (): void {
    this.reconnecting.clear()
    this.watchdog.clear()
    if (this.socket === undefined) return
    this.socket.onmessage = this.socket.onclose = null
    this.socket.onerror = () => {} // `ws` throws where nobody listens
    this.socket.close()
    this.socket = undefined
  }

  private become (change: StateChange): void {
    this.state = change.state
    this.events.state(change)
  }
}

function parse (data: unknown): ServerFrame | undefined {
  try {
    const frame: unknown = JSON.parse(String(data))
    return typeof frame === 'object' && frame !== null ? frame as ServerFrame : undefined
  } catch {
    return undefined
  }
}
