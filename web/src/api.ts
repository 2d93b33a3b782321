/** The HTTP API of the server, as far as the page uses it: docs/http-api.md. The session is a cookie. */
import type { Message } from 'chat-app-client'

export interface User {
  _id: string
  username: string
  email?: string
  avatarImage?: string
  isAvatarImageSet?: boolean
  deleted?: boolean
}

export type Role = 'owner' | 'admin' | 'member'

export interface Conversation {
  id: string
  kind: 'direct' | 'group'
  user?: User
  name?: string
  avatarImage?: string
  role?: Role
  members: number
  lastSeq: number
  lastRev: number
  lastMessage?: Message
  unread: number
  read: number
  delivered: number
  other?: { delivered: number, read: number }
  memberList?: { user: User, role: Role, joinedAt: string }[]
}

export interface Session { id: string, current: boolean, userAgent: string, lastSeenAt: string }

/** An answer of the server that is an error; status 0: there was no answer. */
export class ApiError extends Error {
  readonly status: number
  /** field -> its problem, in words */
  readonly fields: Record<string, string>

  constructor (status: number, message: string, fields: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.fields = fields
  }
}

interface Reply<T> { data: T, next?: string, hasMore?: boolean }
interface ErrorReply { message?: string, errorMessages?: { path: string, message: string }[] }

let onUnauthorized: () => void = () => {}

/** Sets what happens when the session has ended. */
export function whenSessionEnds (listener: () => void): void {
  onUnauthorized = listener
}

async function call<T> (method: string, path: string, body?: object): Promise<Reply<T>> {
  const init = body === undefined
    ? { method }
    : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  let response: Response
  let json: unknown
  try {
    response = await fetch(`/api/v1${path}`, init)
    json = await response.json()
  } catch {
    throw new ApiError(0, '')
  }
  if (response.ok) return json as Reply<T>
  const isLogin = path === '/user/login' || path === '/user/password'
  if (response.status === 401 && !isLogin) onUnauthorized()
  const { message = '', errorMessages = [] } = json as ErrorReply
  const texts = errorMessages.map(error => [error.path, error.message] as const)
  const isDuplicate = response.status === 409 && message.startsWith('E11000')
  const fields = Object.fromEntries(texts.map(([field, text]) =>
    [field, isDuplicate ? `This ${field === 'email' ? 'e-mail' : field} is taken.` : text]))
  throw new ApiError(response.status, texts[0]?.[1] ?? message, fields)
}

const data = async <T>(method: string, path: string, body?: object): Promise<T> =>
  (await call<T>(method, path, body)).data

const at = encodeURIComponent

export const api = {
  async hasSession (): Promise<boolean> {
    const response = await fetch('/session.json')
    return (await response.json() as { open: boolean }).open
  },
  me: () => data<User>('GET', '/user/me'),
  login: (username: string, password: string) => data<User>('POST', '/user/login', { username, password }),
  register: (username: string, email: string, password: string) =>
    data<User>('POST', '/user/register', { username, email, password }),
  logout: () => data('POST', '/user/logout'),
  avatars: (count: number) => data<string[]>('GET', `/avatars?count=${count}`),
  setAvatar: (id: string, avatarImage: string) =>
    data<User>('POST', `/setAvatar/${id}`, { _id: id, avatarImage }),
  users: (id: string, search = '') =>
    data<User[]>('GET', `/allusers/${id}?limit=200${search === '' ? '' : `&search=${at(search)}`}`),
  inbox: () => data<Conversation[]>('GET', '/conversations?limit=200'),
  page: (id: string, query: string) => call<Message[]>('GET', `/conversations/${at(id)}/messages?${query}`),
  group: (id: string) => data<Conversation>('GET', `/groups/${id}`),
  createGroup: (name: string, members: string[], clientId: string) =>
    data<Conversation>('POST', '/groups', { name, members, clientId }),
  renameGroup: (id: string, name: string) => data<Conversation>('PATCH', `/groups/${id}`, { name }),
  addMember: (id: string, user: string) => data('POST', `/groups/${id}/members`, { user }),
  setRole: (id: string, user: string, role: Role) => data('PATCH', `/groups/${id}/members/${user}`, { role }),
  removeMember: (id: string, user: string) => data('DELETE', `/groups/${id}/members/${user}`),
  blocks: () => data<User[]>('GET', '/user/blocks'),
  block: (user: string, on: boolean) => data<User>(on ? 'PUT' : 'DELETE', `/user/blocks/${user}`),
  sessions: () => data<Session[]>('GET', '/user/sessions'),
  endSession: (id: string) => data('DELETE', `/user/sessions/${id}`),
  changePassword: (oldPassword: string, newPassword: string) =>
    data('POST', '/user/password', { oldPassword, newPassword }),
  deleteAccount: (id: string, password: string) => data('DELETE', `/user/${id}`, { password })
}
