import { once } from 'node:events'
import { constants, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, rmdirSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createConnection } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Locks an open file; the kernel unlocks it when the process ends (OFD lock, on macOS flock). The package has no types. */
const { tryLock } = createRequire(import.meta.url)('fs-native-extensions') as { tryLock: (file: number) => boolean }
/** An owner writes its number right after it has the lock: until then a refused process reads an earlier one. */
const [TRIES, WAIT_MS] = [50, 20]
const PID_LENGTH = 10

/** Whether a process with this number runs, as far as it can be seen from here. */
function isRunning (pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    return process.kill(pid, 0)
  } catch (error) { return (error as NodeJS.ErrnoException).code === 'EPERM' }
}

/** Makes the directory, and this thread its only owner until the thread ends. The lock file stays: a removed one could be
  * locked by a process that opened it before, beside a new one. Throws an Error that names the owner, or the system's. */
export async function ownDirectory (dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, 'mongodb.lock')
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  for (let tries = 1; !tryLock(file); tries++) {
    const owner = Number(readFileSync(path, 'utf8'))
    if (isRunning(owner) || tries === TRIES) throw new Error(`${dir} is in use by process ${owner}`)
    await delay(WAIT_MS)
  }
  writeSync(file, String(process.pid).padEnd(PID_LENGTH), 0) // in place, which a full disk allows
}

/** What a symbolic link names, '' without one. */
export function linked (link: string): string {
  try {
    return readlinkSync(link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Removes the link and the socket that a dead owner left. Throws an Error for a server of an earlier version, without a lock. */
export async function removeStale (link: string): Promise<void> {
  const name = linked(link)
  if (name === '') return
  const socket = resolve(dirname(link), name)
  const probe = createConnection(socket)
  const failure = await once(probe, 'connect').then(() => undefined, (error: NodeJS.ErrnoException) => error.code)
  probe.destroy()
  // A full queue of connections, for example, is the sign of a living server.
  const lives = failure !== 'ECONNREFUSED' && failure !== 'ENOENT'
  if (lives) throw new Error(`${dirname(link)} is in use by process ${parseInt(basename(name))}`)
  for (const path of [link, socket]) rmSync(path, { force: true })
  try {
    rmdirSync(dirname(socket))
  } catch {} // an earlier version had its socket beside the data
}
