import type { Test } from 'tap'
import { sanitizeAvatar } from '../../src/avatars/svg.js'

export const NS = 'xmlns="http://www.w3.org/2000/svg"'
export const XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')
export const svg = (inside: string, attributes = ''): string => `<svg ${NS} ${attributes}>${inside}</svg>`
export const sanitize = (text: string | Uint8Array) => sanitizeAvatar(base64(text))

/** A name, the document, and the problem that names what is refused. */
export type Hostile = [name: string, document: string | Uint8Array, problem: RegExp]

/** What the sanitiser makes of a document that must pass; checks that it is a fixed point. */
export function accepted (t: Test, text: string, message: string): string {
  const result = sanitize(text)
  if (!('value' in result)) {
    t.fail(`${message}: ${result.problem}`)
    return ''
  }
  t.same(sanitizeAvatar(result.value), result, `${message}: what is stored is a fixed point`)
  return Buffer.from(result.value, 'base64').toString()
}
