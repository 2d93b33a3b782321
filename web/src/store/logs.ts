import { foldMessage, type ChangeFrame, type Message } from 'chat-app-client'
import { api } from '../api.js'

/** The loaded messages of a conversation, ascending by seq, without a gap. */
export interface Log {
  messages: Message[]
  /** whether older ones exist */
  hasMore: boolean
  isLoaded: boolean
  isLoading: boolean
  /** whether older messages were put before the others last, and not newer ones after them */
  isShifted: boolean
}

const PAGE = 60
const EMPTY: Log = { messages: [], hasMore: true, isLoaded: false, isLoading: false, isShifted: false }

type MessagePage = Awaited<ReturnType<typeof api.page>>

/** Fetches of a conversation that are under way, and what arrived over the socket meanwhile. */
interface Fetching {
  count: number
  arrived: (Message | ChangeFrame)[]
}

/** The loaded messages of all conversations. */
export class Logs {
  readonly #logs = new Map<string, Log>()
  readonly #fetching = new Map<string, Fetching>()
  readonly #changed: () => void

  constructor (changed: () => void) {
    this.#changed = changed
  }

  get (conversation: string): Log { return this.#logs.get(conversation) ?? EMPTY }

  forget (conversation: string): void { this.#logs.delete(conversation) }

  #set (conversation: string, log: Partial<Log>): void {
    this.#logs.set(conversation, { ...this.get(conversation), ...log })
    this.#changed()
  }

  /** Puts a new message in its place; fetches what is missing before it. */
  add (message: Message): void {
    this.#fetching.get(message.conversation)?.arrived.push(message)
    this.#add(message)
  }

  #add (message: Message): void {
    const { conversation, seq } = message
    const { messages, isLoaded } = this.get(conversation)
    if (!isLoaded) return
    const last = messages.at(-1)?.seq ?? 0
    if (seq > last + 1) void this.catchUp(conversation)
    else if (seq > last) this.#set(conversation, { messages: [...messages, message], isShifted: false })
  }

  /** Applies an edit, a deletion or a reaction to the message that it names. */
  apply (change: ChangeFrame): void {
    this.#fetching.get(change.conversation)?.arrived.push(change)
    this.#apply(change)
  }

  #apply (change: ChangeFrame): void {
    const { messages } = this.get(change.conversation)
    if (!('seq' in change)) return
    const at = messages.findIndex(message => message.seq === change.seq)
    if (at === -1) return
    this.#set(change.conversation, { messages: messages.with(at, foldMessage(messages[at]!, change)) })
  }

  /** Loads the newest messages, or those before the loaded ones. */
  async load (conversation: string): Promise<void> {
    const { messages, isLoading, hasMore, isLoaded } = this.get(conversation)
    if (isLoading || (isLoaded && !hasMore)) return
    this.#set(conversation, { isLoading: true })
    const first = messages[0]?.seq
    const before = isLoaded && first !== undefined ? `&before=${first}` : ''
    const isFetched = await this.#fetch(conversation, `limit=${PAGE}${before}`, page => {
      const known = this.get(conversation).messages
      this.#set(conversation, {
        messages: [...page.data, ...known],
        hasMore: page.hasMore ?? false,
        isLoaded: true,
        isLoading: false,
        isShifted: isLoaded
      })
    })
    if (!isFetched) this.#set(conversation, { isLoading: false })
  }

  /** Loads what came after the loaded messages. */
  async catchUp (conversation: string): Promise<void> {
    const { isLoaded, messages } = this.get(conversation)
    if (!isLoaded) return await this.load(conversation)
    let hasMore = false
    await this.#fetch(conversation, `limit=1000&after=${messages.at(-1)?.seq ?? 0}`, page => {
      const known = this.get(conversation).messages
      const last = known.at(-1)?.seq ?? 0
      this.#set(conversation, {
        messages: [...known, ...page.data.filter(({ seq }) => seq > last)], isShifted: false
      })
      hasMore = page.hasMore === true
    })
    if (hasMore) await this.catchUp(conversation)
  }

  /**
   * Fetches a page and takes it in, then what arrived meanwhile: the server may have read the page before.
   * @returns whether the page could be fetched
   */
  async #fetch (conversation: string, query: string, take: (page: MessagePage) => void): Promise<boolean> {
    const fetching = this.#fetching.get(conversation) ?? { count: 0, arrived: [] }
    this.#fetching.set(conversation, fetching)
    fetching.count++
    try {
      take(await api.page(conversation, query))
      for (const entry of fetching.arrived) {
        if ('kind' in entry) this.#apply(entry)
        else this.#add(entry)
      }
      return true
    } catch {
      return false
    } finally {
      fetching.count--
      if (fetching.count === 0) this.#fetching.delete(conversation)
    }
  }
}
