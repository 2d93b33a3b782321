import { mongodb } from '@fastify/mongodb'
import type { App } from '../../../src/app.js'
import { audit, callersDocument, checkPassword, refuseCommonPassword } from '../../../src/accounts/credentials.js'
import type { Keys } from '../../../src/accounts/account-keys.js'
import { collection, DUPLICATE_KEY, type UserDocument } from '../../../src/database/documents.js'
import { apiError, duplicateKey } from '../../../src/errors.js'
import { checkEmail, checkUsername, usernameKey, usernameSkeleton } from '../../../src/accounts/names.js'
import { AllUsersQuery, AllUsersReply, DeleteUserBody, DoneReply, IdParams, MeReply, RegisterBody, RegisterReply, SetAvatarBody, SetAvatarReply, type User } from '../../../src/accounts/schemas.js'
import { replies } from '../../../src/http/schemas.js'
import { LIST_BYTES, PAGE_LIMIT } from '../../../src/lists.js'
import { sanitizeAvatar } from '../../../src/avatars/svg.js'
import { ownUser, publicUser, userBytes } from '../../../src/accounts/users.js'
import type { FastifyRequest } from 'fastify'

/** After every string that begins with a prefix: no code point is higher. */
const LAST = '\u{10FFFF}'

const NOT_DELETED = { deletedAt: { $exists: false } }

/** What a check of src/accounts/names.ts and src/avatars/svg.ts accepted. @throws a `validation` error that names the field */
function valid<T extends object> (path: string, result: T | { problem: string }): T {
  if ('problem' in result) throw apiError('validation', `${path} ${result.problem}`, path)
  return result
}

/** A user's own account is its alone. */
function mustBeCaller (request: FastifyRequest, id: string, path: string): void {
  if (id !== request.caller.user) throw apiError('forbidden', `${path} must be your own id`, path)
}

export default async function users (fastify: App) {
  const documents = collection(fastify, 'users')

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

  async function isTaken (filter: mongodb.Filter<UserDocument>): Promise<boolean> {
    return await documents.findOne(filter, { projection: { _id: 1 } }) !== null
  }

  /**
   * Refuses a name that looks like another one, and what a deleted account had. This is looked up before, for no unique
   * index covers it: whoever wants to be taken for somebody else comes when that account is there.
   */
  async function refuseReserved (user: UserDocument & Keys): Promise<void> {
    const { usernameKey, emailKey, skeleton } = fastify.accounts.retired.of(user)
    const [name, look, address] = await Promise.all([
      isTaken({ usernameKey }),
      isTaken({ skeleton: { $in: [user.skeleton, skeleton] } }),
      isTaken({ emailKey })
    ])
    if (name || look) throw duplicateKey('users', 'username', user.username)
    if (address) throw duplicateKey('users', 'email', user.email)
  }

  /** The unique indexes decide, not a look-up before: of any number that register at once, one has the name. */
  async function insert (user: UserDocument & Keys): Promise<void> {
    await refuseReserved(user)
    try {
      await documents.insertOne(user)
    } catch (error) {
      if (!(error instanceof mongodb.MongoServerError) || error.code !== DUPLICATE_KEY) throw error
      const { username, usernameKey, email } = user
      const taken = await isTaken({ usernameKey })
      throw taken ? duplicateKey('users', 'username', username) : duplicateKey('users', 'email', email)
    }
  }

  async function callersAccount (request: FastifyRequest): Promise<User> {
    return ownUser(await callersDocument(fastify, request))
  }

  fastify.post('/user/register', {
    schema: { tags: ['users'], summary: 'Open an account', operationId: 'register', body: RegisterBody, response: replies(201, RegisterReply, [409]) },
    config: { public: true }
  }, async function register (request, reply) {
    const user = newUser(request.body)
    await refuseCommonPassword(fastify.config, request.body.password, 'password', user)
    await fastify.limits.registration(request)
    const turn = fastify.limits.passwordTurn(request, user.usernameKey)
    const document = { ...user, password: await fastify.passwords.hash(request.body.password, turn) }
    await insert(document)
    fastify.limits.remember(request, user.usernameKey)
    const id = user._id.toHexString()
    const token = await fastify.sessions.open(id, request, reply)
    audit(request, 'register', id)
    return await reply.code(201).send({ status: 'success', message: 'Data Inserted', data: ownUser(document), token })
  })

  fastify.get('/user/me', {
    schema: { tags: ['users'], summary: "The caller's own account", operationId: 'me', response: replies(200, MeReply, [401]) }
  }, async function me (request) {
    return { success: 'success' as const, message: 'Data Retrived' as const, data: await callersAccount(request) }
  })

  fastify.post('/setAvatar/:id', {
    schema: { tags: ['users'], summary: "Set the caller's avatar", operationId: 'setAvatar', params: IdParams, body: SetAvatarBody, response: replies(200, SetAvatarReply, [401, 403]) }
  }, async function setAvatar (request) {
    mustBeCaller(request, request.params.id, 'id')
    mustBeCaller(request, request.body._id, '_id')
    const avatarImage = valid('avatarImage', sanitizeAvatar(request.body.avatarImage)).value
    await documents.updateOne({ _id: new mongodb.ObjectId(request.caller.user), ...NOT_DELETED }, { $set: { avatarImage, isAvatarImageSet: true } })
    return { success: 'success' as const, message: 'Avatar Image set successfully' as const, data: await callersAccount(request) }
  })

  fastify.get('/allusers/:id', {
    schema: { tags: ['users'], summary: 'All users but the caller, by name', operationId: 'allusers', params: IdParams, querystring: AllUsersQuery, response: replies(200, AllUsersReply, [401, 403]) }
  }, async function allusers (request) {
    mustBeCaller(request, request.params.id, 'id')
    const { data, next } = await fastify.answers.list(request, () => page(request.caller.user, request.query))
    const message = 'All Uers retrived successfully' as const
    return { success: 'success' as const, message, data, ...(next === undefined ? {} : { next }) }
  })

  /** Users by name, but for one; up to a number of them and LIST_BYTES. */
  async function page (but: string, query: AllUsersQuery): Promise<{ data: User[], next?: string }> {
    const { search, after, limit = PAGE_LIMIT } = query
    const prefix = search === undefined ? '' : usernameKey(search)
    const data: User[] = []
    let bytes = 0
    let next = ''
    const cursor = documents.find({
      usernameKey: { $gte: prefix, $lt: prefix + LAST, ...(after === undefined ? {} : { $gt: after }) },
      _id: { $ne: new mongodb.ObjectId(but) },
      ...NOT_DELETED
    }, { projection: { username: 1, usernameKey: 1, avatarImage: 1, isAvatarImageSet: 1 } }).sort({ usernameKey: 1 }).limit(limit + 1).batchSize(100)
    for await (const user of cursor) {
      bytes += userBytes(user)
      if (data.length === limit || bytes > LIST_BYTES) return { data, next }
      data.push(publicUser(user))
      next = user.usernameKey
    }
    return { data }
  }

  fastify.delete('/user/:id', {
    schema: { tags: ['users'], summary: "Delete the caller's account; its messages stay", operationId: 'deleteUser', params: IdParams, body: DeleteUserBody, response: replies(200, DoneReply, [401, 403]) }
  }, async function deleteUser (request, reply) {
    mustBeCaller(request, request.params.id, 'id')
    const { usernameKey: account } = await callersDocument(fastify, request)
    const user = await checkPassword(fastify, request, {
      turn: fastify.limits.passwordTurn(request, account, request.caller.session),
      find: async () => await callersDocument(fastify, request),
      password: request.body.password,
      refusal: 'the password is wrong',
      path: 'password'
    })
    // Their hashes stay, for neither name nor address is given out again: whoever had them could be taken for this person.
    const keys = fastify.accounts.retired.of({ ...user, skeleton: usernameSkeleton(user.username) })
    await documents.updateOne({ _id: user._id }, {
      $set: { ...keys, deletedAt: new Date(), username: '', email: '', password: '', avatarImage: '', isAvatarImageSet: false },
      $unset: { lastSeenAt: '' }
    })
    fastify.accounts.forget(request.caller.user)
    await fastify.sessions.endOthers(request.caller.user)
    fastify.sessions.clearCookie(request, reply)
    audit(request, 'deletion', request.caller.user)
    return { success: 'success' as const, message: 'Account deleted' }
  })
}
