import { FUNCTIONS, PROPERTIES } from './allow-list.js'

/** Why an image is refused, for its owner's eyes: completes a sentence that begins with the field's name. */
export class Refusal extends Error {}

/** Longest part of the caller's own input that a problem repeats. */
const MAX_QUOTED = 60

/** The caller's own text, short enough to repeat in a problem. */
export function quote (text: string): string {
  // Half a surrogate pair at the end would not be text any more.
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED).replace(/[\uD800-\uDBFF]$/, '')}…` : text
}

const REFERENCE = /^#([\p{L}\p{N}_.:-]{1,100})$/u
/** What may follow `url(`: a fragment in one kind of quotes or none. */
const URL_ARGUMENT = / *(["']?)#([\p{L}\p{N}_.:-]{1,100})\1 *\)/uy
/** A `stroke-dasharray` without dashes, as editors write it. */
const NO_DASHES = /^ *(?:(?:none|inherit|0) *)?$/i
/** Separators, a string, a closing parenthesis, or a word that may open a function. No alternative begins like another. */
const TOKEN = /[ ,/]+|"[^"\\]*"|'[^'\\]*'|\)|([\p{L}\p{M}\p{N}_.%+#-]+)( *\()?/uy

/**
 * The ids that an attribute or property value refers to by `url(#id)`. One grammar covers path data, numbers, lists,
 * colours, keywords, font names and transformations: words, commas, slashes, strings and functions on the allow-list.
 * It has no colon, backslash, semicolon, `@`, `<`, `*` nor braces, so that neither a URL with a scheme, a CSS escape,
 * a comment nor a rule can be written. Every character is read once.
 *
 * @throws {Refusal} naming `where`, for a function that is not allowed, an outside reference or any other character
 */
export function readValue (value: string, where: string): string[] {
  const references: string[] = []
  let depth = 0
  for (let at = 0; at < value.length;) {
    TOKEN.lastIndex = at
    const token = TOKEN.exec(value)
    if (token === null) throw new Refusal(`must not have ${JSON.stringify(String.fromCodePoint(value.codePointAt(at)!))} in ${where}`)
    at = TOKEN.lastIndex
    if (token[0] === ')' && --depth < 0) throw new Refusal(`must have balanced parentheses in ${where}`)
    if (token[2] === undefined) continue
    const name = token[1]!.toLowerCase()
    if (name === 'url') {
      URL_ARGUMENT.lastIndex = at
      const argument = URL_ARGUMENT.exec(value)
      if (argument === null) throw new Refusal(`must refer only to an #id inside itself: url() in ${where}`)
      at = URL_ARGUMENT.lastIndex
      references.push(argument[2]!)
    } else if (FUNCTIONS.has(name)) {
      depth++
    } else {
      throw new Refusal(`must not have the function ${quote(name)}() in ${where}`)
    }
  }
  if (depth !== 0) throw new Refusal(`must have balanced parentheses in ${where}`)
  return references
}

/**
 * The ids that a property's value refers to, of an attribute or in `style`.
 *
 * @throws {Refusal} as `readValue`; for dashes, whose number grows with the length of a path and not with the picture's
 * size; and for several filters on one element, each of which may multiply the work of the one before
 */
export function readProperty (name: string, value: string, where: string): string[] {
  const references = readValue(value, where)
  if (name === 'stroke-dasharray' && !NO_DASHES.test(value)) throw new Refusal(`must not have dashes: ${where}`)
  if (name === 'filter' && references.length > 1) throw new Refusal(`must not have several filters in ${where}`)
  return references
}

/**
 * The id that an `href` names.
 *
 * @throws {Refusal} for anything but `#id`: no scheme, no other document
 */
export function readReference (value: string): string {
  const match = REFERENCE.exec(value.trim())
  if (match === null) throw new Refusal(`must refer only to an #id inside itself: href ${JSON.stringify(quote(value))}`)
  return match[1]!
}

/**
 * A `style` attribute as `name:value;…` with names in lower case, and the ids it refers to. Inkscape's own
 * `-inkscape-…` properties are dropped. A semicolon inside a string leaves an unbalanced quote, which is refused.
 *
 * @throws {Refusal} for a property that is not on the allow-list, and as `readValue`
 */
export function readStyle (style: string): { value: string, references: string[] } {
  const kept: string[] = []
  const references: string[] = []
  for (const declaration of style.split(';')) {
    if (declaration.trim() === '') continue
    const colon = declaration.indexOf(':')
    const name = declaration.slice(0, colon === -1 ? undefined : colon).trim().toLowerCase()
    if (name.startsWith('-inkscape-')) continue
    if (colon === -1 || !PROPERTIES.has(name)) throw new Refusal(`must not have the style property ${JSON.stringify(quote(name))}`)
    const value = declaration.slice(colon + 1).trim()
    references.push(...readProperty(name, value, `the style property ${name}`))
    kept.push(`${name}:${value}`)
  }
  return { value: kept.join(';'), references }
}
