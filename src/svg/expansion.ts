import { Refusal, quote } from './values.js'

/** An element of an avatar, checked. */
export interface SvgElement {
  name: string
  id: string | undefined
  attributes: Array<[name: string, value: string]>
  /** Ids it refers to: by href and by url(#id). */
  references: string[]
  children: Array<SvgElement | string>
}

/**
 * Elements drawn once every reference is followed. A picture of 32 KiB has hundreds; each level of ten <use> of the
 * level before would make them ten times as many ("billion laughs" by <use>, which librsvg stops at 500,000).
 */
export const MAX_DRAWN = 10_000

/** Levels of nesting and references together. Editors stay under 20; recursion here and in renderers stays shallow. */
export const MAX_DEPTH = 64

interface Extent { drawn: number, depth: number }

/**
 * Checks where the references of a tree lead.
 *
 * @returns the ids that are referred to
 * @throws {Refusal} for an id that is not there or there twice, a reference to itself by whatever way, more than
 * MAX_DRAWN elements or MAX_DEPTH levels once all references are followed
 */
export function checkReferences (root: SvgElement, elements: SvgElement[]): ReadonlySet<string> {
  const used = new Set(elements.flatMap(element => element.references))
  const byId = new Map<string, SvgElement>()
  for (const element of elements) {
    if (element.id === undefined || !used.has(element.id)) continue
    if (byId.has(element.id)) throw new Refusal(`must have the id ${quote(element.id)} only once`)
    byId.set(element.id, element)
  }
  // The elements being followed (null) and those done: each is followed once, so the work is linear.
  const extents = new Map<SvgElement, Extent | null>()
  const follow = (element: SvgElement): Extent => {
    const known = extents.get(element)
    if (known === null) throw new Refusal(`must not refer to what it is part of: <${element.name}>`)
    if (known !== undefined) return known
    extents.set(element, null)
    const next = element.children.filter(child => typeof child !== 'string')
    for (const id of element.references) {
      const target = byId.get(id)
      if (target === undefined) throw new Refusal(`must refer only to an #id inside itself: there is no #${quote(id)}`)
      next.push(target)
    }
    const extent = { drawn: 1, depth: 1 }
    for (const { drawn, depth } of next.map(follow)) {
      extent.drawn += drawn
      extent.depth = Math.max(extent.depth, depth + 1)
    }
    if (extent.drawn > MAX_DRAWN) throw new Refusal(`must not draw more than ${MAX_DRAWN} elements, references followed`)
    if (extent.depth > MAX_DEPTH) throw new Refusal(`must not nest more than ${MAX_DEPTH} levels, references followed`)
    extents.set(element, extent)
    return extent
  }
  follow(root)
  return used
}
