/**
 * The requests that the client makes over HTTP: the two pages for catching up, and a check of the session.
 */
import { ChatError, type FinalCode } from './errors.js'
import type { ConversationState } from 'chat-protocol'
import type { Entry } from './fold.js'
import { Timer, type Clock } from './timer.js'

/** The part of `fetch` that is used: that of browsers and of Node fits. */
export type FetchLike = (
  url: string,
  init: { headers: Record<string, string>, credentials: 'include' | 'omit', signal: AbortSignal }
) => Promise<ResponseLike>

/** The part of a `Response` that is used. */
interface ResponseLike {
  ok: boolean
  status: number
  headers: { get (name: string): string | null }
  json (): Promise<unknown>
}

interface ConversationsPage {
  data: Omit<ConversationState, 'user'>[]
  next?: string
}

/** The most that the server gives in a page. */
const ENTRIES = 1000
const CONVERSATIONS = 200
/** A page of 1000 long messages needs a while over a slow line. Later answers are given up. */
const ANSWER_MS = 60_000
/** The statuses after which the same request cannot help. */
const CODES: Partial<Record<number, FinalCode>> = { 401: 'unauthorized', 404: 'not_found' }

export class Http {
  readonly #requests = new Set<AbortController>()
  readonly #base: string
  readonly #token: string | undefined
  readonly #fetch: FetchLike
  readonly #clock: Clock

  /** @param base where the server is, without a slash at the end */
  constructor (base: string, token: string | undefined, fetch: FetchLike, clock: Clock) {
    this.#base = base
    this.#token = token
    this.#fetch = fetch
    this.#clock = clock
  }

  /** The entries of a conversation after a rev, ascending. */
  async changes (conversation: string, after: number): Promise<Entry[]> {
    const query = `after=${after}&limit=${ENTRIES}`
    const page = await this.#get(`conversations/${conversation}/changes?${query}`) as { data: Entry[] }
    return page.data
  }

  async conversations (after: string | undefined): Promise<ConversationsPage> {
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
    return await this.#get(`conversations?limit=${CONVERSATIONS}${from}`) as ConversationsPage
  }

  /** False only if the server says so (401), not if it cannot be reached or is busy. */
  async isSessionOpen (): Promise<boolean> {
    try {
      await this.#get('user/me')
    } catch (error) {
      return !(error instanceof ChatError && error.code === 'unauthorized')
    }
    return true
  }

  /** Aborts all requests. */
  abort (): void {
    for (const request of this.#requests) request.abort()
  }

  /** @throws ChatError `http` or `unauthorized`, or what `fetch` throws if it does not reach the server */
  async #get (path: string): Promise<unknown> {
    const request = new AbortController()
    const limit = new Timer(this.#clock)
    limit.set(ANSWER_MS, () => request.abort())
    this.#requests.add(request)
    try {
      const { signal } = request
      // A plain function call: browsers refuse `fetch` on another `this`.
      const fetch = this.#fetch
      const response = await fetch(`${this.#base}/api/v1/${path}`, { ...this.#credentials(), signal })
      const body = await response.json()
      if (response.ok) return body
      throw httpError(path, response)
    } finally {
      limit.clear()
      this.#requests.delete(request)
    }
  }

  /** Sends the token if there is one, otherwise the browser's cookie. */
  #credentials (): { headers: Record<string, string>, credentials: 'include' | 'omit' } {
    if (this.#token === undefined) return { headers: {}, credentials: 'include' }
    return { headers: { authorization: `Bearer ${this.#token}` }, credentials: 'omit' }
  }
}

function httpError (path: string, { status, headers }: ResponseLike): ChatError {
  const seconds = Number(headers.get('retry-after') ?? NaN)
  const about = seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}
  const code = CODES[status] ?? 'http'
  return new ChatError(code, `${path.split('?')[0]}: HTTP ${status}`, about)
}
