/** How much an answer with a list may hold. */
import { Type } from '@sinclair/typebox'

/** Items that a page has at most, and has unless the caller asks for fewer. */
export const PAGE_LIMIT = 1000

/**
 * Bytes of a list's items in JSON at most: 1,000 messages of 950 characters of any script, or 103 of the
 * longest.
 */
export const LIST_BYTES = 4 * 1024 * 1024

export const PageLimit = Type.Integer({
  minimum: 1,
  maximum: PAGE_LIMIT,
  description: 'items of a page at most'
})

/** What JSON.stringify escapes; lone surrogates are refused earlier (src/validation.ts). */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const ESCAPED = /["\\\u0000-\u001f]/

/** Bytes of a text in JSON (RFC 8259, 7) without its quotes. A control character takes six. */
export function jsonBytes (text: string): number {
  return Buffer.byteLength(ESCAPED.test(text) ? JSON.stringify(text) : text)
}
