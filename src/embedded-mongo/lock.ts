import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket's path is cut silently beyond this (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final NUL). */
const MAX_SOCKET_PATH = 103

/** When the process started, in ticks since boot, which tells it from a later one of the same number; '' where the system doesn't say. */
function startTime (pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** Whether the owner that a lock file names lives: as a process, or in another container, where only its socket can be seen. */
async function lives (pid: string, started: string, socketPath: string): Promise<boolean> {
  const answers = new Promise<boolean>(resolve => {
    const socket = createConnection(socketPath, () => { resolve(true) }).once('error', () => { resolve(false) }).once('connect', () => socket.destroy())
  })
  if (pid === String(process.pid)) return await answers
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return await answers
  }
  return startTime(pid) === started || await answers
}

const remove = (...paths: string[]): void => { for (const path of paths) if (path !== '') rmSync(path, { recursive: true, force: true }) }
const owned = new Set<string>()

export interface Lock { socketPath: string, release: () => void }

/**
 * Makes this process the directory's only owner and chooses the socket. The lock file holds the process's number, its start time and the socket's path; that of
 * a dead process is taken over. Throws an Error that names the owner.
 */
export async function lock (dir: string): Promise<Lock> {
  if (owned.has(dir)) throw new Error(`${dir} is in use by this process (${process.pid})`)
  const path = join(dir, 'lock')
  const draft = `${path}.${process.pid}`
  const { socketPath, temporary } = socketFor(dir)
  writeFileSync(draft, `${process.pid}\n${startTime(String(process.pid))}\n${socketPath}\n`, { mode: 0o600 })
  try {
    // A link fails if the name is taken, and nobody sees half a file.
    for (let error = tryLink(draft, path); error !== undefined; error = tryLink(draft, path)) {
      if (error.code !== 'EEXIST') throw error
      const content = readFileSync(path, 'utf8')
      const [pid = '', started = '', other = ''] = content.split('\n')
      if (await lives(pid, started, other)) throw new Error(`${dir} is in use by process ${pid}`)
      if (readFileSync(path, 'utf8') === content) remove(path, other) // or somebody else was faster
    }
  } catch (error) {
    remove(temporary)
    throw error
  } finally {
    remove(draft)
  }
  owned.add(dir)
  return { socketPath, release: () => { if (owned.delete(dir)) remove(socketPath, temporary, path) } }
}

function tryLink (from: string, to: string): NodeJS.ErrnoException | undefined {
  try {
    linkSync(from, to)
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

/** `temporary` is a directory that exists for the socket only, or ''. */
function socketFor (dir: string): { socketPath: string, temporary: string } {
  if (process.platform === 'win32') throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  const socketPath = join(dir, 'mongodb.sock')
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH) return { socketPath, temporary: '' }
  const temporary = mkdtempSync(join(tmpdir(), 'mongodb-'))
  return { socketPath: join(temporary, 'mongodb.sock'), temporary }
}
