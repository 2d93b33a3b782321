import { BEARER_PREFIX, CONVERSATION_ID_PATTERN, SUBPROTOCOL } from 'chat-protocol'
import type { WebSocketClass } from './connection.js'
import type { FetchLike } from './http.js'
import type { Backoff } from './pace.js'
import { systemClock, type Clock } from './timer.js'

export interface ChatClientOptions {
  /** where the server is, such as `https://chat.example.org` */
  url: string
  /** the token that register or login gave; without one a browser's cookie is the session */
  token?: string
  /**
   * Conversation -> the highest number that the application has stored: of every conversation what comes after it is handed on, and everything of any other.
   * Without it the client starts from now: see `history`.
   */
  have?: Record<string, number>
  /** Where conversations begin that `have` does not name: `new` with what is sent from now on, `all` with their first message. Default: `all` with `have`, else `new`. */
  history?: 'new' | 'all'
  /** messages that may wait for their answers, offline or not; default 1000 */
  queueLimit?: number
  /** messages on the socket that wait for their answers; default 16. With 1 the order of one's own messages holds even where the server refuses one for a while. */
  inFlight?: number
  /** waits between attempts; default from 1 s to 30 s */
  backoff?: Partial<Backoff>
  /** default: the global one (browsers, Node 22) */
  WebSocket?: WebSocketClass
  /** default: the global one */
  fetch?: FetchLike
  /** for tests: time and timers */
  clock?: Clock
  /** for tests: chance, from 0 to below 1 */
  random?: () => number
}

const QUEUE_LIMIT = 1000
/** Below the server's burst of 60 frames (20 a second, for 3 seconds). */
const IN_FLIGHT = 16
/** A server that was killed is back in seconds; half a minute is what a person accepts who watches. */
const BACKOFF: Backoff = { baseMs: 1000, ceilingMs: 30_000 }

const CONVERSATION = new RegExp(CONVERSATION_ID_PATTERN)

/** Whether these can be a conversation and a number in it. */
export function isMark (conversation: string, seq: number): boolean { return CONVERSATION.test(conversation) && Number.isSafeInteger(seq) && seq >= 0 }

/**
 * The options with their defaults, and the addresses that follow from `url`.
 * @throws TypeError, RangeError naming the option that cannot work
 */
export function resolveOptions (options: ChatClientOptions) {
  const url = new URL(options.url)
  if (!/^(http|ws)s?:$/.test(url.protocol)) throw new TypeError('url: http, https, ws or wss')
  const place = `${/^(https|wss):$/.test(url.protocol) ? 's' : ''}://${url.host}${withoutTrailingSlashes(url.pathname)}`
  const have = options.have ?? {}
  for (const [id, seq] of Object.entries(have)) {
    if (!isMark(id, seq)) throw new TypeError(`have: not a conversation and its number: ${id}: ${seq}`)
  }
  const found = globalThis as { WebSocket?: unknown, fetch?: unknown }
  const WebSocket = options.WebSocket ?? found.WebSocket as WebSocketClass | undefined
  if (WebSocket === undefined) throw new TypeError('WebSocket: there is none here; pass a class, such as that of the package ws')
  return {
    socketUrl: `ws${place}/ws`,
    // never in the URL, which gets logged
    protocols: options.token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, BEARER_PREFIX + options.token],
    httpUrl: `http${place}`,
    token: options.token,
    have,
    complete: (options.history ?? (options.have === undefined ? 'new' : 'all')) === 'all',
    queueLimit: positive('queueLimit', options.queueLimit ?? QUEUE_LIMIT),
    inFlight: positive('inFlight', options.inFlight ?? IN_FLIGHT),
    backoff: { ...BACKOFF, ...options.backoff },
    WebSocket,
    // called as a plain function: browsers refuse `fetch` on another `this`
    fetch: options.fetch ?? ((address, init) => (found.fetch as FetchLike)(address, init)) satisfies FetchLike,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random
  }
}

/** A pattern for slashes at the end takes quadratic time in a path that has a run of them elsewhere. */
function withoutTrailingSlashes (path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}

function positive (name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}: a whole number from 1`)
  return value
}
