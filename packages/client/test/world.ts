/**
 * A world of its own for tests: time that only goes when told to, seeded chance, and sockets and HTTP between
 * clients and a model of the server.
 */
import type { Clock, FetchLike, WebSocketClass, WebSocketLike } from '../src/index.js'
import type { ClientFrame, ServerFrame } from 'chat-protocol'

/** Mulberry32: small, seeded, good enough to choose schedules. */
export function seeded (seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Event {
  at: number
  run: () => void
  gone: boolean
}

export class World implements Clock {
  #time = 0
  readonly #events: Event[] = []
  readonly random: () => number

  constructor (seed = 1) {
    this.random = seeded(seed)
  }

  /** A whole number from 0 to below n. */
  below (n: number): number {
    return Math.floor(this.random() * n)
  }

  chance (p: number): boolean {
    return this.random() < p
  }

  now (): number {
    return this.#time
  }

  setTimeout (run: () => void, ms: number): Event {
    const event = { at: this.#time + ms, run, gone: false }
    let index = this.#events.length
    while (index > 0 && this.#events[index - 1]!.at > event.at) index--
    this.#events.splice(index, 0, event)
    return event
  }

  clearTimeout (event: unknown): void {
    ;(event as Event).gone = true
  }

  /** Timers that are set. */
  get alarms (): number {
    return this.#events.filter(({ gone }) => !gone).length
  }

  /** Lets time go on until the condition holds; false if it did not in that many milliseconds. */
  async until (condition: () => boolean, ms: number): Promise<boolean> {
    const end = this.#time + ms
    await settled()
    while (!condition()) {
      const event = this.#events.shift()
      if (event === undefined || event.at > end) {
        if (event !== undefined) this.#events.unshift(event)
        this.#time = end
        return condition()
      }
      if (event.gone) continue
      this.#time = event.at
      event.run()
      await settled()
    }
    return true
  }

  /** Lets so much time go by. */
  async pass (ms: number): Promise<void> {
    await this.until(() => false, ms)
  }
}

/** All promises that could settle have. */
function settled (): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** The server's end of a socket. */
export interface Peer {
  receive(frame: ClientFrame): void
  /** The connection is gone. */
  gone(): void
}

/**
 * Both ends of a connection, and the two directions between them: in order, each frame with a delay of its
 * own.
 */
export class Pipe {
  peer: Peer | undefined
  open = false
  #arrivesUp = 0
  #arrivesDown = 0
  #lostUp = false
  #lostDown = false
  readonly #world: World
  readonly #socket: FakeSocket
  readonly #latencyMs: number

  constructor (world: World, socket: FakeSocket, latencyMs: number) {
    this.#world = world
    this.#socket = socket
    this.#latencyMs = latencyMs
  }

  up (data: string): void {
    if (!this.open) return
    this.#arrivesUp = Math.max(this.#arrivesUp, this.#world.now() + this.#world.below(this.#latencyMs))
    this.#world.setTimeout(() => {
      if (!this.#lostUp) this.peer?.receive(JSON.parse(data))
    }, this.#arrivesUp - this.#world.now())
  }

  down (frame: ServerFrame): void {
    if (!this.open) return
    const data = JSON.stringify(frame)
    this.#arrivesDown = Math.max(this.#arrivesDown, this.#world.now() + this.#world.below(this.#latencyMs))
    this.#world.setTimeout(() => {
      if (!this.#lostDown) this.#socket.onmessage?.({ data })
    }, this.#arrivesDown - this.#world.now())
  }

  /** A planned close by the server: what was sent arrives before. */
  close (code: number, reason = ''): void {
    if (!this.open) return
    this.open = false
    this.peer?.gone()
    this.#arrivesDown = Math.max(this.#arrivesDown, this.#world.now() + this.#world.below(this.#latencyMs))
    this.#world.setTimeout(
      () => this.#socket.onclose?.({ code, reason }),
      this.#arrivesDown - this.#world.now()
    )
  }

  /**
   * The connection breaks: of what is under way in each direction all or nothing arrives, and the client
   * learns of it some time later.
   */
  cut (): void {
    if (!this.open) return
    this.#lostDown = this.#world.chance(0.5)
    this.#lostUp = this.#world.chance(0.5)
    this.close(1006)
  }
}

/** A WebSocket as the client sees it. */
export class FakeSocket implements WebSocketLike {
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  constructor (readonly pipe: (socket: FakeSocket) => Pipe) {
    this.line = pipe(this)
  }

  readonly line: Pipe
  send (data: string): void {
    this.line.up(data)
  }

  close (): void {
    this.line.open = false
    this.line.peer?.gone()
  }
}

/**
 * A class of WebSocket whose connections are answered by `accept`: with the server's end, or with undefined
 * for a refused handshake.
 */
export function socketClass (
  world: World,
  accept: (pipe: Pipe, protocols: string[]) => Peer | undefined,
  latencyMs = 20
): WebSocketClass {
  return class extends FakeSocket {
    constructor (_url: string, protocols: string[]) {
      super(socket => {
        const pipe = new Pipe(world, socket, latencyMs)
        world.setTimeout(() => {
          pipe.open = true
          pipe.peer = accept(pipe, protocols)
          if (pipe.peer === undefined) pipe.close(1006)
        }, world.below(latencyMs))
        return pipe
      })
    }
  }
}

/** A `fetch` whose answers come some time later. */
/** What an HTTP request gets. */
export interface Answer {
  status: number
  body: unknown
}

export function fakeFetch (
  world: World,
  answer: (path: string, query: URLSearchParams, token: string) => Answer | undefined,
  latencyMs = 20
): FetchLike {
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const { pathname, searchParams } = new URL(url)
      signal.addEventListener('abort', () => reject(new Error('aborted')))
      world.setTimeout(() => {
        const found = answer(pathname, searchParams, headers.authorization?.replace('Bearer ', '') ?? '')
        if (found === undefined) reject(new TypeError('fetch failed'))
        else {
          resolve({
            ok: found.status < 300,
            status: found.status,
            headers: { get: () => null },
            json: async () => found.body
          })
        }
      }, world.below(latencyMs))
    })
}
