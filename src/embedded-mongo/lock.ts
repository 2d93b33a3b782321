import { linkSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket's path is cut silently beyond this (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final NUL). */
const MAX_SOCKET_PATH = 103

/** When the process started, in ticks since boot: tells a process from a later one of the same number. Only Linux says. */
function startTime (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function answers (socketPath: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = createConnection(socketPath)
    socket.once('connect', () => { resolve(true) }).once('error', () => { resolve(false) }).once('connect', () => socket.destroy())
  })
}

const owned = new Set<string>()

export interface Lock { socketPath: string, release: () => void }

/**
 * Makes this process the directory's only owner. The lock file holds the process's number, its start time and the socket's path; one that a dead process left
 * behind is taken over. Throws an Error that names the owner.
 */
export async function lock (dir: string): Promise<Lock> {
  const path = join(dir, 'lock')
  if (owned.has(dir)) throw new Error(`${dir} is in use by this process (${process.pid})`)
  owned.add(dir)
  try {
    for (;;) {
      try {
        return take(dir, path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        await removeStale(dir, path)
      }
    }
  } catch (error) {
    owned.delete(dir)
    throw error
  }
}

/** Links the finished file to its name, so that nobody sees half of it. Throws EEXIST. */
function take (dir: string, path: string): Lock {
  const { socketPath, temporary } = socketFor(dir)
  const draft = `${path}.${process.pid}`
  const remove = (...files: Array<string | undefined>): void => {
    for (const file of files) if (file !== undefined) rmSync(file, { recursive: true, force: true })
  }
  try {
    writeFileSync(draft, `${process.pid}\n${startTime(process.pid)}\n${socketPath}\n`, { mode: 0o600 })
    linkSync(draft, path)
  } catch (error) {
    remove(temporary)
    throw error
  } finally {
    remove(draft)
  }
  return {
    socketPath,
    release: () => {
      remove(socketPath, temporary, path)
      owned.delete(dir)
    }
  }
}

/** The server may run in another container that shares the directory: its process can't be seen then, but its socket answers. */
async function removeStale (dir: string, path: string): Promise<void> {
  const content = readFileSync(path, 'utf8')
  const [pid = '', started = '', socketPath = ''] = content.split('\n')
  const other = Number(pid)
  const alive = other > 0 && other !== process.pid && isAlive(other) && (started === '' || startTime(other) === started)
  if (alive || (socketPath !== '' && await answers(socketPath))) throw new Error(`${dir} is in use by process ${pid}`)
  const aside = `${path}.${process.pid}.stale`
  renameSync(path, aside)
  // Somebody else may have been faster and this be their new lock.
  if (readFileSync(aside, 'utf8') !== content) {
    renameSync(aside, path)
    return
  }
  rmSync(aside)
  if (socketPath !== '') rmSync(socketPath, { force: true })
}

function socketFor (dir: string): { socketPath: string, temporary?: string } {
  if (process.platform === 'win32') throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  const socketPath = join(dir, 'mongodb.sock')
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH) return { socketPath }
  const temporary = mkdtempSync(join(tmpdir(), 'mongodb-'))
  const short = join(temporary, 'mongodb.sock')
  if (Buffer.byteLength(short) <= MAX_SOCKET_PATH) return { socketPath: short, temporary }
  rmSync(temporary, { recursive: true })
  throw new Error(`${socketPath} is too long for a Unix socket (${MAX_SOCKET_PATH} bytes), and so is ${short}`)
}
