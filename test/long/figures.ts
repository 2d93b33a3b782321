/** Times that were measured, and tables of them. */

/** What honest people wait for. */
export const MEASURED = {
  socketAck: 'send to ack, socket',
  httpAck: 'send to answer, HTTP',
  delivery: "send to delivery, other's socket",
  login: 'login',
  history: 'history, last 50'
} as const

/** Times of one kind, in milliseconds. */
export class Series {
  readonly #values: number[] = []

  add (ms: number): void { this.#values.push(ms) }

  get count (): number { return this.#values.length }

  /**
   * The value that a share of all do not exceed (nearest rank); NaN where nothing was measured.
   * @param from leaves out so many of the first values
   */
  quantile (share: number, from = 0): number {
    const sorted = this.#values.slice(from).sort((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
  }
}

/** Series by their names. */
export class Figures {
  readonly #series = new Map<string, Series>()

  of (name: string): Series {
    const known = this.#series.get(name)
    if (known !== undefined) return known
    const series = new Series()
    this.#series.set(name, series)
    return series
  }

  add (name: string, ms: number): void { this.of(name).add(ms) }
}

export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Milliseconds for people: three digits that count. */
export function showMs (ms: number): string {
  if (Number.isNaN(ms)) return '-'
  return ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)
}

/** Prints rows below each other; the first row is the heading. */
export function printTable (rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const line = (row: readonly string[]) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!))
    return cells.join('  ').trimEnd()
  }
  const [heading, ...rest] = rows
  const rule = widths.map(width => '-'.repeat(width)).join('  ')
  console.log([line(heading!), rule, ...rest.map(line)].join('\n'))
}
