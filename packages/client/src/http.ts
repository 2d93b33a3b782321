/** The two pages that catching up needs of the HTTP API, and whether the session is still good. */
import { ChatError } from './errors.js'
import type { ConversationState, Message } from 'chat-protocol'
import { Timer, type Clock } from './timer.js'

/** The part of `fetch` that is used: that of browsers and of Node fits. */
export type FetchLike = (
  url: string,
  init: { headers: Record<string, string>, credentials: 'include' | 'omit', signal: AbortSignal }
) => Promise<{ ok: boolean, status: number, headers: { get (name: string): string | null }, json (): Promise<unknown> }>

export interface ConversationsPage { data: Omit<ConversationState, 'user'>[], next?: string }

/** The most that the server gives in a page. */
const MESSAGES = 1000
const CONVERSATIONS = 200
/** A page of 1000 long messages over a slow line takes a while; an answer that takes longer does not come. */
const ANSWER_MS = 60_000

export class Http {
  private readonly requests = new Set<AbortController>()

  /** @param base where the server is, without a slash at the end */
  constructor (private readonly base: string, private readonly token: string | undefined, private readonly fetch: FetchLike, private readonly clock: Clock) {}

  async messages (conversation: string, after: number): Promise<Message[]> {
    const [sender, reciver] = conversation.split(':')
    const { data } = await this.get(`getallmessages?sender=${sender}&reciver=${reciver}&after=${after}&limit=${MESSAGES}`) as { data: Message[] }
    return data
  }

  async conversations (after: string | undefined): Promise<ConversationsPage> {
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
    return await this.get(`conversations?limit=${CONVERSATIONS}${from}`) as ConversationsPage
  }

  /** False only if the server says so (401): not where it cannot be reached, or is busy. */
  async isSessionOpen (): Promise<boolean> {
    try {
      await this.get('user/me')
    } catch (error) {
      return !(error instanceof ChatError && error.code === 'unauthorized')
    }
    return true
  }

  /** Ends all requests. */
  abort (): void { for (const request of this.requests) request.abort() }

  /** @throws ChatError `http` or `unauthorized`, or what `fetch` throws where nothing is reached */
  private async get (path: string): Promise<unknown> {
    const request = new AbortController()
    const limit = new Timer(this.clock)
    limit.set(ANSWER_MS, () => request.abort())
    this.requests.add(request)
    try {
      const headers: Record<string, string> = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }
      const response = await this.fetch(`${this.base}/api/v1/${path}`, { headers, credentials: this.token === undefined ? 'include' : 'omit', signal: request.signal })
      const body = await response.json()
      if (response.ok) return body
      const seconds = Number(response.headers.get('retry-after') ?? NaN)
      const about = seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}
      throw new ChatError(response.status === 401 ? 'unauthorized' : 'http', `${path.split('?')[0]}: HTTP ${response.status}`, about)
    } finally {
      limit.clear()
      this.requests.delete(request)
    }
  }
}
