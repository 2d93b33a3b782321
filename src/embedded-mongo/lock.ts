import { linkSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket's path is cut silently beyond this (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final NUL). */
const MAX_SOCKET_PATH = 103

/** When the process started, in ticks since boot, which tells it from a later one of the same number; '' where the system doesn't say. */
function startTime (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function answers (socketPath: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = createConnection(socketPath, () => {
      socket.destroy()
      resolve(true)
    }).once('error', () => { resolve(false) })
  })
}

const remove = (...paths: string[]): void => { for (const path of paths) if (path !== '') rmSync(path, { recursive: true, force: true }) }
const owned = new Set<string>()

export interface Lock { socketPath: string, release: () => void }

/**
 * Makes this process the directory's only owner and chooses the socket. The lock file holds the process's number, its start time and the socket's path; that of
 * a dead process is taken over. Throws an Error that names the owner.
 */
export async function lock (dir: string): Promise<Lock> {
  const path = join(dir, 'lock')
  const { socketPath, temporary } = socketFor(dir)
  const draft = `${path}.${process.pid}`
  try {
    if (owned.has(dir)) throw new Error(`${dir} is in use by this process (${process.pid})`)
    writeFileSync(draft, `${process.pid}\n${startTime(process.pid)}\n${socketPath}\n`, { mode: 0o600 })
    for (let taken = false; !taken;) {
      try {
        linkSync(draft, path) // fails if the name is taken, and nobody sees half a file
        taken = true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        await removeStale(dir, path)
      }
    }
  } catch (error) {
    remove(temporary)
    throw error
  } finally {
    remove(draft)
  }
  owned.add(dir)
  return {
    socketPath,
    release: () => {
      remove(socketPath, temporary, path)
      owned.delete(dir)
    }
  }
}

async function removeStale (dir: string, path: string): Promise<void> {
  const content = readFileSync(path, 'utf8')
  const [pid = '', started = '', socketPath = ''] = content.split('\n')
  const other = Number(pid)
  const alive = other > 0 && other !== process.pid && isAlive(other) && (started === '' || startTime(other) === started)
  // In another container that shares the directory its process can't be seen, but its socket answers.
  if (alive || (socketPath !== '' && await answers(socketPath))) throw new Error(`${dir} is in use by process ${pid}`)
  const aside = `${path}.${process.pid}.stale`
  renameSync(path, aside)
  // Somebody else may have been faster, and this be their new lock.
  if (readFileSync(aside, 'utf8') === content) remove(aside, socketPath)
  else renameSync(aside, path)
}

/** `temporary` is a directory that exists for the socket only, or ''. */
function socketFor (dir: string): { socketPath: string, temporary: string } {
  if (process.platform === 'win32') throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  const socketPath = join(dir, 'mongodb.sock')
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH) return { socketPath, temporary: '' }
  const temporary = mkdtempSync(join(tmpdir(), 'mongodb-'))
  const short = join(temporary, 'mongodb.sock')
  if (Buffer.byteLength(short) <= MAX_SOCKET_PATH) return { socketPath: short, temporary }
  remove(temporary)
  throw new Error(`${socketPath} is too long for a Unix socket (${MAX_SOCKET_PATH} bytes), and so is ${short}`)
}
