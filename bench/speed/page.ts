/** Writes docs/performance.md and its plots from what was measured. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../../test/server.js'
import { machine } from './machine.js'
import { plot } from './plot.js'
import { cells, faultsOf, HEADING, rowsOf, showFaults, type Results } from './table.js'
import type { ServerName } from './processes.js'

const DOCS = join(ROOT, 'docs')
const PLOTS = 'performance'

const INTRODUCTION = `# Performance

\`npm run bench -- --write\` generates this page. Only the ratios mean something elsewhere: absolute figures
depend on the machine.

- \`server\` is this server with its embedded database, started as \`npm start\` does. Its limits by
  rate are off.
- \`classic\` is the usual stack: Express 5, Mongoose, Socket.IO and bcrypt (bench/peers/classic.ts). It uses
  the same durable database in a process of its own, and the CPU time and memory of both processes count. It
  does not check who asks.
- \`floor\` is \`node:http\` with \`ws\` (bench/peers/floor.ts). It checks and stores nothing.

All three run on one machine together with the load program, and take turns at every figure. A message has 80
characters. CPU is the user and system time of all threads. A ratio is \`server\` divided by the other.
`

const CORRECTNESS = `
## Correctness

Each message has a number. What the receivers got and what is stored is compared with what was sent.
`

export interface Conditions {
  names: readonly ServerName[]
  rounds: number
  flush: string
  /** the options of the run, as typed */
  options: string
  /** what else ran on the machine */
  note: string
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** Writes the page: conditions, correctness, the table, and a plot of each measure. */
export async function writePage (results: Results, conditions: Conditions): Promise<void> {
  const { names, rounds, flush, options, note } = conditions
  const dir = join(DOCS, PLOTS)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const images: string[] = []
  for (const [figure, outcomes] of results) {
    for (const { measure } of rowsOf(figure, outcomes)) {
      const file = `${figure.name}-${measure.key.toLowerCase()}.svg`
      await writeFile(join(dir, file), plot(measure, outcomes))
      images.push(`![${measure.title}](${PLOTS}/${file})`)
    }
  }
  const rows = [...results].flatMap(([figure, outcomes]) => rowsOf(figure, outcomes).map(cells))
  const today = new Date().toISOString().slice(0, 10)
  const text = [
    INTRODUCTION,
    `## The run\n\n- ${today}, \`npm run bench -- ${options}\`\n- ${machine()}`,
    `- ${flush}`,
    ...note === '' ? [] : [`- ${note}`],
    `\n## Medians of ${rounds} rounds\n`,
    line(HEADING), line(HEADING.map(() => '---')), ...rows.map(line),
    CORRECTNESS,
    ...names.map(name => `- ${name}: ${showFaults(faultsOf(results, name))}`),
    `\n## Plots\n\nA bar is the median, a dot a round.\n\n${images.join('\n\n')}\n`
  ]
  await writeFile(join(DOCS, 'performance.md'), text.join('\n'))
}
