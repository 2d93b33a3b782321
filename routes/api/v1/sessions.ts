import type { App } from '../../../src/app.js'
import { audit, checkPassword } from '../../../src/credentials.js'
import { collection, type UserDocument } from '../../../src/documents.js'
import { apiError } from '../../../src/errors.js'
import { usernameKey } from '../../../src/names.js'
import { replies } from '../../../src/schemas/common.js'
import { DoneReply, LoginBody, LoginReply } from '../../../src/schemas/users.js'
import { sessionId } from '../../../src/sessions.js'
import { ownUser } from '../../../src/users.js'

/** One text for an unknown user and a wrong password (OWASP Authentication Cheat Sheet, "Authentication and Error Messages"). */
const REFUSAL = 'wrong username or password'

export default async function sessions (fastify: App) {
  const documents = collection(fastify, 'users')

  /** Whether a password that was right a moment ago still is. */
  async function stillKnows ({ _id, password: verified }: UserDocument, password: string): Promise<boolean> {
    const user = await documents.findOne({ _id, deletedAt: { $exists: false } }, { projection: { password: 1 } })
    if (user === null) return false
    // Another login may have renewed the hash of the same password meanwhile.
    return user.password === verified || await fastify.passwords.verify(user.password, password)
  }

  /** Only here is the password known, so that its hash can be made with today's parameters. */
  async function renewHash ({ _id, password: verified }: UserDocument, password: string): Promise<void> {
    if (!fastify.passwords.isOutdated(verified)) return
    await documents.updateOne({ _id, password: verified }, { $set: { password: await fastify.passwords.hash(password) } })
  }

  fastify.post('/user/login', {
    schema: { tags: ['users'], summary: 'Log in', operationId: 'login', body: LoginBody, response: replies(200, LoginReply, [401]) },
    config: { public: true }
  }, async function login (request, reply) {
    const { username, password } = request.body
    const account = usernameKey(username)
    const user = await documents.findOne({ usernameKey: account, deletedAt: { $exists: false } })
    await checkPassword(fastify, request, { account, user, password, refusal: REFUSAL })
    if (user === null) throw apiError('unauthorized', REFUSAL)

    const id = user._id.toHexString()
    const earlier = await fastify.sessions.ofCookie(request)
    const token = await fastify.sessions.open(id, request, reply)
    // The session stands in the database now: a change of password from here on ends it, and one before is seen here.
    if (!await stillKnows(user, password)) {
      await fastify.sessions.end(id, sessionId(token))
      fastify.sessions.clearCookie(request, reply)
      throw apiError('unauthorized', REFUSAL)
    }
    // The same browser logged in again: its cookie is replaced, so nobody needs the session before (ASVS 5.0, 7.2.4).
    if (earlier?.user === id) await fastify.sessions.end(id, earlier.session)
    audit(request, 'login', id)
    await renewHash(user, password)
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
}
