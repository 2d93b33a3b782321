import { MESSAGE_CHARS, type Message } from 'chat-protocol'
import type { EntryDocument } from '../../database/documents.js'
import { jsonBytes } from '../../lists.js'
import { MESSAGE_BYTES, presentMessage, reactionBytes } from '../messages.js'
import { textOf } from './entries.js'
import type { Direction, LogRepository } from './log-repository.js'

export interface PageBounds {
  /** entries of the page at most */
  limit: number
  /** bytes of the entries in JSON at most; a page has at least one entry all the same */
  maxBytes: number
}

export interface Page<Item> {
  items: Item[]
  /** in JSON, at most */
  bytes: number
  /** whether there are more in the direction of reading */
  hasMore: boolean
}

/**
 * Long messages may follow short ones, so each part is larger than the one before by this factor at most:
 * 16 MB of the longest messages. Fewer parts are faster: with 250 messages at a time a page of 1,000 took
 * 15 % more CPU time.
 */
const MOST_GROWTH = 4
/** One read is enough for most pages; of the longest messages it has 2.6 MB. */
const FIRST_PART = 64
/** A character of a message has up to four bytes. */
const LONGEST_BYTES = MESSAGE_BYTES + 4 * MESSAGE_CHARS

/** Reads the log of a conversation by pages. */
export class Pages {
  readonly #log: LogRepository

  constructor (log: LogRepository) {
    this.#log = log
  }

  /**
   * The messages numbered above `after`, ascending, in their present state.
   * @param above messages up to this number are not visible
   */
  async after (
    conversation: string, after: number, above: number, bounds: PageBounds
  ): Promise<Page<Message>> {
    return await this.#messages(conversation, Math.max(after, above), 'asc', above, bounds)
  }

  /** The newest messages, or those just below `before`; ascending, in their present state. */
  async before (
    conversation: string, before: number | undefined, above: number, bounds: PageBounds
  ): Promise<Page<Message>> {
    const page = await this.#messages(conversation, before, 'desc', above, bounds)
    page.items.reverse()
    return page
  }

  /** The entries above a rev, ascending, as they were stored. */
  async entries (conversation: string, after: number, bounds: PageBounds): Promise<Page<EntryDocument>> {
    const read = async (from: number | undefined, count: number) =>
      await this.#log.readEntries(conversation, from ?? 0, count)
    return await readPage(read, after, entry => entry.rev, bounds)
  }

  async #messages (
    conversation: string, first: number | undefined, direction: Direction, above: number, bounds: PageBounds
  ): Promise<Page<Message>> {
    const read = async (from: number | undefined, count: number) =>
      await this.#log.readMessages(conversation, { from, direction, above }, count)
    const page = await readPage(read, first, entry => entry.seq, bounds)
    return { ...page, items: page.items.map(presentMessage) }
  }
}

/**
 * Reads a page in parts: the first by number, the following ones as large as their predecessors tell. So
 * few bytes are read that the page does not hold.
 * @param read reads some entries that follow a number
 * @param first the number to go on from, exclusive
 */
async function readPage<D extends EntryDocument> (
  read: (from: number | undefined, count: number) => Promise<D[]>,
  first: number | undefined,
  numberOf: (entry: D) => number,
  { limit, maxBytes }: PageBounds
): Promise<Page<D>> {
  const page: Page<D> = { items: [], bytes: 0, hasMore: false }
  const { items } = page
  const least = Math.max(FIRST_PART, Math.floor(maxBytes / LONGEST_BYTES))
  let next = first
  let part = least
  for (;;) {
    const wanted = Math.min(part, limit + 1 - items.length)
    const entries = await read(next, wanted)
    for (const entry of entries) {
      const bytes = bytesOf(entry)
      const isFull = items.length > 0 && page.bytes + bytes > maxBytes
      if (items.length === limit || isFull) return { ...page, hasMore: true }
      page.bytes += bytes
      items.push(entry)
    }
    if (entries.length < wanted) return page
    next = numberOf(entries.at(-1)!)
    const fitting = Math.ceil((maxBytes - page.bytes) * items.length / page.bytes)
    part = Math.max(least, Math.min(fitting, wanted * MOST_GROWTH))
  }
}

/** What an entry takes in JSON at most. */
function bytesOf (entry: EntryDocument): number {
  if (entry.kind !== 'message') return MESSAGE_BYTES + jsonBytes(textOf(entry))
  const text = jsonBytes(entry.message) + (entry.current === undefined ? 0 : jsonBytes(entry.current))
  return MESSAGE_BYTES + text + reactionBytes(entry)
}
