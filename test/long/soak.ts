/**
 * The promises under attack: honest people write to each other, first in peace, then while ten accounts do
 * everything that docs/security.md bounds, all at once, and what is stored is compared with what all saw.
 * `npm run test:soak`; SOAK_SECONDS (of the attack, default 1800) and SEED may be given.
 * SOAK_ONLY=C1,M5 leaves the other attacks out, to find what hurts; it then fails in any case.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { seeded } from '../../packages/client/test/world.js'
import { heldAfter } from '../metrics.js'
import { dataDir, start, type Lifetime, type ServerProcess } from '../server.js'
import { checkLog, checkServer } from './checks.js'
import { Figures, MEASURED, showMs } from './figures.js'
import { gatherAttackers } from './gather-attackers.js'
import { HonestClients } from './honest-clients.js'
import type { Orders, Report } from './hostile-clients.js'
import { HostileProcess } from './hostile-process.js'
import { within } from './lifetime.js'
import { Sampler, type Phase } from './sampler.js'
import { printAttacks, printServer, printTimes, Verdict } from './verdict.js'

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const ATTACK_MS = Number(process.env.SOAK_SECONDS ?? 1800) * 1000
const ONLY = process.env.SOAK_ONLY?.split(',')
/** V8 compiles what is used often. */
const WARM_UP_MS = 10_000
const CALM_MS = Math.min(300_000, Math.max(20_000, ATTACK_MS / 6))
/** For what the attackers caused to be over, and garbage to be collected. */
const RECOVERY_MS = 60_000
/** How often times are printed. */
const SLICE_MS = 30_000
const CLEAN_UP_MS = 60_000
/** A server that does not answer for so long after an attack is as good as dead. */
const SETTLE_MS = 60_000

/** As `npm start` starts it, with the default limits. */
const ENV = { NODE_OPTIONS: '--max-semi-space-size=8', MAX_LOOP_DELAY_MS: '' }

class Soak {
  readonly figures: Record<string, Figures> = {}
  readonly phases: Record<string, Phase> = {}
  readonly #ended: Promise<void>

  constructor (
    readonly server: ServerProcess,
    readonly honest: HonestClients,
    readonly sampler: Sampler
  ) {
    this.#ended = new Promise(resolve => {
      server.child.once('exit', () => {
        resolve()
      })
    })
  }

  /** Peace, attack, and the time after it. @returns what the attackers did */
  async run (orders: Orders, lifetime: Lifetime): Promise<Report> {
    this.honest.start()
    await this.#phase('warm-up', WARM_UP_MS)
    await this.#phase('calm', CALM_MS)
    const attackers = new HostileProcess(orders)
    lifetime.teardown(async () => {
      await attackers.kill()
    })
    await this.#phase('attack', ATTACK_MS)
    const report = await attackers.stop()
    await this.#phase('after', RECOVERY_MS)
    return report
  }

  async verdict (report: Report): Promise<Verdict> {
    const { server, honest, sampler, figures, phases } = this
    const verdict = new Verdict()
    checkServer(server, phases, verdict)
    verdict.attempts(report)
    verdict.check('all attacks at once', ONLY === undefined, ONLY === undefined ? '' : `only ${ONLY.join()}`)
    const unanswered = await honest.stop(SETTLE_MS)
    sampler.stop()
    verdict.times(figures.calm!, figures.attack!)
    verdict.check('everything honest people did was answered', unanswered === 0, `${unanswered} not answered`)
    if (unanswered > 0) return verdict
    await checkLog(honest, verdict)
    honest.close()
    const held = Object.entries(await heldAfter(server.origin, CLEAN_UP_MS)).map(entry => entry.join(': '))
    verdict.none('nothing is held when everybody has left', held, 'all gauges are 0')
    return verdict
  }

  async #phase (name: string, ms: number): Promise<void> {
    console.log(`${new Date().toISOString()} ${name}: ${ms / 1000} s`)
    this.honest.figures = this.figures[name] = new Figures()
    this.phases[name] = this.sampler.next()
    const slices = setInterval(printSlice(this.honest.figures), SLICE_MS)
    await Promise.race([delay(ms), this.#ended])
    clearInterval(slices)
  }
}

/** Prints the times since it was called last. */
function printSlice (figures: Figures): () => void {
  const counts = new Map<string, number>()
  return () => {
    const times = Object.values(MEASURED).map(measured => {
      const series = figures.of(measured)
      const from = counts.get(measured) ?? 0
      counts.set(measured, series.count)
      return `${measured} ${showMs(series.quantile(0.5, from))}, ${showMs(series.quantile(0.99, from))}`
    })
    console.log(`${new Date().toISOString()} p50, p99 in ms: ${times.join('; ')}`)
  }
}

function print ({ honest, figures, phases }: Soak, report: Report, verdict: Verdict): void {
  console.log()
  printAttacks(report)
  console.log()
  printServer(phases)
  console.log()
  printTimes(figures)
  const refusals = [...honest.refusals].map(([what, count]) => `${what}: ${count}`)
  console.log(`\nHonest people had to try again: ${refusals.join(', ') || 'never'}\n`)
  verdict.print()
}

console.log(`SEED=${SEED} SOAK_SECONDS=${ATTACK_MS / 1000}`)
const kept = await within(async lifetime => {
  const dir = await dataDir(lifetime)
  const server = await start(lifetime, { ...ENV, DATA_DIR: dir }, { keepLog: false })
  const honest = new HonestClients(server.origin, seeded(SEED))
  lifetime.teardown(() => {
    honest.close()
  })
  await honest.register()
  const orders = await gatherAttackers(
    server.origin,
    dir,
    honest.people.map(({ id }) => id),
    ONLY
  )
  await honest.connect()
  const sampler = new Sampler(server.child.pid!, server.origin)
  lifetime.teardown(() => {
    sampler.stop()
  })
  const soak = new Soak(server, honest, sampler)
  const report = await soak.run(orders, lifetime)
  const verdict = await soak.verdict(report)
  print(soak, report, verdict)
  return verdict.kept
})
process.exit(kept ? 0 : 1)
