import { requireUser } from '../../../src/accounts/known-accounts.js'
import { publicUser } from '../../../src/accounts/users.js'
import type { App } from '../../../src/app.js'
import {
  BlockedReply, BlockParams, BlocksReply, UnblockedReply
} from '../../../src/chat/schemas/blocks.js'
import { apiError } from '../../../src/errors.js'
import { replies } from '../../../src/http/schemas.js'

const tags = ['users']
const success = 'success' as const

/** Blocking users: their direct messages are refused, and neither sees the other's presence. */
export default async function blocks (fastify: App) {
  addList(fastify)
  addBlock(fastify)
  addUnblock(fastify)
}

async function shown ({ users }: App, id: string) {
  const user = (await users.findMany([id])).get(id)
  if (user === undefined) throw apiError('notFound', 'there is no user with this id', 'user')
  return publicUser(user)
}

function addList (fastify: App): void {
  fastify.get('/user/blocks', {
    schema: {
      tags,
      operationId: 'blocks',
      summary: 'The users whom you blocked',
      response: replies(200, BlocksReply, [401])
    }
  }, async function blocks (request) {
    const blocked = await fastify.blocks.of(request.caller.user)
    const found = await fastify.answers.list(request, () => fastify.users.findMany(blocked))
    const data = blocked.map(id => found.get(id)).filter(user => user !== undefined).map(publicUser)
    return { success, message: 'Blocked users retrieved' as const, data }
  })
}

function addBlock (fastify: App): void {
  fastify.put('/user/blocks/:user', {
    schema: {
      tags,
      operationId: 'block',
      summary: 'Block a user',
      params: BlockParams,
      response: replies(200, BlockedReply, [401, 404, 409])
    }
  }, async function block (request) {
    const { params: { user }, caller } = request
    if (user === caller.user) throw apiError('validation', 'user must be somebody else', 'user')
    await requireUser(fastify.accounts, user, 'user')
    await fastify.blocks.add(caller.user, user)
    return { success, message: 'User blocked' as const, data: await shown(fastify, user) }
  })
}

function addUnblock (fastify: App): void {
  fastify.delete('/user/blocks/:user', {
    schema: {
      tags,
      operationId: 'unblock',
      summary: 'Unblock a user',
      params: BlockParams,
      response: replies(200, UnblockedReply, [401, 404])
    }
  }, async function unblock (request) {
    const { params: { user }, caller } = request
    if (user === caller.user) throw apiError('validation', 'user must be somebody else', 'user')
    const data = await shown(fastify, user)
    await fastify.blocks.remove(caller.user, user)
    return { success, message: 'User unblocked' as const, data }
  })
}
