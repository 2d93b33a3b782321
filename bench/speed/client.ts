/** What a client does with a server over HTTP; the three servers have the same routes. */
import { HttpConnection, type Answer } from './http-client.js'
import type { Running } from './processes.js'
import { openSocket, type ChatSocket, type User } from './chat-socket.js'

/** The password of all accounts. */
export const PASSWORD = 'correct horse battery staple'
/** Registrations at a time: more would only wait. */
const AT_ONCE = 4

function parsed ({ status, body }: Answer): any {
  if (status >= 300) throw new Error(`${status} ${body.toString()}`)
  return JSON.parse(body.toString())
}

/** Calls `work` for 0 … count-1, a bounded number at a time. */
export async function inParallel<T> (
  count: number, atOnce: number, work: (n: number) => Promise<T>
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, async () => {
    while (next < count) {
      const n = next++
      results[n] = await work(n)
    }
  }))
  return results
}

let registered = 0

/** Opens accounts. */
export async function registerUsers ({ origin }: Running, count: number): Promise<User[]> {
  const connections = await inParallel(AT_ONCE, AT_ONCE, async () => await HttpConnection.open(origin))
  const free = [...connections]
  const users = await inParallel(count, AT_ONCE, async () => {
    const connection = free.pop()!
    const username = `user${Date.now()}${registered++}`
    const body = JSON.stringify({ username, email: `${username}@example.org`, password: PASSWORD })
    const { data, token } = parsed(await connection.request('POST', '/api/v1/user/register', '', body))
    free.push(connection)
    return { id: data._id, username, token }
  })
  for (const connection of connections) connection.close()
  return users
}

/** Logs in with the password that all accounts have. */
export async function logIn (connection: HttpConnection, { username }: User): Promise<void> {
  const body = JSON.stringify({ username, password: PASSWORD })
  parsed(await connection.request('POST', '/api/v1/user/login', '', body))
}

/** Sends a message and waits until it is stored. */
export async function addMessage (
  connection: HttpConnection, from: User, to: User, message: string
): Promise<void> {
  const body = JSON.stringify({ sender: from.id, reciver: to.id, message })
  const { status, body: text } = await connection.request('POST', '/api/v1/addmsg', from.token, body)
  if (status !== 201) throw new Error(`addmsg: ${status} ${text.toString()}`)
}

/** Reads the newest messages of a conversation. */
export async function readHistory (
  connection: HttpConnection, from: User, to: User, limit?: number
): Promise<Buffer> {
  const query = `?sender=${from.id}&reciver=${to.id}${limit === undefined ? '' : `&limit=${limit}`}`
  const { status, body } = await connection.request('GET', `/api/v1/getallmessages${query}`, from.token)
  if (status !== 200) throw new Error(`getallmessages: ${status} ${body.toString()}`)
  return body
}

export async function openSockets (running: Running, users: User[]): Promise<ChatSocket[]> {
  const isClassic = running.name === 'classic'
  return await inParallel(users.length, 32, async n => await openSocket(isClassic, running.origin, users[n]!))
}
