/** Users and sockets at one of several server processes. */
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { Socket } from './helper.js'
import { request, type ServerProcess } from './server.js'

const PASSWORD = 'correct horse battery'

export interface User { id: string, token: string }

/** Opens an account over HTTP, at one of the processes. */
export async function register (server: ServerProcess, username: string): Promise<User> {
  const body = { username, email: `${username}@example.org`, password: PASSWORD }
  const { status, body: answer } = await request(server.origin, 'POST', '/api/v1/user/register', { body })
  if (status !== 201) throw new Error(`register: ${status}`)
  return { id: answer.data._id, token: answer.token }
}

/** Opens a socket at one of the processes, and waits for its hello. */
export async function open (t: Test, server: ServerProcess, { token }: User): Promise<Socket> {
  const url = `${server.origin.replace('http', 'ws')}/ws`
  const socket = new Socket(new WebSocket(url, { headers: { authorization: `Bearer ${token}` } }))
  t.teardown(() => socket.ws.terminate())
  await socket.next('hello')
  return socket
}

/** The texts of the messages that a socket got. */
export const texts = (socket: Socket) => socket.all('message').map(({ message }) => message.message)

/** Waits until a socket got a text. */
export async function heard (socket: Socket, text: string): Promise<void> {
  await socket.until(() => texts(socket).includes(text) || undefined)
}
