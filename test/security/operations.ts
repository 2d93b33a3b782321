/** A valid request of every operation, and what it looks like when it reaches for what is somebody else's. */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { App } from '../../src/app.js'
import { newGroup, say } from '../groups.js'
import { conversationOf, register, type Person } from '../helper.js'
import { sha256 } from '../sessions.js'
import { GROUP_OPERATIONS } from './group-operations.js'
import type { Operation, People, Request } from './operation.js'

export type { Request } from './operation.js'

export const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>').toString(
  'base64'
)

const unique = () => randomBytes(6).toString('hex')

export const OPERATIONS: Operation[] = [
  {
    id: 'register',
    public: true,
    valid: () => ({
      method: 'POST',
      url: '/api/v1/user/register',
      payload: {
        username: `user${unique()}`,
        email: `${unique()}@example.org`,
        password: '12345678',
        avatarImage: SVG,
        isAvatarImageSet: false
      }
    })
  },
  {
    id: 'login',
    public: true,
    valid: ({ anna }) => ({
      method: 'POST',
      url: '/api/v1/user/login',
      payload: { username: anna.username, password: anna.password }
    })
  },
  {
    id: 'setAvatar',
    valid: ({ anna }) => ({
      method: 'POST',
      url: `/api/v1/setAvatar/${anna.id}`,
      payload: { _id: anna.id, avatarImage: SVG }
    }),
    foreign: ({ anna, bert }) =>
      [
        [bert, bert],
        [anna, bert],
        [bert, anna]
      ].map(([of, by]) => ({
        method: 'POST',
        url: `/api/v1/setAvatar/${of!.id}`,
        payload: { _id: by!.id, avatarImage: SVG }
      }))
  },
  {
    id: 'allusers',
    valid: ({ anna }) => ({
      method: 'GET',
      url: `/api/v1/allusers/${anna.id}`,
      query: { search: 'user', after: 'a', limit: '5' }
    }),
    foreign: ({ bert }) => [{ method: 'GET', url: `/api/v1/allusers/${bert.id}` }]
  },
  {
    id: 'addmsg',
    valid: ({ anna, bert }) => ({
      method: 'POST',
      url: '/api/v1/addmsg',
      payload: {
        message: 'hello',
        sender: anna.id,
        reciver: bert.id,
        createdAt: '',
        clientId: '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b'
      }
    }),
    foreign: ({ anna, bert, carl }) =>
      [
        [bert, anna],
        [bert, carl],
        [bert, bert]
      ].map(([from, to]) => ({
        method: 'POST',
        url: '/api/v1/addmsg',
        payload: { message: 'forged', sender: from!.id, reciver: to!.id }
      }))
  },
  {
    id: 'getallmessages',
    valid: ({ anna, bert }) => ({
      method: 'GET',
      url: '/api/v1/getallmessages',
      query: { after: '0', limit: '5' },
      payload: { sender: anna.id, reciver: bert.id }
    }),
    foreign: ({ anna, bert, carl }): Request[] => [
      { method: 'GET', url: '/api/v1/getallmessages', query: { sender: bert.id, reciver: carl.id } },
      { method: 'GET', url: '/api/v1/getallmessages', payload: { sender: bert.id, reciver: carl.id } },
      {
        method: 'GET',
        url: '/api/v1/getallmessages',
        query: { sender: bert.id },
        payload: { reciver: carl.id }
      },
      {
        method: 'GET',
        url: '/api/v1/getallmessages',
        query: { sender: anna.id },
        payload: { sender: bert.id, reciver: carl.id }
      }
    ]
  },
  { id: 'me', valid: () => ({ method: 'GET', url: '/api/v1/user/me' }) },
  { id: 'sessions', valid: () => ({ method: 'GET', url: '/api/v1/user/sessions' }) },
  {
    id: 'endSession',
    valid: ({ anna }) => ({ method: 'DELETE', url: `/api/v1/user/sessions/${sha256(anna.token)}` }),
    foreign: ({ bert }) => [{ method: 'DELETE', url: `/api/v1/user/sessions/${sha256(bert.token)}` }]
  },
  {
    id: 'password',
    valid: ({ anna }) => ({
      method: 'POST',
      url: '/api/v1/user/password',
      payload: { oldPassword: anna.password, newPassword: 'another password' }
    })
  },
  {
    id: 'conversations',
    valid: () => ({
      method: 'GET',
      url: '/api/v1/conversations',
      query: { after: `1.${'0'.repeat(24)}:${'0'.repeat(24)}`, limit: '5' }
    })
  },
  {
    id: 'read',
    valid: ({ anna, bert }) => ({
      method: 'POST',
      url: `/api/v1/conversations/${conversationOf(anna.id, bert.id)}/read`,
      payload: { seq: 1 }
    }),
    foreign: ({ bert, carl, theirs }) =>
      [conversationOf(bert.id, carl.id), theirs].map(id => ({
        method: 'POST',
        url: `/api/v1/conversations/${id}/read`,
        payload: { seq: 1 }
      }))
  },
  ...GROUP_OPERATIONS,
  {
    id: 'avatars',
    public: true,
    valid: () => ({ method: 'GET', url: '/api/v1/avatars', query: { count: '1' } })
  },
  { id: 'health', public: true, valid: () => ({ method: 'GET', url: '/health' }) },
  { id: 'ready', public: true, valid: () => ({ method: 'GET', url: '/ready' }) },
  { id: 'metrics', public: true, valid: () => ({ method: 'GET', url: '/metrics' }) },
  {
    id: 'deleteUser',
    valid: ({ anna }) => ({
      method: 'DELETE',
      url: `/api/v1/user/${anna.id}`,
      payload: { password: anna.password }
    }),
    foreign: ({ bert }) => [
      { method: 'DELETE', url: `/api/v1/user/${bert.id}`, payload: { password: bert.password } }
    ]
  },
  { id: 'logout', valid: () => ({ method: 'POST', url: '/api/v1/user/logout' }) }
]

/** Sends a request, as the person where one is given. */
export async function send (app: App, request: Request, person?: Pick<Person, 'headers'>) {
  return await app.inject({ ...request, headers: { ...person?.headers, ...request.headers } })
}

/**
 * Anna, Bert and Carl, with a message of anna to bert, one of bert to carl, and one in each of
 * their groups.
 */
export async function people (app: App): Promise<People> {
  const [anna, bert, carl] = [await register(app), await register(app), await register(app)]
  for (const [from, to] of [
    [anna, bert],
    [bert, carl]
  ] as const) {
    const { statusCode } = await send(
      app,
      {
        method: 'POST',
        url: '/api/v1/addmsg',
        payload: { message: `for ${to.username} alone`, sender: from.id, reciver: to.id }
      },
      from
    )
    if (statusCode !== 201) throw new Error(`addmsg: ${statusCode}`)
  }
  const own = await newGroup(app, anna, [bert])
  const joined = await newGroup(app, bert, [anna, carl])
  const theirs = await newGroup(app, bert, [carl], { name: `for ${carl.username} alone` })
  for (const [from, group, text] of [
    [anna, own, 'ours'],
    [bert, joined, 'of bert'],
    [bert, theirs, `for ${carl.username} alone`]
  ] as const) {
    const { status } = await say(app, from, group, text)
    if (status !== 201) throw new Error(`sendMessage: ${status}`)
  }
  return { anna, bert, carl, own, joined, theirs }
}

/** The table must hold every operation, so that none is left out of the attacks. */
export async function checkTable (t: Test, app: App): Promise<void> {
  const { paths } = (await app.inject('/docs/json')).json()
  const documented = Object.values<object>(paths).flatMap(methods =>
    Object.values(methods).map(operation => operation.operationId)
  )
  t.strictSame(OPERATIONS.map(({ id }) => id).sort(), documented.sort())
}
