import { FUNCTIONS, PROPERTIES } from './allow-list.js'

/**
 * Why an image is refused, in words for its sender that complete a sentence beginning with the field's name.
 */
export class Refusal extends Error {}

/** Characters of the caller's input that a problem repeats at most. */
const MAX_QUOTED = 60

/** Shortens the caller's text, so that a problem can repeat it. */
export function quote (text: string): string {
  // Half a surrogate pair at the end would not be valid text.
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED).replace(/[\uD800-\uDBFF]$/, '')}…` : text
}

const REFERENCE = /^#([\p{L}\p{N}_.:-]{1,100})$/u
/** What may follow `url(`: a fragment, without quotes or in one kind of them. */
const URL_ARGUMENT = / *(["']?)#([\p{L}\p{N}_.:-]{1,100})\1 *\)/uy
/** A `stroke-dasharray` without dashes, as editors write it. */
const NO_DASHES = /^ *(?:(?:none|inherit|0) *)?$/i
/**
 * Separators, a string, a closing parenthesis, or a word that may open a function. All alternatives begin
 * differently.
 */
const TOKEN = /[ ,/]+|"[^"\\]*"|'[^'\\]*'|\)|([\p{L}\p{M}\p{N}_.%+#-]+)( *\()?/uy

/**
 * Reads the ids that the value of an attribute or property refers to by `url(#id)`. One grammar covers path
 * data, numbers, lists, colours, keywords, font names and transformations: words, commas, slashes, strings
 * and functions on the allow-list. Colons, backslashes, semicolons, `@`, `<`, `*` and braces are not in it,
 * so values cannot contain a URL with a scheme, a CSS escape, a comment or a rule. Every character is read
 * once.
 *
 * @throws {Refusal} naming `where`, if a function is not allowed, a reference leads outside, or any other
 *   character occurs
 */
function readValue (value: string, where: string): string[] {
  const references: string[] = []
  let depth = 0
  for (let at = 0; at < value.length;) {
    const token = readToken(value, at, where)
    at += token.text.length
    if (token.text === ')') depth--
    if (depth < 0) throw new Refusal(`must have balanced parentheses in ${where}`)
    if (token.call === 'url') {
      const argument = readUrlArgument(value, at, where)
      at += argument.text.length
      references.push(argument.id)
    } else if (token.call !== undefined) {
      checkFunction(token.call, where)
      depth++
    }
  }
  if (depth !== 0) throw new Refusal(`must have balanced parentheses in ${where}`)
  return references
}

function checkFunction (name: string, where: string): void {
  if (!FUNCTIONS.has(name)) throw new Refusal(`must not have the function ${quote(name)}() in ${where}`)
}

interface Token {
  text: string
  /** the name of a function, in lower case, if the token opens one */
  call: string | undefined
}

function readToken (value: string, at: number, where: string): Token {
  TOKEN.lastIndex = at
  const match = TOKEN.exec(value)
  if (match === null) {
    const character = String.fromCodePoint(value.codePointAt(at)!)
    throw new Refusal(`must not have ${JSON.stringify(character)} in ${where}`)
  }
  const [text, word, opening] = match
  return { text, call: opening === undefined ? undefined : word!.toLowerCase() }
}

function readUrlArgument (value: string, at: number, where: string): { text: string, id: string } {
  URL_ARGUMENT.lastIndex = at
  const match = URL_ARGUMENT.exec(value)
  if (match === null) throw new Refusal(`must refer only to an #id inside itself: url() in ${where}`)
  return { text: match[0], id: match[2]! }
}

/**
 * Reads the ids that the value of a property refers to, in an attribute or in `style`.
 *
 * @throws {Refusal} as `readValue`; for dashes, because their number depends on the length of the path, not
 *   on the size of the picture; and for several filters on one element, because each may multiply the work of
 *   the previous one
 */
export function readProperty (name: string, value: string, where: string): string[] {
  const references = readValue(value, where)
  const hasDashes = name === 'stroke-dasharray' && !NO_DASHES.test(value)
  if (hasDashes) throw new Refusal(`must not have dashes: ${where}`)
  const hasSeveralFilters = name === 'filter' && references.length > 1
  if (hasSeveralFilters) throw new Refusal(`must not have several filters in ${where}`)
  return references
}

/**
 * Reads the id that an `href` names.
 *
 * @throws {Refusal} for anything but `#id`, such as a scheme or another document
 */
export function readReference (value: string): string {
  const match = REFERENCE.exec(value.trim())
  if (match === null) {
    throw new Refusal(`must refer only to an #id inside itself: href ${JSON.stringify(quote(value))}`)
  }
  return match[1]!
}

/**
 * Reads a `style` attribute: as `name:value;…` with names in lower case, and the ids that it refers to.
 * Inkscape's own `-inkscape-…` properties are dropped. A semicolon inside a string leaves an unbalanced
 * quote, which is refused.
 *
 * @throws {Refusal} if a property is not on the allow-list, and as `readProperty`
 */
export function readStyle (style: string): { value: string, references: string[] } {
  const kept: string[] = []
  const references: string[] = []
  for (const declaration of style.split(';')) {
    if (declaration.trim() === '') continue
    const colon = declaration.indexOf(':')
    const name = declaration.slice(0, colon === -1 ? undefined : colon).trim().toLowerCase()
    if (name.startsWith('-inkscape-')) continue
    if (colon === -1 || !PROPERTIES.has(name)) {
      throw new Refusal(`must not have the style property ${JSON.stringify(quote(name))}`)
    }
    const value = declaration.slice(colon + 1).trim()
    references.push(...readProperty(name, value, `the style property ${name}`))
    kept.push(`${name}:${value}`)
  }
  return { value: kept.join(';'), references }
}
