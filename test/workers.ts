/** The workers of a server that runs with WORKERS. */
import type { Test } from 'tap'
import type { Socket } from './helper.js'
import { open, type User } from './processes.js'
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

/** Opens a socket at each worker: while the others are stopped, the operating system gives it to that one. */
export async function openAtEach (t: Test, server: ServerProcess, user: User): Promise<Socket[]> {
  const sockets: Socket[] = []
  const pids = workersOf(server)
  for (const pid of pids) {
    const others = pids.filter(other => other !== pid)
    for (const other of others) process.kill(other, 'SIGSTOP')
    sockets.push(await open(t, server, user))
    for (const other of others) process.kill(other, 'SIGCONT')
  }
  return sockets
}
