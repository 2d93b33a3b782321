import { once } from 'node:events'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { createConnection } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Locks an open file; the kernel unlocks it when the process ends (OFD lock, on macOS flock). The module has
 * no types.
 */
interface Locks { tryLock: (file: number) => boolean }

const { tryLock } = createRequire(import.meta.url)('fs-native-extensions') as Locks

/** An owner writes its number as soon as it has the lock. A refused process reads it after this time. */
const OWNER_WRITES_MS = 500
/** The lock file always has this many bytes, so that writing a number needs no new block of the disk. */
const PID_LENGTH = 10

/**
 * Makes the directory if it is missing, and this thread its only owner until the thread ends. The lock file
 * is never removed: a process that had opened it before could lock it, while another process locks a new one.
 *
 * @throws Error that names the process that owns the directory, or the system's error
 */
export async function ownDirectory (dir: string): Promise<void> {
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, 'mongodb.lock')
  const file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
  const locked = tryLock(file)
  if (!locked) {
    await delay(OWNER_WRITES_MS)
    throw new Error(`${dir} is in use by process ${fs.readFileSync(path, 'utf8').trim()}`)
  }
  fs.writeSync(file, String(process.pid).padEnd(PID_LENGTH), 0)
}

/** Reads the target of a symbolic link; '' if the link does not exist. */
export function linked (link: string): string {
  try {
    return fs.readlinkSync(link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/**
 * Removes the link and the socket that a dead owner left.
 *
 * @throws Error if a server of an earlier version, which has no lock, still listens
 */
export async function removeStale (link: string): Promise<void> {
  const name = linked(link)
  if (name === '') return
  const socket = resolve(dirname(link), name)
  if (await isAlive(socket)) {
    const owner = parseInt(basename(name))
    throw new Error(`${dirname(link)} is in use by process ${owner}`)
  }
  for (const path of [link, socket]) fs.rmSync(path, { force: true })
  try {
    fs.rmdirSync(dirname(socket))
  } catch {
    // An earlier version had its socket beside the data.
  }
}

/** Whether a server listens at a socket. */
async function isAlive (socket: string): Promise<boolean> {
  const probe = createConnection(socket)
  try {
    await once(probe, 'connect')
    return true
  } catch (error) {
    // Other errors, such as that of a full queue, come from a server that runs.
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ECONNREFUSED' && code !== 'ENOENT'
  } finally {
    probe.destroy()
  }
}
