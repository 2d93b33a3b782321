/** Pictures of up to 32 KiB that take long to check or to draw. */

const NS = 'xmlns="http://www.w3.org/2000/svg"'
const MAX_BYTES = 32 * 1024

const svg = (inside: string): string => `<svg ${NS} viewBox="0 0 9 9">${inside}</svg>`
const base64 = (inside: string): string => Buffer.from(svg(inside)).toString('base64')

/** Repeats a part as often as it fits. */
const filled = (part: string): string => part.repeat(Math.floor((MAX_BYTES - 200) / part.length))

const use = '<use href="#a"/>'
const longPath = `M0 0${'L9 9L0 0'.repeat(100)}`

export const costlyAvatars: readonly string[] = [
  // Many dashes, drawn many times.
  base64(`<path id="a" d="${longPath}" stroke="red" stroke-dasharray=".0001"/>${use.repeat(900)}`),
  // Many blurs, each drawn many times.
  base64(`<filter id="f">${'<feGaussianBlur stdDeviation="9"/>'.repeat(40)}</filter>` +
    `<g id="a" filter="url(#f)"><path d="M0 0L9 9"/></g>${use.repeat(200)}`),
  // Many elements, attributes and style properties to check.
  base64(filled('<path d="M0 0" style="fill:red"/>')),
  base64(filled('<g/>'))
]
