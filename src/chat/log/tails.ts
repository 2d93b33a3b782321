import type { MessageDocument } from '../../database/documents.js'
import { newJson, presentJson, type JsonMessage } from './message-json.js'

/** Messages of a conversation that are kept: those of the largest page. */
const MOST_MESSAGES = 1_000
/** Bytes of memory besides the text of a message: its object, its place in the list, and its string. */
const ITEM_BYTES = 100

/** The newest messages of one conversation, without a gap, up to its end. */
export interface Tail {
  readonly conversation: string
  items: JsonMessage[]
  bytes: number
}

/**
 * The newest messages of the conversations that were used last, in their present state, as JSON:
 *
 *     messages of C1   1 … 40 | 41 42 43 44      the tail has 41 to 44, which is the end of the log
 *
 * What this process stores is added at the end, and what it folds is replaced. So a tail is right only
 * while no other process writes.
 */
export class Tails {
  readonly #maxBytes: number
  /** The tail that was used last is the last one. */
  readonly #tails = new Map<string, Tail>()
  #bytes = 0

  /** @param maxBytes of memory for all tails together, 0 for none */
  constructor (maxBytes: number) { this.#maxBytes = maxBytes }

  get bytes (): number { return this.#bytes }

  /** The tail of a conversation, which may be empty. A page that is read now may be added to it later. */
  use (conversation: string): Tail {
    const tail = this.#tails.get(conversation) ?? { conversation, items: [], bytes: 0 }
    this.#tails.delete(conversation)
    this.#tails.set(conversation, tail)
    return tail
  }

  /** A message was stored; called in the order of its conversation. */
  stored (message: MessageDocument): void {
    if (this.#maxBytes === 0) return
    const { conversation, seq } = message
    const last = this.#tails.get(conversation)?.items.at(-1)
    if (last !== undefined && last.seq !== seq - 1) this.drop(conversation)
    const tail = this.use(conversation)
    const item = newJson(message)
    tail.items.push(item)
    this.#grow(tail, sizeOf(item))
    if (tail.items.length > 2 * MOST_MESSAGES) this.#cut(tail)
    this.#evict()
  }

  /** A message was changed by an entry that is folded now. */
  changed (message: MessageDocument): void {
    const { conversation, seq } = message
    const tail = this.#tails.get(conversation)
    if (tail === undefined) return
    const at = seq - (tail.items[0]?.seq ?? Infinity)
    const before = tail.items[at]
    if (before === undefined) {
      // A page that is being read may have the message as it was.
      this.drop(conversation)
      return
    }
    const item = presentJson(message)
    tail.items[at] = item
    this.#grow(tail, sizeOf(item) - sizeOf(before))
  }

  drop (conversation: string): void {
    const tail = this.#tails.get(conversation)
    if (tail === undefined) return
    this.#tails.delete(conversation)
    this.#bytes -= tail.bytes
  }

  /**
   * Adds messages that were read from the database.
   * @param tail what `use` returned before they were read; it takes nothing if it was dropped meanwhile
   * @param isEnd whether nothing was stored behind them when they were read
   */
  fill (tail: Tail, messages: JsonMessage[], isEnd: boolean): void {
    if (this.#tails.get(tail.conversation) !== tail) return
    const first = tail.items[0]?.seq
    const last = messages.at(-1)?.seq
    const adjoins = first === undefined ? isEnd : last !== undefined && last >= first - 1
    if (!adjoins) return
    const older = first === undefined ? messages : messages.filter(({ seq }) => seq < first)
    tail.items = [...older, ...tail.items]
    this.#grow(tail, older.reduce((bytes, item) => bytes + sizeOf(item), 0))
    if (tail.items.length > MOST_MESSAGES) this.#cut(tail)
    this.#evict()
  }

  #cut (tail: Tail): void {
    const cut = tail.items.slice(0, -MOST_MESSAGES)
    tail.items = tail.items.slice(-MOST_MESSAGES)
    this.#grow(tail, -cut.reduce((bytes, item) => bytes + sizeOf(item), 0))
  }

  #grow (tail: Tail, bytes: number): void {
    tail.bytes += bytes
    this.#bytes += bytes
  }

  #evict (): void {
    for (const conversation of this.#tails.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.drop(conversation)
    }
  }
}

/** Memory of a message: with a character beyond Latin-1 its text takes two bytes for each UTF-16 unit. */
function sizeOf ({ json, bytes }: JsonMessage): number {
  return ITEM_BYTES + (bytes === json.length ? bytes : 2 * json.length)
}
