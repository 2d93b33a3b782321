/**
 * What avatars may contain: the static, self-contained subset of SVG 2 (https://www.w3.org/TR/SVG2/).
 *
 * Source: DOMPurify's `svg` and `svgFilters` lists (cure53/DOMPurify, src/tags.ts and src/attrs.ts), without
 * - everything that links, loads, runs, animates or listens (a, image, feImage, style, switch, view, fonts,
 *   animate*, set, script, foreignObject: OWASP's Cross Site Scripting Prevention Cheat Sheet, "SVG"),
 * - markers, which are drawn once for each vertex,
 * - filters whose cost grows with their parameters (feTurbulence, feMorphology, feConvolveMatrix,
 *   feDisplacementMap, lights).
 *
 * `use` is added: it is harmless if it refers only to ids inside and its expansion is bounded (expansion.ts).
 * Names are case-sensitive, like XML.
 */
const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

export const SVG_NAMESPACE = 'http://www.w3.org/2000/svg'
export const XLINK_NAMESPACE = 'http://www.w3.org/1999/xlink'
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

export const ELEMENTS = words(`
  svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath
  linearGradient radialGradient stop pattern clipPath mask filter
  feBlend feColorMatrix feComponentTransfer feComposite feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
  feGaussianBlur feMerge feMergeNode feOffset`)

/** Only these contain character data. Elsewhere white space is dropped, and any other text is refused. */
export const TEXT_ELEMENTS = words('text tspan textPath title desc')

/** Allowed as presentation attributes and in `style`. */
export const PROPERTIES = words(`
  fill fill-opacity fill-rule stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
  stroke-miterlimit stroke-opacity stroke-width opacity color display visibility overflow clip-path
  clip-rule mask mask-type filter flood-color flood-opacity color-interpolation color-interpolation-filters
  color-rendering shape-rendering text-rendering image-rendering stop-color stop-opacity paint-order
  vector-effect
  transform transform-origin transform-box mix-blend-mode isolation background background-color
  enable-background
  font font-family font-size font-size-adjust font-stretch font-style font-variant font-weight letter-spacing
  word-spacing text-anchor text-align text-decoration dominant-baseline alignment-baseline baseline-shift
  writing-mode direction unicode-bidi line-height white-space marker marker-start marker-mid marker-end
  pointer-events`)

export const ATTRIBUTES = words(`
  x y x1 y1 x2 y2 cx cy r rx ry fx fy fr width height d points pathLength viewBox preserveAspectRatio
  gradientTransform gradientUnits spreadMethod offset patternUnits patternContentUnits patternTransform
  clipPathUnits maskUnits maskContentUnits filterUnits primitiveUnits in in2 result mode operator k1 k2 k3 k4
  stdDeviation edgeMode dx dy type values tableValues slope intercept amplitude exponent rotate textLength
  lengthAdjust startOffset method spacing side refX refY xml:space`)

/**
 * Have no effect without style sheets and scripts. They are dropped, not refused, because editors write them.
 */
export const DROPPED_ATTRIBUTES = words('class version baseProfile role focusable xml:lang')
export const DROPPED_PREFIXES = ['data-', 'aria-']

/**
 * The notes of well-known editors. Their elements and attributes are dropped like <metadata>, with their
 * content.
 */
export const EDITOR_NAMESPACES: ReadonlySet<string> = new Set([
  'http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd',
  'http://www.inkscape.org/namespaces/inkscape',
  'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  'http://creativecommons.org/ns#',
  'http://web.resource.org/cc/',
  'http://purl.org/dc/elements/1.1/',
  'http://www.bohemiancoding.com/sketch/ns',
  'http://www.serif.com/',
  'https://boxy-svg.com',
  'http://krita.org/namespaces/svg/krita',
  'http://svgjs.com/svgjs',
  'http://svgjs.dev/svgjs'
])

/** Colours and transformations; `url` is read separately. No var(), attr(), image-set(), expression() … */
export const FUNCTIONS = words(`
  rgb rgba hsl hsla matrix translate translatex translatey scale scalex scaley rotate skewx skewy`)
