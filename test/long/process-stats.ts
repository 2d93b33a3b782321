/** Memory and processor time of another process, as Linux tells them (proc(5)). */
import { readFileSync } from 'node:fs'

export interface ProcessStats {
  /** MiB in memory now, and at most so far */
  rss: number
  peakRss: number
  /** MiB of it that belong to no file: heaps and stacks, not the pages of the database */
  anonymous: number
  /** seconds of processor time, user and system */
  cpu: number
}

const KIB_PER_MIB = 1024
/** sysconf(_SC_CLK_TCK) of every Linux. */
const TICKS_PER_SECOND = 100

/** @returns undefined where there is no such process any more */
export function processStats (pid: number): ProcessStats | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const mib = (name: string) => {
      const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
      return Number(kib) / KIB_PER_MIB
    }
    // The second field is a name in brackets that may hold spaces; utime and stime are the 14th and the 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const cpu = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    const memory = { rss: mib('VmRSS'), peakRss: mib('VmHWM'), anonymous: mib('RssAnon') }
    // A process that ended and was not waited for yet has no memory any more.
    return Number.isNaN(memory.rss) ? undefined : { ...memory, cpu }
  } catch {
    return undefined
  }
}
