/**
 * What each attack of docs/security.md costs others, on one or two builds of the server, side by side.
 * `npm run bench:attacks -- dist/src/server.js [OTHER/dist/src/server.js] [--only=C1,M5]`
 * It takes a minute for each attack and build.
 */
import { resolve } from 'node:path'
import { printTable, showMs } from '../test/long/figures.js'
import { CASES, type Case } from './attacks/cases.js'
import { measure, type Measured } from './attacks/measure.js'
import type { Fate } from './attacks/victim.js'

const HEADING = [
  'attack', 'build', 'addmsg calm', 'addmsg attacked', 'refused, lost',
  'login calm', 'login attacked', 'refused, lost',
  'RSS', 'RssAnon', 'cores', 'attempts', 'its own p50/p99', 'server'
]

const times = ({ times }: Fate) => `${showMs(times.quantile(0.5))}/${showMs(times.quantile(0.99))}`
const failures = ({ refused, lost, all }: Fate) => `${refused}, ${lost} of ${all}`

function row ({ finding }: Case, build: string, measured: Measured): string[] {
  const { calm, attacked, peakRss, peakAnonymous, cores, tally, died } = measured
  return [
    finding, build,
    times(calm.addmsg), times(attacked.addmsg), failures(attacked.addmsg),
    times(calm.login), times(attacked.login), failures(attacked.login),
    `${peakRss.toFixed(0)} MiB`, `${peakAnonymous.toFixed(0)} MiB`, cores.toFixed(2),
    String(tally?.attempts ?? 0), `${showMs(tally?.p50 ?? NaN)}/${showMs(tally?.p99 ?? NaN)}`,
    died === undefined ? 'lives' : `DIED: ${died}`
  ]
}

function outcomes ({ finding }: Case, build: string, { tally }: Measured): string {
  const all = Object.entries(tally?.outcomes ?? {}).map(([what, count]) => `${what}: ${count}`)
  return `${finding} (${build}): ${all.join(', ') || 'no answer'}`
}

const scripts = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const only = process.argv.find(argument => argument.startsWith('--only='))?.slice('--only='.length).split(',')
if (scripts.length === 0) {
  console.error('usage: attacks.ts dist/src/server.js [OTHER/dist/src/server.js] [--only=C1,M5]')
  process.exit(2)
}

const rows: string[][] = [HEADING]
const notes: string[] = []
for (const attack of CASES.filter(({ finding }) => only?.some(name => finding.startsWith(name)) ?? true)) {
  for (const [index, script] of scripts.entries()) {
    const build = 'AB'[index] ?? String(index)
    const measured = await measure(resolve(script), attack)
    rows.push(row(attack, build, measured))
    notes.push(outcomes(attack, build, measured))
    console.error(rows.at(-1)!.join('  '))
  }
}
for (const [index, script] of scripts.entries()) console.log(`${'AB'[index]}: ${resolve(script)}`)
console.log('Times are the median and the 99th percentile in ms; what was lost counts as 10 s.\n')
printTable(rows)
console.log(`\nWhat became of the attempts:\n${notes.join('\n')}`)
