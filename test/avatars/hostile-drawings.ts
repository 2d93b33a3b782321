import { svg, XLINK, type Hostile } from './helper.js'

/** Ten levels of ten references: 10^10 elements if they were followed. */
const bomb = (reference: (level: number) => string): string =>
  svg(
    '<g id="l0"><path d="M0 0"/></g>' +
      Array.from(
        { length: 10 },
        (_, level) => `<g id="l${level + 1}">${reference(level).repeat(10)}</g>`
      ).join('')
  )

/** Pictures that are refused since drawing them costs too much. */
export const HOSTILE_DRAWINGS: Hostile[] = [
  ['use of itself', svg('<g id="a"><use href="#a"/></g>'), /what it is part of/],
  ['use in a circle', svg('<use id="a" href="#b"/><use id="b" href="#a"/>'), /what it is part of/],
  ['pattern of itself', svg('<pattern id="p"><rect fill="url(#p)"/></pattern>'), /what it is part of/],
  ['mask of itself by style', svg('<mask id="m"><rect style="mask:url(#m)"/></mask>'), /what it is part of/],
  ['use of nothing', svg('<use href="#nowhere"/>'), /no #nowhere/],
  ['two with one id', svg('<g id="a"/><g id="a"/><use href="#a"/>'), /id a only once/],
  ['bomb of use', bomb(level => `<use href="#l${level}"/>`), /draws too much/],
  ['bomb of use by xlink', bomb(level => `<use ${XLINK} xlink:href="#l${level}"/>`), /draws too much/],
  ['bomb of patterns', bomb(level => `<path fill="url(#l${level})"/>`), /draws too much/],
  ['bomb of filters in style', bomb(level => `<g style="filter:url('#l${level}')"/>`), /draws too much/],
  [
    'dashes',
    svg('<path d="M0 0H9" stroke="red" stroke-dasharray=".0001"/>'),
    /dashes: the attribute stroke-dasharray/
  ],
  [
    'dashes in style',
    svg('<path style="stroke-dasharray:1 2"/>'),
    /dashes: the style property stroke-dasharray/
  ],
  [
    'a long path under 900 use',
    svg(`<path id="p" d="M0 0${'L99 1L1 99'.repeat(50)}"/>${'<use href="#p"/>'.repeat(900)}`),
    /draws too much/
  ],
  [
    '40 blurs under 200 use',
    svg(
      `<filter id="f">${'<feGaussianBlur stdDeviation="20"/>'.repeat(40)}</filter>` +
        `<g id="g"><rect filter="url(#f)"/></g>${'<use href="#g"/>'.repeat(200)}`
    ),
    /draws too much/
  ],
  [
    'a filter that reads each result twice',
    svg(
      '<filter id="f"><feFlood result="r0"/>' +
        Array.from({ length: 20 }, (_, i) => `<feBlend in="r${i}" in2="r${i}" result="r${i + 1}"/>`)
          .join('') +
        '</filter><rect filter="url(#f)"/>'
    ),
    /draws too much/
  ],
  [
    'a filter that reads the result before it twice, unnamed',
    svg(`<filter id="f">${'<feBlend/>'.repeat(20)}</filter><rect filter="url(#f)"/>`),
    /draws too much/
  ],
  [
    'a filter that merges each result ten times',
    svg(
      `<filter id="f">${`<feMerge>${'<feMergeNode/>'.repeat(10)}</feMerge>`.repeat(6)}</filter>` +
        '<rect filter="url(#f)"/>'
    ),
    /draws too much/
  ],
  [
    'filters inside filters',
    svg(
      '<filter id="f"><feGaussianBlur/></filter>' +
        `${'<g filter="url(#f)">'.repeat(3)}<path d="M0 0"/>${'</g>'.repeat(3)}`
    ),
    /draws too much/
  ],
  [
    'filters inside filters by use',
    svg(
      '<filter id="f"><feGaussianBlur/></filter><g id="a" filter="url(#f)"><path d="M0 0"/></g>' +
        '<use id="b" filter="url(#f)" href="#a"/><use filter="url(#f)" href="#b"/>'
    ),
    /draws too much/
  ],
  [
    'a blur of a blur, five times',
    svg(`<filter id="f">${'<feGaussianBlur/>'.repeat(5)}</filter><rect filter="url(#f)"/>`),
    /draws too much/
  ],
  [
    'several filters on one element',
    svg('<filter id="f"><feFlood/></filter><rect filter="url(#f) url(#f)"/>'),
    /several filters in the attribute filter/
  ],
  [
    'several filters in style',
    svg('<filter id="f"><feFlood/></filter><rect style="filter:url(#f) url(#f)"/>'),
    /several filters in the style property filter/
  ],
  [
    '21 blurs',
    svg(`<filter id="f"><feGaussianBlur/></filter>${'<rect filter="url(#f)"/>'.repeat(21)}`),
    /draws too much/
  ],
  [
    'a filter in a pattern',
    svg(
      '<filter id="f"><feGaussianBlur/></filter>' +
        '<pattern id="p"><rect filter="url(#f)"/></pattern><rect fill="url(#p)"/>'
    ),
    /draws too much/
  ],
  ['20 patterns', svg(`<pattern id="p"/>${'<rect fill="url(#p)"/>'.repeat(20)}`), /draws too much/],
  [
    'patterns in patterns',
    svg(
      '<pattern id="p"><path/></pattern>' +
        '<pattern id="q"><rect fill="url(#p)"/></pattern><rect fill="url(#q)"/>'
    ),
    /draws too much/
  ],
  [
    'a pattern that 100 shapes inherit',
    svg(`<pattern id="p"/><g fill="url(#p)">${'<rect/>'.repeat(100)}</g>`),
    /draws too much/
  ],
  [
    'a pattern that 100 shapes inherit by use',
    svg(`<pattern id="p"/><g id="g">${'<rect/>'.repeat(100)}</g><use href="#g" stroke="url(#p)"/>`),
    /draws too much/
  ],
  ['1,000 masks', svg(`<mask id="m"/>${'<path mask="url(#m)"/>'.repeat(1000)}`), /draws too much/],
  ['3,000 letters', svg(`<text>${'a\u0301'.repeat(1500)}</text>`), /draws too much/],
  [
    'a long chain of use',
    svg(
      '<g id="u0"/>' + Array.from({ length: 700 }, (_, i) => `<use id="u${i + 1}" href="#u${i}"/>`).join('')
    ),
    /more than 64 levels/
  ]
]
