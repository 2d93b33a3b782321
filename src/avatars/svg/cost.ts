import type { SvgElement } from './element.js'

/**
 * The highest cost of drawing. One unit is about the cost of one small shape. The weights were measured in
 * Chromium 156 (software rendering, `<img>` of 96 pixels). At this limit the worst picture found took four
 * seconds on a busy machine (19 blurs of hundreds of pixels, 0.2 s each), and the worst without blurs about
 * one.
 */
export const MAX_COST = 10_000

/** Path data, point lists and other long values: a curve with a wide round stroke takes 4 bytes. */
const COST_PER_BYTE = 1 / 8
/** Drawn text: the time to shape combining marks grows with the square of their number. */
const COST_PER_CHARACTER = 4

/**
 * A tile may be drawn far larger than the area that it fills, so its content counts many times. Even an empty
 * one takes longer than hundreds of shapes.
 */
const PATTERN_COST = 500
const PATTERN_FACTOR = 100

/** An element that is drawn into its own layer, for each element that uses it. */
const LAYER_COST = 10

/** Filter primitives; a blur of a few hundred pixels takes 0.1 to 0.2 s. */
const PRIMITIVE_COST = 100
const BLUR_COST = 500

/**
 * A blur enlarges the area that its inputs compute: the time of a chain of blurs grows with the square of its
 * length.
 */
const BLUR_FACTOR = 2

/**
 * The factor for filters inside an element with a filter: in Chromium each level takes three times as long as
 * the inner one.
 */
export const NESTED_FILTER_FACTOR = 5

/** Names that do not refer to the result of another primitive (Filter Effects 1, 8.5.1). */
const SOURCES: ReadonlySet<string> = new Set([
  'SourceGraphic', 'SourceAlpha', 'BackgroundImage', 'BackgroundAlpha', 'FillPaint', 'StrokePaint'
])

/** Drawn only if something refers to them or to their content (SVG 2, 5.1.1 "never-rendered element"). */
export const ONLY_REFERRED_TO: ReadonlySet<string> = new Set([
  'defs', 'symbol', 'pattern', 'mask', 'clipPath', 'filter', 'linearGradient', 'radialGradient',
  'title', 'desc'
])

const DRAWN_TEXT: ReadonlySet<string> = new Set(['text', 'tspan', 'textPath'])

const valueOf = ({ attributes }: SvgElement, name: string): string | undefined =>
  attributes.find(([key]) => key === name)?.[1]

const elementsIn = ({ children }: SvgElement): SvgElement[] =>
  children.filter(child => typeof child !== 'string')

/**
 * The names of the inputs that a filter primitive reads; undefined is the result of the previous primitive.
 */
function inputsOf (primitive: SvgElement): Array<string | undefined> {
  switch (primitive.name) {
    case 'feFlood': return []
    case 'feMerge': return elementsIn(primitive).map(node => valueOf(node, 'in'))
    case 'feBlend':
    case 'feComposite': return [valueOf(primitive, 'in'), valueOf(primitive, 'in2')]
    // Once for the shadow, once for the picture above it.
    case 'feDropShadow': return [valueOf(primitive, 'in'), valueOf(primitive, 'in')]
    default: return [valueOf(primitive, 'in')]
  }
}

const isBlur = ({ name }: SvgElement): boolean => name === 'feGaussianBlur' || name === 'feDropShadow'

/**
 * The cost of a filter. Renderers evaluate it as a tree from its last primitive: a result that is read twice
 * is computed twice. So twenty primitives that each read the previous one twice become a million.
 */
function filterCost (filter: SvgElement): number {
  const results = new Map<string, number>()
  let previous = 0
  let most = 0
  for (const primitive of elementsIn(filter)) {
    let inputs = 0
    for (const input of inputsOf(primitive)) {
      if (input === undefined || !SOURCES.has(input)) inputs += results.get(input ?? '') ?? previous
    }
    const cost = isBlur(primitive) ? BLUR_COST + inputs * BLUR_FACTOR : PRIMITIVE_COST + inputs
    previous = cost
    most = Math.max(most, cost)
    const result = valueOf(primitive, 'result')
    if (result !== undefined) results.set(result, cost)
  }
  return most
}

/** The cost of an element without its children and references. */
function ownCost ({ name, attributes, children }: SvgElement): number {
  let cost = 1
  for (const [, value] of attributes) cost += value.length * COST_PER_BYTE
  if (!DRAWN_TEXT.has(name)) return cost
  for (const child of children) {
    if (typeof child === 'string') cost += child.length * COST_PER_CHARACTER
  }
  return cost
}

/** The cost of drawing; that of filters is separate. */
export interface Cost {
  cost: number
  filters: number
}

/**
 * The cost of drawing an element; that of a `filter` is the cost of applying it once.
 * @param inside the total cost of its children and of the elements that it refers to
 */
export function costOf (element: SvgElement, { cost, filters }: Cost): Cost {
  const own = ownCost(element)
  switch (element.name) {
    case 'filter': return { cost: own + filterCost(element), filters: 0 }
    case 'pattern': return { cost: own + PATTERN_COST + (cost + filters) * PATTERN_FACTOR, filters: 0 }
    case 'mask':
    case 'clipPath': return { cost: own + LAYER_COST + cost, filters }
    default: return { cost: own + cost, filters }
  }
}
