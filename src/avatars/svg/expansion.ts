import { MAX_COST, NESTED_FILTER_FACTOR, ONLY_REFERRED_TO, costOf } from './cost.js'
import type { SvgElement } from './element.js'
import { Refusal, quote } from './values.js'

/**
 * Levels of nesting and references together, so that recursion here and in renderers stays shallow. Editors
 * write fewer than 20.
 */
export const MAX_DEPTH = 64

/** The size of an element after every reference is followed. */
interface Extent {
  /** The cost of drawing, without filters. */
  cost: number
  /** The cost of its filters. */
  filters: number
  depth: number
  /** Elements drawn, including itself. */
  drawn: number
}

/**
 * Maps ids to the elements that are referred to.
 * @throws {Refusal} if two elements have the same id
 */
function referredTo (elements: SvgElement[]): Map<string, SvgElement> {
  const used = new Set(elements.flatMap(element => element.references))
  const byId = new Map<string, SvgElement>()
  for (const element of elements) {
    if (element.id === undefined || !used.has(element.id)) continue
    if (byId.has(element.id)) throw new Refusal(`must have the id ${quote(element.id)} only once`)
    byId.set(element.id, element)
  }
  return byId
}

/** Follows each element once, so the time is linear, however much would be drawn. */
class Expansion {
  readonly #byId: ReadonlyMap<string, SvgElement>
  /** null for elements that are being followed */
  readonly #extents = new Map<SvgElement, Extent | null>()

  constructor (byId: ReadonlyMap<string, SvgElement>) {
    this.#byId = byId
  }

  /** @throws {Refusal} */
  follow (element: SvgElement): Extent {
    const known = this.#extents.get(element)
    if (known === null) throw new Refusal(`must not refer to what it is part of: <${element.name}>`)
    if (known !== undefined) return known
    this.#extents.set(element, null)
    const extent = this.#extentOf(element)
    if (extent.cost + extent.filters > MAX_COST) {
      throw new Refusal(`must be simpler: <${element.name}> draws too much, references followed`)
    }
    if (extent.depth > MAX_DEPTH) {
      throw new Refusal(`must not nest more than ${MAX_DEPTH} levels, references followed`)
    }
    this.#extents.set(element, extent)
    return extent
  }

  #extentOf (element: SvgElement): Extent {
    const inside = { cost: 0, filters: 0, depth: 1, drawn: 1 }
    let patterns = 0
    let applied = 0
    for (const next of this.#nextOf(element)) {
      const { cost, filters, depth, drawn } = this.follow(next.element)
      inside.depth = Math.max(inside.depth, depth + 1)
      if (!next.isDrawn) continue
      if (next.element.name === 'pattern') {
        patterns += cost
      } else if (next.element.name === 'filter') {
        applied += cost
      } else {
        inside.cost += cost
        inside.filters += filters
        inside.drawn += drawn
      }
    }
    // `fill` and `stroke` are inherited: everything inside may be painted with the pattern.
    inside.cost += patterns * inside.drawn
    if (applied > 0) inside.filters = applied + inside.filters * NESTED_FILTER_FACTOR
    return { ...inside, ...costOf(element, inside) }
  }

  * #nextOf ({ children, references }: SvgElement): Generator<{ element: SvgElement, isDrawn: boolean }> {
    for (const child of children) {
      if (typeof child !== 'string') yield { element: child, isDrawn: !ONLY_REFERRED_TO.has(child.name) }
    }
    for (const id of references) {
      const target = this.#byId.get(id)
      if (target === undefined) {
        throw new Refusal(`must refer only to an #id inside itself: there is no #${quote(id)}`)
      }
      yield { element: target, isDrawn: true }
    }
  }
}

/**
 * Checks the references of a tree. Ten <use> of the previous level draw ten times as much as that level
 * ("billion laughs"), so the cost and the depth are those after all references are followed.
 *
 * @returns the ids that are referred to
 * @throws {Refusal} if a referred id is missing or occurs twice, if an element refers to itself directly or
 *   indirectly, if the cost is more than MAX_COST or the depth more than MAX_DEPTH
 */
export function checkReferences (root: SvgElement, elements: SvgElement[]): ReadonlySet<string> {
  const byId = referredTo(elements)
  new Expansion(byId).follow(root)
  return new Set(byId.keys())
}
