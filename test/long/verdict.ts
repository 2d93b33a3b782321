/** The summary of a soak: its figures, the attacks, and each promise with whether it was kept. */
import { MEASURED, printTable, showMs, type Figures } from './figures.js'
import type { Report } from './hostile-clients.js'
import type { Phase } from './sampler.js'

interface Check {
  promise: string
  kept: boolean
  detail: string
}

/** Honest people's 99th percentile under attack, in multiples of the calm one. */
const MOST_TIMES_CALM = 5
/** Fewer attempts than that prove nothing. */
const LEAST_ATTEMPTS = 100
/** Lines of a list of faults that are shown. */
const SHOWN = 5

export class Verdict {
  readonly #checks: Check[] = []

  get kept (): boolean {
    return this.#checks.every(({ kept }) => kept)
  }

  check (promise: string, kept: boolean, detail: string): void {
    this.#checks.push({ promise, kept, detail })
  }

  /** A list of faults must be empty. */
  none (promise: string, faults: readonly unknown[], whereKept: string): void {
    const kept = faults.length === 0
    const first = faults.slice(0, SHOWN)
    const shown = first.map(fault => (typeof fault === 'string' ? fault : JSON.stringify(fault)))
    this.check(promise, kept, kept ? whereKept : `${faults.length}: ${shown.join('; ')}`)
  }

  times (calm: Figures, attacked: Figures): void {
    for (const name of Object.values(MEASURED)) {
      const [before, now] = [calm.of(name).quantile(0.99), attacked.of(name).quantile(0.99)]
      this.check(
        `p99 of ${name} within ${MOST_TIMES_CALM} times calm`,
        now <= before * MOST_TIMES_CALM,
        `${showMs(before)} ms calm, ${showMs(now)} ms attacked: ${(now / before).toFixed(1)} times`
      )
    }
  }

  attempts (report: Report): void {
    const idle = Object.entries(report).filter(
      ([, { attempts, outcomes }]) => attempts < LEAST_ATTEMPTS || Object.keys(outcomes).length === 0
    )
    this.none(
      `each attack was tried at least ${LEAST_ATTEMPTS} times`,
      idle.map(([name, { attempts }]) => `${name}: ${attempts}`),
      `${Object.keys(report).length} attacks`
    )
  }

  print (): void {
    printTable([
      ['', 'promise', ''],
      ...this.#checks.map(({ promise, kept, detail }) => [kept ? 'ok' : 'NOT KEPT', promise, detail])
    ])
  }
}

/** Prints what honest people had of the server in each phase. */
export function printTimes (phases: Record<string, Figures>): void {
  const names = Object.keys(phases)
  printTable([
    ['ms', ...names.flatMap(name => [`${name}: count`, 'p50', 'p99'])],
    ...Object.values(MEASURED).map(measured => [
      measured,
      ...names.flatMap(name => {
        const series = phases[name]!.of(measured)
        return [String(series.count), showMs(series.quantile(0.5)), showMs(series.quantile(0.99))]
      })
    ])
  ])
}

/** Prints what the server took in each phase. */
export function printServer (phases: Record<string, Phase>): void {
  const show = (phase: Phase, name: string, digits = 0) => phase.maxGauge(name).toFixed(digits)
  const mib = (value: number) => `${value.toFixed(0)} MiB`
  printTable([
    [
      'phase',
      'cores',
      'RSS max',
      'RssAnon max',
      'RssAnon median',
      'heap at the end',
      'external',
      'sockets',
      'cursors',
      'queued bytes',
      'loop lag s',
      'no metrics'
    ],
    ...Object.entries(phases).map(([name, phase]) => [
      name,
      phase.cores.toFixed(2),
      mib(phase.maxRss),
      mib(phase.maxAnonymous),
      mib(phase.medianAnonymous),
      mib(phase.lastMebibytes('nodejs_heap_size_used_bytes')),
      mib(phase.lastMebibytes('nodejs_external_memory_bytes')),
      show(phase, 'chat_sockets'),
      show(phase, 'chat_cursors'),
      show(phase, 'chat_socket_queued_bytes'),
      show(phase, 'nodejs_eventloop_lag_seconds', 2),
      `${phase.unanswered} of ${phase.samples.length}`
    ])
  ])
}

/** Prints what the attackers did and what the server said to it. */
export function printAttacks (report: Report): void {
  printTable([
    ['attack', 'attempts', 'what came back'],
    ...Object.entries(report).map(([name, { attempts, outcomes }]) => [
      name,
      String(attempts),
      Object.entries(outcomes)
        .map(([what, count]) => `${what}: ${count}`)
        .join(', ')
    ])
  ])
}
