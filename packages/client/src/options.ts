import { BEARER_PREFIX, CONVERSATION_ID_PATTERN, SUBPROTOCOL } from 'chat-protocol'
import type { WebSocketClass } from './connection.js'
import type { FetchLike } from './http.js'
import type { Backoff } from './pace.js'
import type { SavedState } from './saving.js'
import { systemClock, type Clock } from './timer.js'

export interface ChatClientOptions {
  /** where the server is, such as `https://chat.example.org` */
  url: string
  /** the token that register or login returned; without one a browser's cookie is used */
  token?: string
  /**
   * Conversation -> the highest number that the application has stored. Later messages are delivered, and all
   * messages of other conversations. Without it the client starts from now: see `history`.
   */
  have?: Record<string, number>
  /**
   * Where conversations begin that `have` does not name: with messages from now on (`new`), or with their
   * first message (`all`). Default: `all` with `have`, otherwise `new`.
   */
  history?: 'new' | 'all'
  /** what `save` got last: the client goes on there; it stands for `have` */
  state?: SavedState
  /**
   * Called with the state some time after it changed, for a store that survives a restart. Store the messages
   * that the application shows before: after a crash some are delivered again, none is lost.
   */
  save?: (state: SavedState) => void
  /** messages that may wait for their answers, offline or not; default 1000 */
  queueLimit?: number
  /**
   * messages on the socket that wait for their answers; default 16. With 1 the user's messages keep their
   * order even if the server refuses one for a while.
   */
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
/** A killed server is back in seconds, and people accept a wait of half a minute. */
const BACKOFF: Backoff = { baseMs: 1000, ceilingMs: 30_000 }

const CONVERSATION = new RegExp(CONVERSATION_ID_PATTERN)

/** Whether the arguments can be a conversation and a number in it. */
export function isMark (conversation: string, seq: number): boolean {
  return CONVERSATION.test(conversation) && Number.isSafeInteger(seq) && seq >= 0
}

/**
 * Fills in the defaults of options, and derives the addresses from `url`.
 * @throws TypeError, RangeError that names the option
 */
export function resolveOptions (options: ChatClientOptions) {
  const { token, state } = options
  const have = state?.have ?? options.have ?? {}
  const isFresh = state === undefined && options.have === undefined
  for (const [id, seq] of Object.entries(have)) {
    if (!isMark(id, seq)) throw new TypeError(`have: not a conversation and its number: ${id}: ${seq}`)
  }
  return {
    ...addressesOf(options.url),
    // Never in the URL, which is logged.
    protocols: token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, BEARER_PREFIX + token],
    token,
    have,
    complete: (options.history ?? (isFresh ? 'new' : 'all')) === 'all',
    queueLimit: positive('queueLimit', options.queueLimit ?? QUEUE_LIMIT),
    inFlight: positive('inFlight', options.inFlight ?? IN_FLIGHT),
    backoff: { ...BACKOFF, ...options.backoff },
    WebSocket: options.WebSocket ?? globalWebSocket(),
    fetch: options.fetch ?? globalFetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random
  }
}

/** The global classes and functions that this runtime may have. */
const runtime = globalThis as { WebSocket?: unknown, fetch?: unknown }

/** Reads the global function at each call, and calls it without `this`, as browsers require. */
const globalFetch: FetchLike = (address, init) => (runtime.fetch as FetchLike)(address, init)

function globalWebSocket (): WebSocketClass {
  if (runtime.WebSocket !== undefined) return runtime.WebSocket as WebSocketClass
  throw new TypeError('WebSocket: this runtime has none; pass a class, such as that of the package ws')
}

function addressesOf (text: string): { socketUrl: string, httpUrl: string } {
  const { protocol, host, pathname } = new URL(text)
  if (!/^(http|ws)s?:$/.test(protocol)) throw new TypeError('url: http, https, ws or wss')
  const isSecure = protocol === 'https:' || protocol === 'wss:'
  const rest = `${isSecure ? 's' : ''}://${host}${withoutTrailingSlashes(pathname)}`
  return { socketUrl: `ws${rest}/ws`, httpUrl: `http${rest}` }
}

/**
 * Not a pattern: one for slashes at the end takes quadratic time if a path has a run of slashes elsewhere.
 */
function withoutTrailingSlashes (path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}

function positive (name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}: a whole number from 1`)
  return value
}
