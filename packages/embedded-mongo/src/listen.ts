import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { linked, ownDirectory, removeStale } from './ownership.js'

/**
 * Longer paths of sockets are cut silently (sockaddr_un: 104 bytes on macOS, 108 on Linux, with the final
 * NUL).
 */
const MAX_SOCKET_PATH = 103

const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_SOCKET_PATH

/**
 * Makes this process the only server of a directory, and listens there. Only this user can enter the socket's
 * directory, whatever the mode of the data directory is; mongodb.sock links to the socket.
 *
 * @returns the path for clients
 * @throws Error that names the process that owns the directory, or the system's error
 */
export async function listenIn (dir: string, server: Server): Promise<string> {
  if (process.platform === 'win32') {
    throw new Error('the embedded server needs Unix sockets: on Windows name a MongoDB server by its URL')
  }
  await ownDirectory(dir)
  const link = join(dir, 'mongodb.sock')
  await removeStale(link)
  const path = makeSocketPath(dir)
  const fromLink = relative(dir, path.socket)
  const target = fromLink.startsWith('..') ? path.socket : fromLink
  process.once('exit', () => {
    if (linked(link) === target) rmSync(link)
    rmSync(path.home, { recursive: true, force: true })
  })
  await once(server.listen(path.socket), 'listening')
  chmodSync(path.socket, 0o600)
  symlinkSync(target, link)
  return fits(link) ? link : path.socket
}

/** Makes a directory for the socket, in the system's temporary directory if the path would be too long. */
function makeSocketPath (dir: string): { home: string, socket: string } {
  const name = `${process.pid}.sock`
  // mkdtempSync appends six characters.
  const isShort = fits(join(dir, 'mongodb-XXXXXX', name))
  const home = mkdtempSync(join(isShort ? dir : tmpdir(), 'mongodb-'))
  return { home, socket: join(home, name) }
}
