import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes'
import {
  ATTRIBUTES, DROPPED_ATTRIBUTES, DROPPED_PREFIXES, EDITOR_NAMESPACES, ELEMENTS, PROPERTIES, SVG_NAMESPACE,
  TEXT_ELEMENTS, XLINK_NAMESPACE, XML_NAMESPACE
} from './svg/allow-list.js'
import type { SvgElement } from './svg/element.js'
import { MAX_DEPTH, checkReferences } from './svg/expansion.js'
import { Refusal, quote, readProperty, readReference, readStyle } from './svg/values.js'

/** Bytes of an avatar's SVG, as sent and as stored. An emoji has 2 to 10 KiB; a user list carries one an entry. */
export const MAX_AVATAR_BYTES = 32 * 1024

/** Its length in base64: four characters for every three bytes begun. */
export const MAX_AVATAR_BASE64 = Math.ceil(MAX_AVATAR_BYTES / 3) * 4

/** Elements, dropped ones included: one that draws anything takes some 20 bytes. */
const MAX_ELEMENTS = 2000

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws {Refusal} for what is not base64 of up to MAX_AVATAR_BYTES of UTF-8 */
function decode (base64: string): string {
  const tooLarge = `must be an SVG of at most ${MAX_AVATAR_BYTES} bytes`
  if (base64.length > MAX_AVATAR_BASE64) throw new Refusal(tooLarge)
  const bytes = Buffer.from(base64, 'base64')
  // Buffer skips what is not base64, so only canonical base64 comes back the same.
  if (bytes.toString('base64') !== base64) throw new Refusal('must be base64 (RFC 4648 section 4, with padding, without white space)')
  if (bytes.length > MAX_AVATAR_BYTES) throw new Refusal(tooLarge)
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Refusal('must be an SVG in UTF-8')
  }
}

function addAttribute (element: SvgElement, { name, local, prefix, uri, value }: SaxesAttributeNS, tag: SaxesTagNS): void {
  // Declarations are written anew; a reference is kept in its SVG 2 spelling, without xlink.
  if (name === 'xmlns' || prefix === 'xmlns' || EDITOR_NAMESPACES.has(uri)) return
  const known = uri === '' ? local : uri === XLINK_NAMESPACE ? `xlink:${local}` : uri === XML_NAMESPACE ? `xml:${local}` : undefined
  if (known !== undefined && (DROPPED_ATTRIBUTES.has(known) || DROPPED_PREFIXES.some(start => known.startsWith(start)))) return
  const text = value.replace(/[\t\n\r]/g, ' ')
  if (known === 'id') {
    element.id = text
  } else if (known === 'href' || known === 'xlink:href') {
    const reference = readReference(text)
    // SVG 2, 16.1.6: where there are both, xlink:href is ignored.
    if (known === 'xlink:href' && tag.attributes.href !== undefined) return
    element.references.push(reference)
    element.attributes.push(['href', `#${reference}`])
  } else if (known === 'style') {
    const style = readStyle(text)
    element.references.push(...style.references)
    if (style.value !== '') element.attributes.push(['style', style.value])
  } else if (known !== undefined && (ATTRIBUTES.has(known) || PROPERTIES.has(known))) {
    element.references.push(...readProperty(known, text, `the attribute ${known}`))
    element.attributes.push([known, text])
  } else {
    throw new Refusal(`must not have the attribute ${quote(name)} (on <${element.name}>)`)
  }
}

/** The tree of a document, made only of what is allowed. @throws {Refusal} */
class TreeBuilder {
  root: SvgElement | undefined
  readonly elements: SvgElement[] = []
  #open: SvgElement[] = []
  #depth = 0
  #count = 0
  /** Depth of the dropped element (metadata, editors' notes) that is open. */
  #dropped: number | undefined

  open (tag: SaxesTagNS): void {
    if (++this.#count > MAX_ELEMENTS) throw new Refusal(`must not have more than ${MAX_ELEMENTS} elements`)
    if (++this.#depth > MAX_DEPTH) throw new Refusal(`must not nest more than ${MAX_DEPTH} levels`)
    if (this.#dropped !== undefined) return
    const svg = tag.uri === SVG_NAMESPACE
    const parent = this.#open.at(-1)
    if (parent === undefined && !(svg && tag.local === 'svg')) throw new Refusal(`must have the root <svg xmlns="${SVG_NAMESPACE}">`)
    if (parent !== undefined && (EDITOR_NAMESPACES.has(tag.uri) || (svg && tag.local === 'metadata'))) {
      this.#dropped = this.#depth
      return
    }
    if (!svg || !ELEMENTS.has(tag.local)) throw new Refusal(`must not have the element <${quote(tag.name)}>`)
    const element: SvgElement = { name: tag.local, id: undefined, attributes: [], references: [], children: [] }
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
}

/** @throws {Refusal} for what is not well-formed, and whatever is not allowed */
function parse (xml: string): TreeBuilder {
  const tree = new TreeBuilder()
  const refuse = (what: string) => () => { throw new Refusal(`must not have ${what}`) }
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true })
  parser.on('error', error => { throw new Refusal(`must be well-formed XML: ${quote(error.message)}`) })
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw new Refusal('must be XML 1.0')
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') throw new Refusal('must be an SVG in UTF-8')
  })
  parser.on('doctype', refuse('a DOCTYPE'))
  parser.on('processinginstruction', ({ target }) => refuse(`the processing instruction <?${quote(target)}?>`)())
  parser.on('cdata', refuse('a CDATA section'))
  parser.on('opentag', tag => tree.open(tag))
  parser.on('closetag', () => tree.close())
  parser.on('text', text => tree.text(text))
  parser.write(xml).close()
  return tree
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' }
const escape = (text: string): string => text.replace(/[&<>"\r]/g, character => ESCAPES[character]!)

function serialize ({ name, id, attributes, children }: SvgElement, used: ReadonlySet<string>, namespace = ''): string {
  // An id that nothing refers to has no effect in a picture.
  const all = id !== undefined && used.has(id) ? [['id', id] as const, ...attributes] : attributes
  const start = `<${name}${namespace}${all.map(([key, value]) => ` ${key}="${escape(value)}"`).join('')}`
  if (children.length === 0) return `${start}/>`
  return `${start}>${children.map(child => typeof child === 'string' ? escape(child) : serialize(child, used)).join('')}</${name}>`
}

/**
 * Makes an avatar harmless, or says why it is refused (http-api.md, `avatarImage`). What is stored is never what was
 * sent but the tree written anew, so a browser reads what was checked here.
 *
 * - Base64 as RFC 4648 section 4 writes it: standard alphabet, padded, canonical, no white space.
 * - UTF-8 (a BOM is dropped), XML 1.0, well-formed, root `<svg xmlns="http://www.w3.org/2000/svg">` under any prefix:
 *   without the namespace no browser would draw it.
 * - Dropped: XML declaration, comments, `<metadata>`, elements and attributes in the namespaces of known editors
 *   (Inkscape, Sodipodi, Sketch …) with all they hold, `class`, `data-*`, `aria-*`, ids that nothing refers to,
 *   white space between elements.
 * - Refused: DOCTYPE, entities but the five of XML, processing instructions, CDATA, and every element, attribute, style
 *   property and function that src/avatars/svg/allow-list.ts does not name; references to anything but an `#id` inside.
 * - Refused as well: dashes, and several filters on one element (values.ts).
 * - Limits: MAX_AVATAR_BYTES before and after, 2,000 elements, 64 levels, and what drawing takes (src/avatars/svg/cost.ts).
 *
 * Linear in the input's length. The value is a fixed point: it is accepted and comes back the same. The empty string
 * ("no avatar") is the caller's to handle; here it is refused.
 *
 * @returns the SVG to store, in base64, or a problem that completes "avatarImage …" and names what was refused
 */
export function sanitizeAvatar (base64: string): { value: string } | { problem: string } {
  try {
    const tree = parse(decode(base64))
    const used = checkReferences(tree.root!, tree.elements)
    const svg = Buffer.from(serialize(tree.root!, used, ` xmlns="${SVG_NAMESPACE}"`))
    if (svg.length > MAX_AVATAR_BYTES) throw new Refusal(`must be an SVG of at most ${MAX_AVATAR_BYTES} bytes once written anew`)
    return { value: svg.toString('base64') }
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message }
    throw error
  }
}
