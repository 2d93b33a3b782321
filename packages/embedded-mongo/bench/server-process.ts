import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { MongoClient } from 'mongodb'

export interface ServerProcess {
  url: string
  pid: number
  /** From the start to the first answer. */
  ms: number
  stop: () => Promise<void>
}

/** Starts a server in a process of its own: Node's arguments. */
export async function start (...args: string[]): Promise<ServerProcess> {
  const since = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = (await once(child.stdout, 'data')) as [Buffer]
  const client = await MongoClient.connect(url.toString().trim())
  await client.db('bench').command({ ping: 1 })
  await client.close()
  return {
    url: url.toString().trim(),
    pid: child.pid as number,
    ms: performance.now() - since,
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

/** Reads the anonymous memory of a process, where the system tells it. */
export function anonymousMiB (pid: number): string {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const kibibytes = Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1])
    return `${Math.round(kibibytes / 1024)} MiB`
  } catch {
    return 'not known here'
  }
}
