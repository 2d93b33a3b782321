/** The operations of groups, of messages in any conversation, and of blocks, for the table of attacks. */
import { conversationOf } from '../helper.js'
import type { Operation, People, Request } from './operation.js'

const API = '/api/v1'
const CLIENT_ID = '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b'
const EMOJI = encodeURIComponent('👍')
/** of anna, in the group that she owns */
const ownMessage = ({ own }: People) => `${API}/conversations/${own}/messages/1`

/** The same request to the direct conversation and to the group of bert and carl. */
function toOthers (path: string, request: Omit<Request, 'url'>): (people: People) => Request[] {
  return ({ bert, carl, theirs }) =>
    [conversationOf(bert.id, carl.id), theirs].map(id => ({
      ...request,
      url: `${API}/conversations/${id}${path}`
    }))
}

/** The same, and to the message of bert in a group in which anna is a plain member. */
function toOthersAndJoined (path: string, request: Omit<Request, 'url'>): (people: People) => Request[] {
  const others = toOthers(path, request)
  return people => [...others(people), { ...request, url: `${API}/conversations/${people.joined}${path}` }]
}

const MESSAGES: Operation[] = [
  {
    id: 'conversationMessages',
    valid: ({ own }) => ({
      method: 'GET',
      url: `${API}/conversations/${own}/messages`,
      query: { after: '0', limit: '5' }
    }),
    foreign: toOthers('/messages', { method: 'GET' })
  },
  {
    id: 'changes',
    valid: ({ own }) => ({
      method: 'GET',
      url: `${API}/conversations/${own}/changes`,
      query: { after: '0', limit: '5' }
    }),
    foreign: toOthers('/changes', { method: 'GET' })
  },
  {
    id: 'sendMessage',
    valid: ({ own }) => ({
      method: 'POST',
      url: `${API}/conversations/${own}/messages`,
      payload: { message: 'hello', createdAt: '', clientId: CLIENT_ID, replyTo: 1 }
    }),
    foreign: toOthers('/messages', { method: 'POST', payload: { message: 'forged' } })
  },
  {
    id: 'editMessage',
    valid: people => ({
      method: 'PATCH',
      url: ownMessage(people),
      payload: { message: 'better', clientId: CLIENT_ID }
    }),
    foreign: toOthersAndJoined('/messages/1', { method: 'PATCH', payload: { message: 'forged' } })
  },
  {
    id: 'addReaction',
    valid: people => ({ method: 'PUT', url: `${ownMessage(people)}/reactions/${EMOJI}` }),
    foreign: toOthers(`/messages/1/reactions/${EMOJI}`, { method: 'PUT' })
  },
  {
    id: 'removeReaction',
    valid: people => ({ method: 'DELETE', url: `${ownMessage(people)}/reactions/${EMOJI}` }),
    foreign: toOthers(`/messages/1/reactions/${EMOJI}`, { method: 'DELETE' })
  },
  {
    id: 'deleteMessage',
    valid: people => ({ method: 'DELETE', url: ownMessage(people) }),
    foreign: toOthersAndJoined('/messages/1', { method: 'DELETE' })
  }
]

const GROUPS: Operation[] = [
  {
    id: 'createGroup',
    valid: ({ bert }) => ({
      method: 'POST',
      url: `${API}/groups`,
      payload: { name: 'Climbers', members: [bert.id], history: 'all', clientId: CLIENT_ID }
    })
  },
  {
    id: 'group',
    valid: ({ own }) => ({ method: 'GET', url: `${API}/groups/${own}` }),
    foreign: ({ theirs }) => [{ method: 'GET', url: `${API}/groups/${theirs}` }]
  },
  {
    id: 'updateGroup',
    valid: ({ own }) => ({
      method: 'PATCH',
      url: `${API}/groups/${own}`,
      payload: { name: 'Hikers', avatarImage: '' }
    }),
    foreign: ({ joined, theirs }) =>
      [joined, theirs].map(id => ({
        method: 'PATCH',
        url: `${API}/groups/${id}`,
        payload: { name: 'forged' }
      }))
  },
  {
    id: 'addMember',
    valid: ({ own, carl }) => ({
      method: 'POST',
      url: `${API}/groups/${own}/members`,
      payload: { user: carl.id, role: 'member' }
    }),
    foreign: ({ anna, carl, joined, theirs }) => [
      { method: 'POST', url: `${API}/groups/${joined}/members`, payload: { user: carl.id } },
      { method: 'POST', url: `${API}/groups/${theirs}/members`, payload: { user: anna.id } }
    ]
  },
  {
    id: 'updateMember',
    valid: ({ own, bert }) => ({
      method: 'PATCH',
      url: `${API}/groups/${own}/members/${bert.id}`,
      payload: { role: 'admin' }
    }),
    foreign: ({ anna, joined, theirs }) =>
      [joined, theirs].map(id => ({
        method: 'PATCH',
        url: `${API}/groups/${id}/members/${anna.id}`,
        payload: { role: 'owner' }
      }))
  },
  {
    id: 'removeMember',
    valid: ({ own, bert }) => ({ method: 'DELETE', url: `${API}/groups/${own}/members/${bert.id}` }),
    foreign: ({ carl, joined, theirs }) =>
      [joined, theirs].map(id => ({ method: 'DELETE', url: `${API}/groups/${id}/members/${carl.id}` }))
  }
]

/** A user's own list: no request names that of another. */
const BLOCKS: Operation[] = [
  { id: 'block', valid: ({ carl }) => ({ method: 'PUT', url: `${API}/user/blocks/${carl.id}` }) },
  { id: 'blocks', valid: () => ({ method: 'GET', url: `${API}/user/blocks` }) },
  { id: 'unblock', valid: ({ carl }) => ({ method: 'DELETE', url: `${API}/user/blocks/${carl.id}` }) }
]

export const GROUP_OPERATIONS: Operation[] = [...MESSAGES, ...GROUPS, ...BLOCKS]
