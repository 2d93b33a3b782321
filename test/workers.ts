import type { ServerProcess } from './server.js'

/** The process numbers of the workers that have listened, from the log; the newest first. */
export function workersOf (server: ServerProcess): number[] {
  const lines = server.log.filter(line => line.includes('"Server listening at'))
  const pids = lines.map(line => (JSON.parse(line) as { pid: number }).pid)
  return [...new Set(pids)].reverse().filter(isAlive)
}

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
