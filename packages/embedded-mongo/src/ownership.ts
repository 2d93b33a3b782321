import { once } from 'node:events'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { createConnection } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Locks an open file; the kernel unlocks it when the process ends (OFD lock, on macOS flock). It has no types. */
interface Locks { tryLock: (file: number) => boolean }
const { tryLock } = createRequire(import.meta.url)('fs-native-extensions') as Locks
/** An owner writes its number as soon as it has the lock; a refused process reads it after this time. */
const OWNER_WRITES_MS = 500
const PID_LENGTH = 10
/** Makes the directory, and this thread its only owner until the thread ends. The lock file stays: a process that
  * opened it before it was removed could lock it, while another locks a new one. Throws an Error that names the
  * owner, or the system's. */
export async function ownDirectory (dir: string): Promise<void> {
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, 'mongodb.lock')
  const file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
  if (!tryLock(file)) {
    await delay(OWNER_WRITES_MS)
    throw new Error(`${dir} is in use by process ${fs.readFileSync(path, 'utf8').trim()}`)
  }
  fs.writeSync(file, String(process.pid).padEnd(PID_LENGTH), 0) // in place, which a full disk allows
}

/** What a symbolic link names, '' without one. */
export function linked (link: string): string {
  try {
    return fs.readlinkSync(link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Removes the link and the socket that a dead owner left. Throws an Error if a server of an earlier version,
  * which has no lock, is still running. */
export async function removeStale (link: string): Promise<void> {
  const name = linked(link)
  if (name === '') return
  const socket = resolve(dirname(link), name)
  const probe = createConnection(socket)
  // Other errors, of a full queue for example, come from a living server.
  const lives = await once(probe, 'connect').then(() => true, (error: NodeJS.ErrnoException) =>
    error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
  probe.destroy()
  if (lives) throw new Error(`${dirname(link)} is in use by process ${parseInt(basename(name))}`)
  for (const path of [link, socket]) fs.rmSync(path, { force: true })
  try {
    fs.rmdirSync(dirname(socket))
  } catch {} // an earlier version had its socket beside the data
}
