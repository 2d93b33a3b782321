import type { State, StateChange } from './events.js'
import { FINAL_CLOSE_CODES, type ClientFrame, type HelloFrame, type ServerFrame } from 'chat-protocol'
import { backoffMs, type Backoff } from './pace.js'
import { Timer, type Clock } from './timer.js'

/**
 * The part of a WebSocket that is used: that of browsers, of Node from 22 on, and of the package `ws` fit.
 */
export interface WebSocketLike {
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send (data: string): void
  close (): void
}
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike

export interface ConnectionOptions {
  url: string
  protocols: string[]
  WebSocket: WebSocketClass
  backoff: Backoff
  random: () => number
  clock: Clock
}

export interface ConnectionEvents {
  frame (frame: ServerFrame): void
  /** The socket is gone. The event `state` follows. */
  gone (): void
  state (change: StateChange): void
  /** An attempt ended before the server's hello. */
  refused (): void
}

/** An attempt fails without a hello in this time. Browsers themselves wait for minutes. */
const OPEN_MS = 20_000
/**
 * A connection is dead if nothing arrives in this time after a `ping`. The server waits as long for a pong.
 */
const PONG_MS = 10_000
/** Closing codes after which an automatic reconnect would only repeat what happened. */
const FINAL_CODES = new Set(FINAL_CLOSE_CODES)
/** RFC 6455, 7.4.1: the code of a connection that ended without a code. */
const ABNORMAL = 1006

/**
 * Opens one socket after another, and detects dead ones:
 *
 * ```
 * idle --connect()--> connecting --hello--> online
 *                         ^  |                |
 *            back-off     |  | closed, silent |
 *                      waiting <--------------+     a final code, or stop() --> stopped, closed
 * ```
 */
export class Connection {
  state: State = 'idle'
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #reconnecting: Timer
  readonly #watchdog: Timer
  #socket: WebSocketLike | undefined
  /** attempts in a row without a `resumed` */
  #failures = 0
  #heardAt = 0
  /** what the server asked to wait, in addition to the back-off */
  #comeBackMs = 0

  constructor (options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    this.#reconnecting = new Timer(options.clock)
    this.#watchdog = new Timer(options.clock)
  }

  connect (): void {
    if (this.state === 'connecting' || this.state === 'online') return
    this.#failures = 0
    this.#open()
  }

  send (frame: ClientFrame): void { this.#socket!.send(JSON.stringify(frame)) }

  /** The server will close the socket: the next attempt waits for at least this time. */
  comeBackAfter (ms: number): void { this.#comeBackMs = ms }

  /** Replaces this connection by another one, after at least this time. */
  renew (ms: number): void {
    this.#comeBackMs = ms
    this.#lost(ABNORMAL, 'renewed')
  }

  /** Ends the connection without another attempt. */
  stop (change: StateChange): void {
    this.#detach()
    this.#events.gone()
    this.#become(change)
  }

  #open (): void {
    const { WebSocket, url, protocols } = this.#options
    this.#reconnecting.clear()
    this.#become({ state: 'connecting' })
    // A listener may have closed the client.
    if (this.state !== 'connecting') return
    const socket = new WebSocket(url, protocols)
    this.#socket = socket
    this.#watchdog.set(OPEN_MS, () => this.#lost(ABNORMAL, 'no hello'))
    socket.onmessage = (event: { data: unknown }) => this.#heard(event.data)
    socket.onclose = (event: { code: number, reason: string }) => this.#lost(event.code, event.reason)
    // `close` follows.
    socket.onerror = () => {}
  }

  #heard (data: unknown): void {
    this.#heardAt = this.#options.clock.now()
    const frame = parse(data)
    if (frame === undefined) return this.#lost(ABNORMAL, 'not chat.v1')
    if (frame.type === 'hello') this.#greeted(frame)
    // Not at hello: if a server fails just after it, its clients must not all come back at once.
    if (frame.type === 'resumed') this.#failures = 0
    if (this.state === 'online') this.#events.frame(frame)
  }

  #greeted ({ heartbeatMs }: HelloFrame): void {
    this.#comeBackMs = 0
    this.#guard(heartbeatMs * 2)
    this.#become({ state: 'online' })
  }

  /**
   * Pings after so long without a frame. Without an answer the connection is dead, whatever the network stack
   * says.
   */
  #guard (silenceMs: number): void {
    const now = this.#options.clock.now()
    const leftMs = silenceMs - (now - this.#heardAt)
    if (leftMs > 0) return this.#watchdog.set(leftMs, () => this.#guard(silenceMs))
    this.send({ type: 'ping' })
    this.#watchdog.set(PONG_MS, () => {
      if (this.#heardAt > now) this.#guard(silenceMs)
      else this.#lost(ABNORMAL, 'no answer')
    })
  }

  #lost (code: number, reason: string): void {
    if (FINAL_CODES.has(code)) return this.stop({ state: 'stopped', code, reason })
    const wasRefused = this.state === 'connecting'
    this.#detach()
    this.#events.gone()
    const retryInMs = this.#nextRetryMs()
    this.#reconnecting.set(retryInMs, () => this.#open())
    this.#become({ state: 'waiting', code, reason, retryInMs })
    if (wasRefused) this.#events.refused()
  }

  #nextRetryMs (): number {
    const { backoff, random } = this.#options
    const retryInMs = this.#comeBackMs + backoffMs(backoff, this.#failures, random)
    this.#failures++
    this.#comeBackMs = 0
    return retryInMs
  }

  #detach (): void {
    this.#reconnecting.clear()
    this.#watchdog.clear()
    if (this.#socket === undefined) return
    this.#socket.onmessage = null
    this.#socket.onclose = null
    // `ws` throws errors without a listener.
    this.#socket.onerror = () => {}
    this.#socket.close()
    this.#socket = undefined
  }

  #become (change: StateChange): void {
    this.state = change.state
    this.#events.state(change)
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
