/** Work that several lanes repeat as fast as answers come, and its speed once it is warm. */
import { Mark } from './figure.js'
import type { Running } from './processes.js'

export interface Flow {
  perSecond: number
  /** milliseconds of processor time of the server for each piece of work */
  cpuMs: number
  load: number
}

/** The first part is not measured: compilers and caches warm up. */
const WARM_MS = 500

/**
 * Repeats `work` in so many lanes for some seconds.
 * @param work does one piece of work; returns false where the lane has no more, which ends the flow
 */
export async function flow (
  running: Running, lanes: number, seconds: number, work: (lane: number) => Promise<boolean>
): Promise<Flow> {
  let count = 0
  let mark = new Mark(running)
  const results: Flow[] = []
  const finish = () => {
    if (results.length > 0) return
    const { seconds: took, cpu, load } = mark.stop()
    results.push({ perSecond: count / took, cpuMs: cpu * 1_000 / count, load })
  }
  const warm = setTimeout(() => {
    count = 0
    mark = new Mark(running)
  }, WARM_MS)
  const timer = setTimeout(finish, WARM_MS + seconds * 1_000)
  try {
    await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
      while (results.length === 0) {
        if (!await work(lane)) finish()
        else count++
      }
    }))
  } finally {
    clearTimeout(warm)
    clearTimeout(timer)
  }
  return results[0]!
}
