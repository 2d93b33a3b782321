/** Looks at a server every second: its memory, its processor time, and what /metrics says. */
import { metrics } from '../metrics.js'
import { median } from './figures.js'
import { processStats, type ProcessStats } from './process-stats.js'

interface Sample extends ProcessStats {
  at: number
  /** undefined where /metrics did not answer */
  gauges: Map<string, number> | undefined
}

const SAMPLE_MS = 1_000

/** The samples of one phase. */
export class Phase {
  readonly samples: Sample[] = []

  /** MiB */
  get maxAnonymous (): number {
    return Math.max(...this.samples.map(({ anonymous }) => anonymous))
  }

  get medianAnonymous (): number {
    return median(this.samples.map(({ anonymous }) => anonymous))
  }

  get maxRss (): number {
    return Math.max(...this.samples.map(({ rss }) => rss))
  }

  /** Processors in use. */
  get cores (): number {
    const [first, last] = [this.samples[0], this.samples.at(-1)]
    if (first === undefined || last === undefined) return NaN
    return (last.cpu - first.cpu) / ((last.at - first.at) / 1000)
  }

  get unanswered (): number {
    return this.samples.filter(({ gauges }) => gauges === undefined).length
  }

  maxGauge (name: string): number {
    return Math.max(...this.samples.map(({ gauges }) => gauges?.get(name) ?? 0))
  }

  /** What a gauge of bytes showed last, in MiB. */
  lastMebibytes (name: string): number {
    const last = this.samples.findLast(({ gauges }) => gauges !== undefined)
    return (last?.gauges?.get(name) ?? NaN) / 2 ** 20
  }

  /** MiB that the last samples have at least; what a collection of garbage left. */
  leastAnonymous (samples: number): number {
    return Math.min(...this.samples.slice(-samples).map(({ anonymous }) => anonymous))
  }
}

export class Sampler {
  phase = new Phase()
  readonly #timer: NodeJS.Timeout

  constructor (
    readonly pid: number,
    readonly origin: string
  ) {
    this.#timer = setInterval(() => {
      this.#sample()
    }, SAMPLE_MS)
  }

  /** @returns the phase that begins now */
  next (): Phase {
    this.phase = new Phase()
    return this.phase
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  async #sample (): Promise<void> {
    const { phase } = this
    const stats = processStats(this.pid)
    if (stats === undefined) return
    const gauges = await metrics(this.origin).catch(() => undefined)
    phase.samples.push({ ...stats, at: performance.now(), gauges })
  }
}
