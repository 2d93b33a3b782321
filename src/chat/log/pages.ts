import { MESSAGE_CHARS } from 'chat-protocol'
import { mapInSlices } from '../../concurrency/slices.js'
import type { EntryDocument } from '../../database/documents.js'
import { jsonBytes } from '../../lists.js'
import { MESSAGE_BYTES, reactionBytes } from '../messages.js'
import { textOf } from './entries.js'
import type { Direction, LogRepository } from './log-repository.js'
import { jsonBytesOf, presentJson, type JsonMessage } from './message-json.js'
import type { Page, PageBounds } from './page.js'
import { pageAfter, pageBefore } from './tail-pages.js'
import type { Tails } from './tails.js'

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
  readonly #tails: Tails | undefined
  /** Pages that came from memory. */
  fromMemory = 0

  /** @param tails of the conversations that were used last; undefined where other processes write too */
  constructor (log: LogRepository, tails: Tails | undefined) {
    this.#log = log
    this.#tails = tails
  }

  /**
   * The messages numbered above `after`, ascending, in their present state.
   * @param above messages up to this number are not visible
   */
  async after (
    conversation: string, after: number, above: number, bounds: PageBounds
  ): Promise<Page<JsonMessage>> {
    const from = Math.max(after, above)
    const tail = this.#tails?.use(conversation)
    const known = tail && pageAfter(tail.items, from, bounds)
    if (known !== undefined) {
      this.fromMemory++
      return known
    }
    const page = await this.#messages(conversation, from, 'asc', above, bounds)
    if (tail !== undefined) this.#tails!.fill(tail, page.items, !page.hasMore)
    return page
  }

  /** The newest messages, or those just below `before`; ascending, in their present state. */
  async before (
    conversation: string, before: number | undefined, above: number, bounds: PageBounds
  ): Promise<Page<JsonMessage>> {
    const tail = this.#tails?.use(conversation)
    const known = tail && pageBefore(tail.items, before, above, bounds)
    if (known !== undefined) {
      this.fromMemory++
      return known
    }
    const page = await this.#messages(conversation, before, 'desc', above, bounds)
    page.items.reverse()
    if (tail !== undefined) this.#tails!.fill(tail, page.items, before === undefined)
    return page
  }

  /** The entries above a rev, ascending, as they were stored. */
  async entries (conversation: string, after: number, bounds: PageBounds): Promise<Page<EntryDocument>> {
    const read = async (from: number | undefined, count: number) =>
      await this.#log.readEntries(conversation, from ?? 0, count)
    return await readPage(read, after, { numberOf: entry => entry.rev, bytesOf, ...bounds })
  }

  async #messages (
    conversation: string, first: number | undefined, direction: Direction, above: number, bounds: PageBounds
  ): Promise<Page<JsonMessage>> {
    const read = async (from: number | undefined, count: number) => {
      const messages = await this.#log.readMessages(conversation, { from, direction, above }, count)
      return await mapInSlices(messages, presentJson)
    }
    return await readPage(read, first, { numberOf: ({ seq }) => seq, bytesOf: jsonBytesOf, ...bounds })
  }
}

interface ReadOptions<Item> extends PageBounds {
  numberOf: (item: Item) => number
  /** what an item takes in JSON at most */
  bytesOf: (item: Item) => number
}

/**
 * Reads a page in parts: the first by number, the following ones as large as their predecessors tell. So
 * few bytes are read that the page does not hold.
 * @param read reads some entries that follow a number
 * @param first the number to go on from, exclusive
 */
async function readPage<Item> (
  read: (from: number | undefined, count: number) => Promise<Item[]>,
  first: number | undefined,
  { limit, maxBytes, numberOf, bytesOf }: ReadOptions<Item>
): Promise<Page<Item>> {
  const page: Page<Item> = { items: [], bytes: 0, hasMore: false }
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
