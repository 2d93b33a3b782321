/** Pages of what a tail holds (src/chat/log/tails.ts): the same as those that come from the database. */
import { jsonBytesOf, type JsonMessage } from './message-json.js'
import type { Page, PageBounds } from './page.js'

/**
 * The messages above a number.
 * @param tail the newest messages, ascending, without a gap
 * @returns undefined where the tail does not reach back so far
 */
export function pageAfter (
  tail: JsonMessage[], after: number, { limit, maxBytes }: PageBounds
): Page<JsonMessage> | undefined {
  const [oldest] = tail
  if (oldest === undefined || after < oldest.seq - 1) return undefined
  const start = Math.min(after + 1 - oldest.seq, tail.length)
  let end = start
  let bytes = 0
  while (end < tail.length && end - start < limit) {
    const more = jsonBytesOf(tail[end]!)
    if (end > start && bytes + more > maxBytes) break
    bytes += more
    end++
  }
  return { items: tail.slice(start, end), bytes, hasMore: end < tail.length }
}

/**
 * The newest messages, or those just below a number.
 * @param tail the newest messages, ascending, without a gap
 * @param above messages up to this number are not visible
 * @returns undefined where the tail does not reach back so far
 */
export function pageBefore (
  tail: JsonMessage[], before: number | undefined, above: number, { limit, maxBytes }: PageBounds
): Page<JsonMessage> | undefined {
  const [oldest] = tail
  if (oldest === undefined) return undefined
  const end = before === undefined ? tail.length : Math.min(before - oldest.seq, tail.length)
  if (end <= 0) return oldest.seq + end - 1 <= above ? { items: [], bytes: 0, hasMore: false } : undefined
  const least = Math.max(0, above + 1 - oldest.seq)
  let start = end
  let bytes = 0
  let isFull = false
  while (!isFull && start > least) {
    const more = jsonBytesOf(tail[start - 1]!)
    isFull = end - start === limit || (start < end && bytes + more > maxBytes)
    if (isFull) break
    bytes += more
    start--
  }
  const hasMore = oldest.seq + start - 1 > above
  if (hasMore && !isFull && end - start < limit) return undefined
  return { items: tail.slice(start, end), bytes, hasMore }
}
