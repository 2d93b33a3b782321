import type { App } from '../../../src/app.js'
import { sanitizeAvatar } from '../../../src/avatars/svg.js'
import { notAMember } from '../../../src/chat/membership.js'
import {
  AddMemberBody, GroupCreatedReply, GroupParams, GroupReply, GroupUpdatedReply, MemberAddedReply,
  MemberParams, MemberRemovedReply, MemberUpdatedReply, NewGroupBody, UpdateGroupBody, UpdateMemberBody
} from '../../../src/chat/schemas/groups.js'
import { apiError } from '../../../src/errors.js'
import { costOfMembers } from '../../../src/http/request-costs.js'
import { replies } from '../../../src/http/schemas.js'

const tags = ['groups']
const success = 'success' as const

/** Groups and their members. */
export default async function groups (fastify: App) {
  addCreate(fastify)
  addShow(fastify)
  addUpdate(fastify)
  addAddMember(fastify)
  addUpdateMember(fastify)
  addRemoveMember(fastify)
}

/** A group as a member sees it. */
async function shown ({ chat }: App, user: string, id: string) {
  const data = await chat.inbox.one(user, id)
  if (data === undefined) throw notAMember(id, 'id')
  return data
}

function addCreate (fastify: App): void {
  fastify.post('/groups', {
    schema: {
      tags,
      operationId: 'createGroup',
      summary: 'Create a group',
      description: 'You own it. With a `clientId`, creating it again makes no second one.',
      body: NewGroupBody,
      response: replies(201, GroupCreatedReply, [401, 403, 404, 409])
    }
  }, async function createGroup (request, reply) {
    const { user } = request.caller
    fastify.limits.solvent(request)
    fastify.limits.work(request, costOfMembers(request.body.members.length))
    const id = await fastify.chat.groups.create(user, request.body)
    const data = await shown(fastify, user, id)
    reply.code(201)
    return { success, message: 'Group created' as const, data }
  })
}

function addShow (fastify: App): void {
  fastify.get('/groups/:id', {
    schema: {
      tags,
      operationId: 'group',
      summary: 'Show a group and its members',
      params: GroupParams,
      response: replies(200, GroupReply, [401, 404])
    }
  }, async function group (request) {
    const { params: { id }, caller: { user } } = request
    const data = await fastify.answers.list(request, () => fastify.chat.inbox.group(user, id))
    if (data === undefined) throw notAMember(id, 'id')
    return { success, message: 'Group retrieved' as const, data }
  })
}

function addUpdate (fastify: App): void {
  fastify.patch('/groups/:id', {
    schema: {
      tags,
      operationId: 'updateGroup',
      summary: 'Change the name or the avatar of a group',
      description: 'The owner and the admins may.',
      params: GroupParams,
      body: UpdateGroupBody,
      response: replies(200, GroupUpdatedReply, [401, 403, 404])
    }
  }, async function updateGroup (request) {
    const { params: { id }, caller: { user }, body: { name, avatarImage } } = request
    if (name === undefined && avatarImage === undefined) {
      throw apiError('validation', 'name or avatarImage is required', 'name')
    }
    await fastify.chat.groups.update(user, id, {
      ...(name === undefined ? {} : { name }),
      ...(avatarImage === undefined ? {} : { avatarImage: sanitized(avatarImage) })
    })
    return { success, message: 'Group updated' as const, data: await shown(fastify, user, id) }
  })
}

/** '' removes the avatar. */
function sanitized (avatarImage: string): string {
  if (avatarImage === '') return ''
  const result = sanitizeAvatar(avatarImage)
  if ('problem' in result) throw apiError('validation', `avatarImage ${result.problem}`, 'avatarImage')
  return result.value
}

function addAddMember (fastify: App): void {
  fastify.post('/groups/:id/members', {
    schema: {
      tags,
      operationId: 'addMember',
      summary: 'Add a member to a group',
      description: 'The owner and the admins may; admins add plain members.',
      params: GroupParams,
      body: AddMemberBody,
      response: replies(201, MemberAddedReply, [401, 403, 404, 409])
    }
  }, async function addMember (request, reply) {
    const { params: { id }, caller: { user }, body } = request
    await fastify.chat.groups.add(user, id, body.user, body.role)
    const data = await shown(fastify, user, id)
    reply.code(201)
    return { success, message: 'Member added' as const, data }
  })
}

function addUpdateMember (fastify: App): void {
  fastify.patch('/groups/:id/members/:user', {
    schema: {
      tags,
      operationId: 'updateMember',
      summary: 'Change the role of a member',
      description: 'The owner may. `owner` hands the group over; the former owner becomes an admin.',
      params: MemberParams,
      body: UpdateMemberBody,
      response: replies(200, MemberUpdatedReply, [401, 403, 404, 409])
    }
  }, async function updateMember (request) {
    const { params: { id, user: member }, caller: { user }, body: { role } } = request
    await fastify.chat.groups.setRole(user, id, member, role)
    return { success, message: 'Member updated' as const, data: await shown(fastify, user, id) }
  })
}

function addRemoveMember (fastify: App): void {
  fastify.delete('/groups/:id/members/:user', {
    schema: {
      tags,
      operationId: 'removeMember',
      summary: 'Remove a member from a group, or leave it',
      description: 'The owner may, admins may remove plain members, everybody may leave. ' +
        'The owner leaves as the last one, or hands the group over first.',
      params: MemberParams,
      response: replies(200, MemberRemovedReply, [401, 403, 404, 409])
    }
  }, async function removeMember (request) {
    const { params: { id, user: member }, caller: { user } } = request
    await fastify.chat.groups.remove(user, id, member)
    return { success, message: 'Member removed' as const, data: {} }
  })
}
