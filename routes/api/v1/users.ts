import type { App } from '../../../src/app.js'
import type { Keys } from '../../../src/accounts/account-keys.js'
import { audit } from '../../../src/accounts/audit.js'
import { checkPassword, refuseCommonPassword } from '../../../src/accounts/credentials.js'
import { checkEmail, checkUsername, usernameKey, usernameSkeleton } from '../../../src/accounts/names.js'
import {
  AllUsersQuery, AllUsersReply, DeleteUserBody, DoneReply, IdParams, MeReply, RegisterBody, RegisterReply,
  SetAvatarBody, SetAvatarReply, type User
} from '../../../src/accounts/schemas.js'
import { ownUser, publicUser, userBytes } from '../../../src/accounts/users.js'
import { sanitizeAvatar } from '../../../src/avatars/svg.js'
import type { UserDocument } from '../../../src/database/documents.js'
import { mongodb } from '../../../src/database/driver.js'
import { apiError } from '../../../src/errors.js'
import { replies } from '../../../src/http/schemas.js'
import { LIST_BYTES, PAGE_LIMIT } from '../../../src/lists.js'
import type { FastifyRequest } from 'fastify'

/** Accounts: opening, showing, listing and deleting them. */
export default async function userRoutes (fastify: App) {
  register(fastify)
  me(fastify)
  setAvatar(fastify)
  allusers(fastify)
  deleteUser(fastify)
}

/**
 * Takes the result of a check of src/accounts/names.ts or src/avatars/svg.ts.
 * @throws ApiError `validation` that names the field
 */
function valid<T extends object> (path: string, result: T | { problem: string }): T {
  if ('problem' in result) throw apiError('validation', `${path} ${result.problem}`, path)
  return result
}

/** Only users themselves may use their account. */
function mustBeCaller (request: FastifyRequest, id: string, path: string): void {
  if (id !== request.caller.user) throw apiError('forbidden', `${path} must be your own id`, path)
}

function newUser (body: RegisterBody): Omit<UserDocument, 'password'> & Keys {
  const username = valid('username', checkUsername(body.username))
  const email = valid('email', checkEmail(body.email))
  const avatarImage = body.avatarImage ? valid('avatarImage', sanitizeAvatar(body.avatarImage)).value : ''
  return {
    _id: new mongodb.ObjectId(),
    username: username.value,
    usernameKey: username.key,
    email: email.value,
    emailKey: email.key,
    skeleton: usernameSkeleton(username.value),
    avatarImage,
    isAvatarImageSet: avatarImage !== '',
    createdAt: new Date()
  }
}

function register (fastify: App): void {
  fastify.post('/user/register', {
    schema: {
      tags: ['users'],
      summary: 'Open an account',
      operationId: 'register',
      body: RegisterBody,
      response: replies(201, RegisterReply, [409])
    },
    config: { public: true }
  }, async function register (request, reply) {
    const user = newUser(request.body)
    await refuseCommonPassword(fastify.config, request.body.password, 'password', user)
    await fastify.limits.registration(request)
    const turn = fastify.limits.passwordTurn(request, user.usernameKey)
    const password = await fastify.passwords.hash(request.body.password, turn)
    const document = { ...user, password }
    await fastify.users.insert(document, fastify.accounts.retired.of(user))
    fastify.limits.remember(request, user.usernameKey)
    const id = user._id.toHexString()
    const token = await fastify.sessions.open(id, request, reply)
    audit(request, 'register', id)
    reply.code(201)
    return { status: 'success' as const, message: 'Data Inserted' as const, data: ownUser(document), token }
  })
}

function me (fastify: App): void {
  fastify.get('/user/me', {
    schema: {
      tags: ['users'],
      summary: "The caller's own account",
      operationId: 'me',
      response: replies(200, MeReply, [401])
    }
  }, async function me (request) {
    const data = ownUser(await fastify.users.ofCaller(request.caller))
    return { success: 'success' as const, message: 'Data Retrived' as const, data }
  })
}

function setAvatar (fastify: App): void {
  fastify.post('/setAvatar/:id', {
    schema: {
      tags: ['users'],
      summary: "Set the caller's avatar",
      operationId: 'setAvatar',
      params: IdParams,
      body: SetAvatarBody,
      response: replies(200, SetAvatarReply, [401, 403])
    }
  }, async function setAvatar (request) {
    mustBeCaller(request, request.params.id, 'id')
    mustBeCaller(request, request.body._id, '_id')
    const { value } = valid('avatarImage', sanitizeAvatar(request.body.avatarImage))
    await fastify.users.setAvatar(request.caller.user, value)
    const data = ownUser(await fastify.users.ofCaller(request.caller))
    return { success: 'success' as const, message: 'Avatar Image set successfully' as const, data }
  })
}

function allusers (fastify: App): void {
  fastify.get('/allusers/:id', {
    schema: {
      tags: ['users'],
      summary: 'All users but the caller, by name',
      operationId: 'allusers',
      params: IdParams,
      querystring: AllUsersQuery,
      response: replies(200, AllUsersReply, [401, 403])
    }
  }, async function allusers (request) {
    mustBeCaller(request, request.params.id, 'id')
    const { caller, query } = request
    refuseListing(fastify, query)
    const page = await fastify.answers.list(request, () => userPage(fastify, caller.user, query))
    return { success: 'success' as const, message: 'All Uers retrived successfully' as const, ...page }
  })
}

/** The shortest search that DIRECTORY=search answers, in characters. */
const LEAST_SEARCH = 3

/** With DIRECTORY=search nobody can list all users. */
function refuseListing ({ config }: App, { search = '' }: AllUsersQuery): void {
  if (config.DIRECTORY === 'all' || [...usernameKey(search)].length >= LEAST_SEARCH) return
  throw apiError('validation', `search must have at least ${LEAST_SEARCH} characters`, 'search')
}

/** Reads users by name, without one of them: as many as the query asks for, and up to LIST_BYTES. */
async function userPage (
  fastify: App, except: string, query: AllUsersQuery
): Promise<{ data: User[], next?: string }> {
  const { search = '', after, limit = PAGE_LIMIT } = query
  const data: User[] = []
  let bytes = 0
  let next = ''
  const users = fastify.users.list({ except, prefix: usernameKey(search), after, limit: limit + 1 })
  for await (const user of users) {
    bytes += userBytes(user)
    if (data.length === limit || bytes > LIST_BYTES) return { data, next }
    data.push(publicUser(user))
    next = user.usernameKey
  }
  return { data }
}

function deleteUser (fastify: App): void {
  fastify.delete('/user/:id', {
    schema: {
      tags: ['users'],
      summary: "Delete the caller's account; its messages stay",
      operationId: 'deleteUser',
      params: IdParams,
      body: DeleteUserBody,
      response: replies(200, DoneReply, [401, 403])
    }
  }, async function deleteUser (request, reply) {
    mustBeCaller(request, request.params.id, 'id')
    await eraseAccount(fastify, request, request.body.password)
    await fastify.sessions.endOthers(request.caller.user)
    fastify.sessions.clearCookie(request, reply)
    audit(request, 'deletion', request.caller.user)
    return { success: 'success' as const, message: 'Account deleted' }
  })
}

async function eraseAccount (fastify: App, request: FastifyRequest, password: string): Promise<void> {
  const find = () => fastify.users.ofCaller(request.caller)
  const { usernameKey: account } = await find()
  const turn = fastify.limits.passwordTurn(request, account, request.caller.session)
  const user = await checkPassword(fastify.passwords, request, {
    begin: () => fastify.limits.passwordAttempt(request, turn),
    find,
    password,
    refusal: 'the password is wrong',
    path: 'password'
  })
  await fastify.chat.groups.leaveAll(request.caller.user)
  // Hashes of the keys stay: a new owner of the name or the address could be mistaken for this user.
  const keys = fastify.accounts.retired.of({ ...user, skeleton: usernameSkeleton(user.username) })
  await fastify.users.erase(user._id, keys)
  fastify.accounts.forget(request.caller.user)
}
