/**
 * How fast the server is, beside the usual stack (`classic`) and the least possible server (`floor`), on this
 * machine, in one run: `npm run bench -- [--only=http-send,last-50] [--servers=server,floor] [--rounds=3]
 * [--quick|--full] [--messages=N] [--server=OTHER/dist/src/server.js] [--write [--note=TEXT]]`
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { printTable } from '../test/long/figures.js'
import { within, type ProgramLifetime } from '../test/long/lifetime.js'
import { SERVER } from '../test/server.js'
import { Arena, type Figure } from './speed/figure.js'
import { FIGURES } from './speed/figures.js'
import { flushTimes, machine, showFlush } from './speed/machine.js'
import { writePage } from './speed/page.js'
import { SERVERS, start, type ServerName } from './speed/processes.js'
import type { Settings } from './speed/settings.js'
import { cells, faultsOf, HEADING, rowsOf, showFaults, type Results } from './speed/table.js'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    servers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    server: { type: 'string', default: SERVER },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    messages: { type: 'string' },
    note: { type: 'string', default: '' }
  }
})
const { quick, full } = options
const settings: Settings = {
  script: resolve(options.server),
  quick,
  full,
  messages: Number(options.messages ?? (full ? 1_000_000 : quick ? 20_000 : 100_000)),
  stormSockets: quick ? 500 : 5_000
}
const rounds = Number(options.rounds)
const chosen = options.only?.split(',')
const names = SERVERS.filter(name => options.servers?.split(',').includes(name) ?? true)
const figures = FIGURES.filter(({ name }) => chosen?.includes(name) ?? true)
const unknown = chosen?.filter(name => !FIGURES.some(figure => figure.name === name)) ?? []
if (unknown.length > 0 || !(rounds >= 1)) {
  console.error(`--only takes ${FIGURES.map(({ name }) => name).join(', ')}; --rounds a number from 1`)
  process.exit(2)
}

/** Measures all figures once, the servers in turn at each, beginning with another one in each round. */
async function runRound (lifetime: ProgramLifetime, round: number, results: Results): Promise<void> {
  const turn = names.map((_, n) => names[(n + round) % names.length]!)
  const arenas = new Map<ServerName, Arena>()
  for (const name of turn) {
    const running = await start(name, settings)
    lifetime.teardown(() => running.stop())
    const arena = await Arena.open(running, settings)
    lifetime.teardown(() => arena.close())
    arenas.set(name, arena)
  }
  for (const figure of figures) {
    for (const name of turn.filter(name => figure.servers?.includes(name) ?? true)) {
      await runFigure(figure, arenas.get(name)!, results)
    }
  }
}

async function runFigure (figure: Figure, arena: Arena, results: Results): Promise<void> {
  const { name } = arena.running
  const outcome = await figure.run(arena)
  const servers = results.get(figure) ?? new Map()
  results.set(figure, servers.set(name, [...servers.get(name) ?? [], outcome]))
  const load = outcome.load === undefined ? '' : `; the load program used ${outcome.load.toFixed(2)} cores`
  const faults = outcome.faults === undefined ? '' : `; ${showFaults(outcome.faults)}`
  console.error(`${figure.name} ${name} ${JSON.stringify(outcome.values)}${load}${faults}`)
}

const results: Results = new Map()
for (let round = 0; round < rounds; round++) {
  await within(lifetime => runRound(lifetime, round, results))
}
const flush = showFlush(await flushTimes())
console.log(`server: ${settings.script}\n${machine()}\n${flush}\nmedians of ${rounds} rounds\n`)
printTable([HEADING, ...[...results].flatMap(([figure, of]) => rowsOf(figure, of).map(cells))])
for (const name of names) console.log(`${name}: ${showFaults(faultsOf(results, name))}`)
if (options.write) {
  const typed = process.argv.slice(2).filter(option => !/^--(note|server)=/.test(option)).join(' ')
  await writePage(results, { names, rounds, flush, options: typed, note: options.note })
}
