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

/** The loaded messages of all conversations. */
export class Logs {
  readonly #logs = new Map<string, Log>()
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
    const { conversation, seq } = message
    const { messages, isLoaded } = this.get(conversation)
    if (!isLoaded) return
    const last = messages.at(-1)?.seq ?? 0
    if (seq > last + 1) void this.catchUp(conversation)
    else if (seq > last) this.#set(conversation, { messages: [...messages, message], isShifted: false })
  }

  /** Applies an edit, a deletion or a reaction to the message that it names. */
  apply (change: ChangeFrame): void {
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
    try {
      const page = await api.page(conversation, `limit=${PAGE}${before}`)
      const known = this.get(conversation).messages
      this.#set(conversation, {
        messages: [...page.data, ...known],
        hasMore: page.hasMore ?? false,
        isLoaded: true,
        isLoading: false,
        isShifted: isLoaded
      })
    } catch {
      this.#set(conversation, { isLoading: false })
    }
  }

  /** Loads what came after the loaded messages. */
  async catchUp (conversation: string): Promise<void> {
    const { isLoaded, messages } = this.get(conversation)
    if (!isLoaded) return await this.load(conversation)
    const query = `limit=1000&after=${messages.at(-1)?.seq ?? 0}`
    const page = await api.page(conversation, query).catch(() => undefined)
    if (page === undefined) return
    const known = this.get(conversation).messages
    const last = known.at(-1)?.seq ?? 0
    this.#set(conversation, {
      messages: [...known, ...page.data.filter(({ seq }) => seq > last)], isShifted: false
    })
    if (page.hasMore === true) await this.catchUp(conversation)
  }
}
