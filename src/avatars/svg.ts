import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes'
import {
  ATTRIBUTES, DROPPED_ATTRIBUTES, DROPPED_PREFIXES, EDITOR_NAMESPACES, ELEMENTS, PROPERTIES, SVG_NAMESPACE,
  TEXT_ELEMENTS, XLINK_NAMESPACE, XML_NAMESPACE
} from './svg/allow-list.js'
import type { SvgElement } from './svg/element.js'
import { MAX_DEPTH, checkReferences } from './svg/expansion.js'
import { Refusal, quote, readProperty, readReference, readStyle } from './svg/values.js'

/**
 * Bytes of an avatar's SVG, both as sent and as stored. An emoji has 2 to 10 KiB; a user list has one in each
 * entry.
 */
export const MAX_AVATAR_BYTES = 32 * 1024

/** The same in base64: four characters for every three bytes, rounded up. */
export const MAX_AVATAR_BASE64 = Math.ceil(MAX_AVATAR_BYTES / 3) * 4

/** Elements, including dropped ones. One that draws anything takes about 20 bytes. */
const MAX_ELEMENTS = 2000

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws {Refusal} if the text is not base64 of up to MAX_AVATAR_BYTES of UTF-8 */
function decode (base64: string): string {
  const tooLarge = `must be an SVG of at most ${MAX_AVATAR_BYTES} bytes`
  if (base64.length > MAX_AVATAR_BASE64) throw new Refusal(tooLarge)
  const bytes = Buffer.from(base64, 'base64')
  // Buffer ignores characters that are not base64, so only canonical base64 survives the round trip.
  if (bytes.toString('base64') !== base64) {
    throw new Refusal('must be base64 (RFC 4648 section 4, with padding, without white space)')
  }
  if (bytes.length > MAX_AVATAR_BYTES) throw new Refusal(tooLarge)
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Refusal('must be an SVG in UTF-8')
  }
}

/** Prefixes that allowed attributes may have, by namespace. */
const PREFIXES = new Map([['', ''], [XLINK_NAMESPACE, 'xlink:'], [XML_NAMESPACE, 'xml:']])

/** The name of an attribute with the usual prefix of its namespace; undefined for any other namespace. */
function knownName ({ local, uri }: SaxesAttributeNS): string | undefined {
  const prefix = PREFIXES.get(uri)
  return prefix === undefined ? undefined : prefix + local
}

function isDropped ({ name, prefix, uri }: SaxesAttributeNS, known: string | undefined): boolean {
  // Namespace declarations are written anew.
  if (name === 'xmlns' || prefix === 'xmlns' || EDITOR_NAMESPACES.has(uri)) return true
  if (known === undefined) return false
  return DROPPED_ATTRIBUTES.has(known) || DROPPED_PREFIXES.some(start => known.startsWith(start))
}

function addReference (element: SvgElement, name: string, value: string, tag: SaxesTagNS): void {
  const reference = readReference(value)
  // SVG 2, 16.1.6: beside an href, xlink:href is ignored.
  if (name === 'xlink:href' && tag.attributes.href !== undefined) return
  element.references.push(reference)
  // The spelling of SVG 2, without xlink.
  element.attributes.push(['href', `#${reference}`])
}

function addStyle (element: SvgElement, style: string): void {
  const { value, references } = readStyle(style)
  element.references.push(...references)
  if (value !== '') element.attributes.push(['style', value])
}

/** @throws {Refusal} if the attribute or its value is not allowed */
function addAttribute (element: SvgElement, attribute: SaxesAttributeNS, tag: SaxesTagNS): void {
  const known = knownName(attribute)
  if (isDropped(attribute, known)) return
  const text = attribute.value.replace(/[\t\n\r]/g, ' ')
  if (known === 'id') {
    element.id = text
  } else if (known === 'href' || known === 'xlink:href') {
    addReference(element, known, text, tag)
  } else if (known === 'style') {
    addStyle(element, text)
  } else if (known !== undefined && (ATTRIBUTES.has(known) || PROPERTIES.has(known))) {
    element.references.push(...readProperty(known, text, `the attribute ${known}`))
    element.attributes.push([known, text])
  } else {
    throw new Refusal(`must not have the attribute ${quote(attribute.name)} (on <${element.name}>)`)
  }
}

/** Builds the tree of a document from what is allowed. Its methods throw a Refusal for anything else. */
class TreeBuilder {
  root: SvgElement | undefined
  readonly elements: SvgElement[] = []
  #open: SvgElement[] = []
  #depth = 0
  #count = 0
  /** Depth of the open dropped element (metadata, editors' notes), if any. */
  #dropped: number | undefined

  open (tag: SaxesTagNS): void {
    this.#countElement()
    if (this.#dropped !== undefined) return
    const isSvg = tag.uri === SVG_NAMESPACE
    const isNote = EDITOR_NAMESPACES.has(tag.uri) || (isSvg && tag.local === 'metadata')
    const parent = this.#open.at(-1)
    if (parent === undefined && !(isSvg && tag.local === 'svg')) {
      throw new Refusal(`must have the root <svg xmlns="${SVG_NAMESPACE}">`)
    }
    if (parent !== undefined && isNote) {
      this.#dropped = this.#depth
      return
    }
    if (!isSvg || !ELEMENTS.has(tag.local)) refuse(`the element <${quote(tag.name)}>`)
    const name = tag.local
    const element: SvgElement = { name, id: undefined, attributes: [], references: [], children: [] }
    for (const attribute of Object.values(tag.attributes)) addAttribute(element, attribute, tag)
    if (parent === undefined) this.root = element
    else parent.children.push(element)
    this.elements.push(element)
    this.#open.push(element)
  }

  close (): void {
    if (this.#dropped === undefined) this.#open.pop()
    else if (this.#dropped === this.#depth) this.#dropped = undefined
    this.#depth--
  }

  text (text: string): void {
    const parent = this.#open.at(-1)
    if (parent === undefined || this.#dropped !== undefined) return
    if (TEXT_ELEMENTS.has(parent.name)) parent.children.push(text)
    else if (/[^ \t\n\r]/.test(text)) throw new Refusal(`must not have text in <${parent.name}>`)
  }

  #countElement (): void {
    this.#count++
    this.#depth++
    if (this.#count > MAX_ELEMENTS) throw new Refusal(`must not have more than ${MAX_ELEMENTS} elements`)
    if (this.#depth > MAX_DEPTH) throw new Refusal(`must not nest more than ${MAX_DEPTH} levels`)
  }
}

function refuse (what: string): never {
  throw new Refusal(`must not have ${what}`)
}

/** @throws {Refusal} if the text is not well-formed, or contains anything that is not allowed */
function parse (xml: string): TreeBuilder {
  const tree = new TreeBuilder()
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true })
  parser.on('error', error => {
    throw new Refusal(`must be well-formed XML: ${quote(error.message)}`)
  })
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw new Refusal('must be XML 1.0')
    const isUtf8 = encoding === undefined || encoding.toLowerCase() === 'utf-8'
    if (!isUtf8) throw new Refusal('must be an SVG in UTF-8')
  })
  parser.on('doctype', () => refuse('a DOCTYPE'))
  parser.on('processinginstruction', ({ target }) =>
    refuse(`the processing instruction <?${quote(target)}?>`))
  parser.on('cdata', () => refuse('a CDATA section'))
  parser.on('opentag', tag => tree.open(tag))
  parser.on('closetag', () => tree.close())
  parser.on('text', text => tree.text(text))
  parser.write(xml).close()
  return tree
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;'
}
const escape = (text: string): string => text.replace(/[&<>"\r]/g, character => ESCAPES[character]!)

function serialize (element: SvgElement, used: ReadonlySet<string>, namespace = ''): string {
  const { name, id, attributes, children } = element
  // An id without references has no effect in a picture.
  const all = id !== undefined && used.has(id) ? [['id', id] as const, ...attributes] : attributes
  const start = `<${name}${namespace}${all.map(([key, value]) => ` ${key}="${escape(value)}"`).join('')}`
  if (children.length === 0) return `${start}/>`
  const inside = children.map(child => typeof child === 'string' ? escape(child) : serialize(child, used))
  return `${start}>${inside.join('')}</${name}>`
}

/**
 * Makes an avatar harmless, or says why it is refused (http-api.md, `avatarImage`). The tree is parsed and
 * written anew, so browsers read exactly what was checked here.
 *
 * - Base64 of RFC 4648 section 4: standard alphabet, padded, canonical, no white space.
 * - UTF-8 (a BOM is dropped), XML 1.0, well-formed, root `<svg xmlns="http://www.w3.org/2000/svg">` under any
 *   prefix: browsers draw nothing without the namespace.
 * - Dropped: XML declaration, comments, `<metadata>`, elements and attributes in the namespaces of known
 *   editors (Inkscape, Sodipodi, Sketch …) with their content, `class`, `data-*`, `aria-*`, ids without
 *   references, white space between elements.
 * - Refused: DOCTYPE, entities except the five of XML, processing instructions, CDATA, and every element,
 *   attribute, style property and function that src/avatars/svg/allow-list.ts does not name; references to
 *   anything but an `#id` inside.
 * - Refused too: dashes, and several filters on one element (values.ts).
 * - Limits: MAX_AVATAR_BYTES before and after, 2,000 elements, 64 levels, and the cost of drawing
 *   (src/avatars/svg/cost.ts).
 *
 * The time is linear in the input's length. The result is a fixed point: it is accepted and comes back
 * unchanged. The empty string, which means "no avatar", is refused here; callers handle it.
 *
 * @returns the SVG to store, in base64; or a problem that completes "avatarImage …" and names what was
 *   refused
 */
export function sanitizeAvatar (base64: string): { value: string } | { problem: string } {
  try {
    const tree = parse(decode(base64))
    const used = checkReferences(tree.root!, tree.elements)
    const svg = Buffer.from(serialize(tree.root!, used, ` xmlns="${SVG_NAMESPACE}"`))
    if (svg.length > MAX_AVATAR_BYTES) {
      throw new Refusal(`must be an SVG of at most ${MAX_AVATAR_BYTES} bytes once written anew`)
    }
    return { value: svg.toString('base64') }
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message }
    throw error
  }
}
