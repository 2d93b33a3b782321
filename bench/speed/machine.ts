/** What the figures depend on besides the servers: the machine and its disk. Names of hosts are left out. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { Series, showMs } from '../../test/long/figures.js'

const FLUSHES = 100
const BLOCK = Buffer.alloc(4_096, 1)
const GIB = 1024 ** 3

/** Milliseconds of a 4 KiB write with fdatasync, where the servers keep their data. */
export async function flushTimes (): Promise<Series> {
  const dir = await mkdtemp(join(tmpdir(), 'chat-flush-'))
  const file = await open(join(dir, 'file'), 'w')
  const times = new Series()
  for (let n = 0; n < FLUSHES; n++) {
    const since = performance.now()
    await file.write(BLOCK, 0, BLOCK.length, 0)
    await file.datasync()
    times.add(performance.now() - since)
  }
  await file.close()
  await rm(dir, { recursive: true })
  return times
}

export const showFlush = (times: Series) =>
  `a flush of the disk (4 KiB, fdatasync): p50 ${showMs(times.quantile(0.5))} ms, ` +
  `p99 ${showMs(times.quantile(0.99))} ms`

/** One line: system, Node, cores, memory, load. */
export function machine (): string {
  const model = cpus()[0]?.model.trim() ?? ''
  const named = model === '' || model === 'unknown' ? 'model not told' : model
  const loads = loadavg().map(n => n.toFixed(1))
  const cores = `${availableParallelism()} cores (${named})`
  return `${type()} ${release()}, Node ${process.version}, ${cores}, ` +
    `${Math.round(totalmem() / GIB)} GiB; load average at the end ${loads.join(', ')}`
}
