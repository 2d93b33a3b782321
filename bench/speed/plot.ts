/** A bar chart of one measure as SVG: a bar for each server, a dot for each round. */
import type { Measure, Outcome } from './figure.js'
import type { ServerName } from './processes.js'
import { rowOf, show } from './table.js'

const WIDTH = 640
const LEFT = 80
const BAR = 24
const GAP = 12
const TOP = 40
/** Space for the value behind the longest bar. */
const RIGHT = 90

const COLOURS: Record<ServerName, string> = { server: '#2a6fdb', classic: '#b0552d', floor: '#777777' }

/** Draws the medians and the rounds that they are made of. */
export function plot (measure: Measure, outcomes: Map<ServerName, Outcome[]>): string {
  const { medians } = rowOf(measure, outcomes)
  const names = [...medians.keys()]
  const rounds = (name: ServerName) => outcomes.get(name)!.map(({ values }) => values[measure.key]!)
  const most = Math.max(...names.flatMap(rounds), Number.MIN_VALUE)
  const x = (value: number) => (LEFT + value / most * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const bars = names.map((name, n) => {
    const [y, value] = [TOP + n * (BAR + GAP), medians.get(name)!]
    const middle = y + BAR / 2
    const length = (Number(x(value)) - LEFT).toFixed(1)
    const dots = rounds(name).map(one => `<circle cx="${x(one)}" cy="${middle}" r="3"/>`).join('')
    const end = Math.max(Number(x(value)), ...rounds(name).map(one => Number(x(one)))) + 8
    return `<text x="${LEFT - 8}" y="${middle + 5}" text-anchor="end">${name}</text>` +
      `<rect x="${LEFT}" y="${y}" width="${length}" height="${BAR}" fill="${COLOURS[name]}"/>${dots}` +
      `<text x="${end}" y="${middle + 5}">${show(value)}</text>`
  })
  const height = TOP + names.length * (BAR + GAP)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="14">\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n` +
    `<text x="8" y="22" font-weight="bold">${measure.title} (${measure.unit})</text>\n` +
    `${bars.join('\n')}\n</svg>\n`
}
