/** What JSON.stringify escapes; lone surrogates are refused before (src/http/validation.ts). */
// eslint-disable-next-line no-control-regex
const ESCAPED = /["\\\u0000-\u001f]/

/** The bytes of a text in JSON (RFC 8259, 7), without its quotes. A control character takes six. */
export function jsonBytes (text: string): number {
  return Buffer.byteLength(ESCAPED.test(text) ? JSON.stringify(text) : text)
}
