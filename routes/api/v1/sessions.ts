import { mongodb } from '@fastify/mongodb'
import type { App } from '../../../src/app.js'
import { audit, callersDocument, checkPassword, refuseCommonPassword } from '../../../src/accounts/credentials.js'
import { collection, type UserDocument } from '../../../src/database/documents.js'
import { apiError } from '../../../src/errors.js'
import { usernameKey } from '../../../src/accounts/names.js'
import { replies } from '../../../src/http/schemas.js'
import { DoneReply, LoginBody, LoginReply, PasswordBody, SessionParams, SessionsReply } from '../../../src/accounts/schemas.js'
import type { PasswordTurn } from '../../../src/accounts/password-attempt.js'
import { sessionId, type Caller } from '../../../src/accounts/sessions.js'
import { ownUser } from '../../../src/accounts/users.js'

/** One text for an unknown user and a wrong password (OWASP Authentication Cheat Sheet, "Authentication and Error Messages"). */
const REFUSAL = 'wrong username or password'

export default async function sessions (fastify: App) {
  const documents = collection(fastify, 'users')

  /** Whether a password that was right a moment ago still is. */
  async function stillKnows (account: UserDocument, password: string, turn: PasswordTurn): Promise<boolean> {
    const { _id, password: verified } = account
    const user = await documents.findOne({ _id, deletedAt: { $exists: false } }, { projection: { password: 1 } })
    if (user === null) return false
    // Another login may have renewed the hash of the same password meanwhile.
    return user.password === verified || await fastify.passwords.verify(async () => user.password, password, turn)
  }

  /** Only here is the password known, so that its hash can be made with today's parameters. */
  async function renewHash (account: UserDocument, password: string, turn: PasswordTurn): Promise<void> {
    const { _id, password: verified } = account
    if (!fastify.passwords.isOutdated(verified)) return
    const renewed = await fastify.passwords.hash(password, turn)
    await documents.updateOne({ _id, password: verified }, { $set: { password: renewed } })
  }

  /** The id of a session, if it is one of this account: who has it is no stranger to the account. */
  async function sessionOf (caller: Caller | undefined, account: string): Promise<string | undefined> {
    if (caller === undefined) return undefined
    const own = { _id: new mongodb.ObjectId(caller.user), usernameKey: account }
    const user = await documents.findOne(own, { projection: { _id: 1 } })
    return user === null ? undefined : caller.session
  }

  fastify.post('/user/login', {
    schema: { tags: ['users'], summary: 'Log in', operationId: 'login', body: LoginBody, response: replies(200, LoginReply, [401]) },
    config: { public: true }
  }, async function login (request, reply) {
    const { username, password } = request.body
    const account = usernameKey(username)
    const find = async () => await documents.findOne({ usernameKey: account, deletedAt: { $exists: false } })
    const earlier = await fastify.sessions.ofCookie(request)
    const turn = fastify.limits.passwordTurn(request, account, await sessionOf(earlier, account))
    const user = await checkPassword(fastify, request, { turn, find, password, refusal: REFUSAL })
    const id = user._id.toHexString()
    const token = await fastify.sessions.open(id, request, reply)
    // The session stands in the database now: a change of password from here on ends it, and one before is seen here.
    if (!await stillKnows(user, password, turn)) {
      await fastify.sessions.end(id, sessionId(token))
      fastify.sessions.clearCookie(request, reply)
      throw apiError('unauthorized', REFUSAL)
    }
    // The same browser logged in again: its cookie is replaced, so nobody needs the session before (ASVS 5.0, 7.2.4).
    if (earlier?.user === id) await fastify.sessions.end(id, earlier.session)
    audit(request, 'login', id)
    await renewHash(user, password, turn)
    return { status: 'success' as const, message: 'Data Retrived' as const, data: ownUser(user), token }
  })

  fastify.post('/user/logout', {
    schema: { tags: ['users'], summary: 'End this session', operationId: 'logout', response: replies(200, DoneReply, [401, 403]) }
  }, async function logout (request, reply) {
    await fastify.sessions.end(request.caller.user, request.caller.session)
    fastify.sessions.clearCookie(request, reply)
    audit(request, 'logout', request.caller.user)
    return { success: 'success' as const, message: 'Logged out' }
  })

  fastify.get('/user/sessions', {
    schema: { tags: ['users'], summary: "The caller's open sessions, the latest used first", operationId: 'sessions', response: replies(200, SessionsReply, [401]) }
  }, async function sessions (request) {
    const { user, session } = request.caller
    const data = (await fastify.sessions.list(user)).map(({ _id, createdAt, lastSeenAt, expiresAt, userAgent }) => ({
      id: _id, current: _id === session, createdAt: createdAt.toISOString(), lastSeenAt: lastSeenAt.toISOString(), expiresAt: expiresAt.toISOString(), userAgent
    }))
    return { success: 'success' as const, message: 'Sessions retrieved successfully' as const, data }
  })

  fastify.delete('/user/sessions/:id', {
    schema: { tags: ['users'], summary: 'End one session', operationId: 'endSession', params: SessionParams, response: replies(200, DoneReply, [401, 403, 404]) }
  }, async function endSession (request) {
    const { user } = request.caller
    if (!await fastify.sessions.end(user, request.params.id)) throw apiError('notFound', 'you have no session with this id', 'id')
    audit(request, 'session end', user)
    return { success: 'success' as const, message: 'Session ended' }
  })

  fastify.post('/user/password', {
    schema: { tags: ['users'], summary: 'Change the password; the other sessions end', operationId: 'password', body: PasswordBody, response: replies(200, DoneReply, [401, 403]) }
  }, async function password (request) {
    const { user: id, session } = request.caller
    const { oldPassword, newPassword } = request.body
    const { usernameKey: account, ...self } = await callersDocument(fastify, request)
    await refuseCommonPassword(fastify.config, newPassword, 'newPassword', self)
    const turn = fastify.limits.passwordTurn(request, account, session)
    for (;;) {
      const user = await checkPassword(fastify, request, {
        turn,
        find: async () => await callersDocument(fastify, request),
        password: oldPassword,
        refusal: 'the old password is wrong',
        path: 'oldPassword'
      })
      const changed = await fastify.passwords.hash(newPassword, turn)
      // Only over the hash that was verified: of two changes at once, the second has to know the first one's password.
      const { matchedCount } = await documents.updateOne({ _id: user._id, password: user.password }, { $set: { password: changed } })
      if (matchedCount === 1) break
    }
    await fastify.sessions.endOthers(id, session)
    audit(request, 'password change', id)
    return { success: 'success' as const, message: 'Password changed; all other sessions have ended' }
  })
}
