/** What the tests of groups and changes share: requests of a person, and groups that are made by them. */
import type { App } from '../src/app.js'
import { register, type Person, type Socket } from './helper.js'

export type Caller = Pick<Person, 'headers'>
type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

export interface Answer {
  status: number
  body: any
  data: any
  /** the field that the first error is about */
  path: string | undefined
}

/** Sends a request to a path below /api/v1. */
export async function call (
  app: App, who: Caller, method: Method, path: string, payload?: object
): Promise<Answer> {
  const response = await app.inject({
    method,
    url: `/api/v1${path}`,
    headers: who.headers,
    ...(payload === undefined ? {} : { payload })
  })
  const body = response.json()
  return { status: response.statusCode, body, data: body.data, path: body.errorMessages?.[0]?.path }
}

/** Registers so many people. */
export async function crowd (app: App, count: number): Promise<Person[]> {
  return await Promise.all(Array.from({ length: count }, async () => await register(app)))
}

/** Makes a group; gives its id. */
export async function newGroup (
  app: App, owner: Caller, members: Pick<Person, 'id'>[], more: object = {}
): Promise<string> {
  const body = { name: 'Climbers', members: members.map(({ id }) => id), ...more }
  const { status, data } = await call(app, owner, 'POST', '/groups', body)
  if (status !== 201) throw new Error(`group: ${status} ${JSON.stringify(data)}`)
  return data.id
}

export const say = async (app: App, who: Caller, conversation: string, message: string, more: object = {}) =>
  await call(app, who, 'POST', `/conversations/${conversation}/messages`, { message, ...more })

export const edit = async (
  app: App, who: Caller, conversation: string, seq: number, message: string, more: object = {}
) => await call(app, who, 'PATCH', `/conversations/${conversation}/messages/${seq}`, { message, ...more })

export const erase = async (app: App, who: Caller, conversation: string, seq: number) =>
  await call(app, who, 'DELETE', `/conversations/${conversation}/messages/${seq}`)

export async function react (
  app: App, who: Caller, conversation: string, seq: number, emoji: string, on = true
): Promise<Answer> {
  const path = `/conversations/${conversation}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`
  return await call(app, who, on ? 'PUT' : 'DELETE', path)
}

export const history = async (app: App, who: Caller, conversation: string, query = '') =>
  await call(app, who, 'GET', `/conversations/${conversation}/messages${query}`)

export const changes = async (app: App, who: Caller, conversation: string, query = '') =>
  await call(app, who, 'GET', `/conversations/${conversation}/changes${query}`)

export const addMember = async (app: App, who: Caller, group: string, user: string, role?: string) =>
  await call(app, who, 'POST', `/groups/${group}/members`, { user, role })

export const setRole = async (app: App, who: Caller, group: string, user: string, role: string) =>
  await call(app, who, 'PATCH', `/groups/${group}/members/${user}`, { role })

export const removeMember = async (app: App, who: Caller, group: string, user: string) =>
  await call(app, who, 'DELETE', `/groups/${group}/members/${user}`)

/** The last rev of a conversation, as a member reads it. */
export async function lastRev (app: App, who: Caller, group: string): Promise<number> {
  return (await call(app, who, 'GET', `/groups/${group}`)).data.lastRev
}

/** The rev of a frame of the `changes` route. */
export const revOf = (frame: any): number => frame.type === 'message' ? frame.message.rev : frame.rev

/** The messages and changes of a conversation that a socket got as pushes. */
export function pushes (socket: Socket, conversation: string): any[] {
  return socket.frames.filter((frame: any) => (
    (frame.type === 'message' && frame.message.conversation === conversation) ||
    (frame.type === 'change' && frame.conversation === conversation)))
}

/** The same, once one with this rev has come. */
export async function pushedUpTo (socket: Socket, conversation: string, rev: number): Promise<any[]> {
  return await socket.until(() => {
    const got = pushes(socket, conversation)
    return got.some(frame => revOf(frame) === rev) ? got : undefined
  })
}
