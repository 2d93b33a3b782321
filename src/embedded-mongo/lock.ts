import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A socket's path is cut silently beyond this (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final NUL). */
const MAX_SOCKET_PATH = 103
const owned = new Set<string>()
/** What tells a living process from a later one of its number: its start in ticks since boot, or '?' where the system doesn't say; '' for a dead one. */
function startOf (pid: string): string {
  try {
    process.kill(Number(pid), 0)
    return existsSync('/proc/self/stat') ? readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19] ?? '' : '?'
  } catch { return '' }
}

/** Whether the owner that a lock names lives: as a process, or in another container, where only its socket can be seen. */
async function lives (pid: string, started: string, socketPath: string): Promise<boolean> {
  const start = pid === String(process.pid) ? '' : startOf(pid)
  if (start !== '' && start === started) return true
  return await new Promise(resolve => {
    const socket = createConnection(socketPath, () => { resolve(true) }).once('error', () => { resolve(false) }).once('connect', () => socket.destroy())
  })
}

/** Node's own recursive mkdir never returns where nothing can be made, as in /proc. */
function makeDirectory (dir: string): void {
  if (existsSync(dir)) return
  makeDirectory(dirname(dir))
  mkdirSync(dir, { mode: 0o700 })
}

/** Makes this process the directory's only owner and chooses the socket. A dead process's lock is taken over. Throws an Error that names the owner. */
export async function lock (dir: string): Promise<{ socketPath: string, release: () => void }> {
  if (process.platform === 'win32') throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  makeDirectory(dir)
  const near = Buffer.byteLength(join(dir, 'mongodb.sock')) <= MAX_SOCKET_PATH
  const home = near ? dir : join(tmpdir(), `mongodb-${randomUUID()}`)
  const socketPath = join(home, 'mongodb.sock')
  const path = join(dir, 'lock')
  const remove = (...paths: string[]): void => { for (const path of paths) rmSync(path, { recursive: true, force: true }) }
  for (;;) {
    // A symbolic link is made whole or not at all, and not where the name is taken.
    try {
      symlinkSync(`${process.pid} ${startOf(String(process.pid))} ${socketPath}`, path)
      break
    } catch (error) { if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error }
    try {
      const content = readlinkSync(path)
      const [, pid = '', started = '', other = ''] = /^(\d+) (\S*) (.+)$/s.exec(content) ?? []
      if (owned.has(dir) || await lives(pid, started, other)) throw new Error(`${dir} is in use by process ${pid}`)
      if (readlinkSync(path) === content) remove(path, other) // or somebody else was faster
    } catch (error) { if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error } // its owner left meanwhile
  }
  if (!near) mkdirSync(home, { mode: 0o700 })
  chmodSync(dir, 0o700)
  owned.add(dir)
  return { socketPath, release: () => { if (owned.delete(dir)) remove(near ? socketPath : home, path) } }
}
