import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../../../src/app.js'
import { audit } from '../../../src/accounts/audit.js'
import { checkPassword, refuseCommonPassword } from '../../../src/accounts/credentials.js'
import { usernameKey } from '../../../src/accounts/names.js'
import type { PasswordTurn } from '../../../src/accounts/password-attempt.js'
import {
  DoneReply, LoginBody, LoginReply, PasswordBody, SessionParams, SessionsReply, type SessionInfo
} from '../../../src/accounts/schemas.js'
import { sessionId, type Caller } from '../../../src/accounts/sessions.js'
import { ownUser } from '../../../src/accounts/users.js'
import type { SessionDocument, UserDocument } from '../../../src/database/documents.js'
import { apiError } from '../../../src/errors.js'
import { replies } from '../../../src/http/schemas.js'

/**
 * One text for an unknown user and for a wrong password (OWASP Authentication Cheat Sheet, "Authentication
 * and Error Messages").
 */
const REFUSAL = 'wrong username or password'

/** Logging in and out, and the sessions and the password of an account. */
export default async function sessionRoutes (fastify: App) {
  login(fastify)
  logout(fastify)
  sessions(fastify)
  endSession(fastify)
  password(fastify)
}

function login (fastify: App): void {
  fastify.post('/user/login', {
    schema: {
      tags: ['users'],
      summary: 'Log in',
      operationId: 'login',
      body: LoginBody,
      response: replies(200, LoginReply, [401])
    },
    config: { public: true }
  }, async function login (request, reply) {
    const { username, password } = request.body
    const account = usernameKey(username)
    const earlier = await fastify.sessions.ofCookie(request)
    const turn = fastify.limits.passwordTurn(request, account, await sessionOf(fastify, earlier, account))
    const user = await checkPassword(fastify.passwords, request, {
      begin: () => fastify.limits.passwordAttempt(request, turn),
      find: () => fastify.users.findByKey(account),
      password,
      refusal: REFUSAL
    })
    const token = await openSession(fastify, request, reply, { user, password, turn })
    const id = user._id.toHexString()
    // The same browser logged in again and got a new cookie: nobody uses the earlier session (ASVS 5.0,
    // 7.2.4).
    if (earlier?.user === id) await fastify.sessions.end(id, earlier.session)
    audit(request, 'login', id)
    await renewHash(fastify, user, password, turn)
    return { status: 'success' as const, message: 'Data Retrived' as const, data: ownUser(user), token }
  })
}

interface Login {
  /** the account as it was verified */
  user: UserDocument
  password: string
  turn: PasswordTurn
}

/**
 * Opens a session and gives its token.
 * @throws ApiError `unauthorized` if the password was changed since it was verified
 */
async function openSession (
  fastify: App, request: FastifyRequest, reply: FastifyReply, login: Login
): Promise<string> {
  const id = login.user._id.toHexString()
  const token = await fastify.sessions.open(id, request, reply)
  // The session is in the database now: a later change of password ends it, and an earlier one is seen here.
  if (await isStillRight(fastify, login)) return token
  await fastify.sessions.end(id, sessionId(token))
  fastify.sessions.clearCookie(request, reply)
  throw apiError('unauthorized', REFUSAL)
}

/** Whether a password that was verified a moment ago is still right. */
async function isStillRight (fastify: App, { user, password, turn }: Login): Promise<boolean> {
  const stored = await fastify.users.passwordOf(user._id)
  if (stored === undefined) return false
  // Another login may have renewed the hash of the same password.
  return stored === user.password || await fastify.passwords.verify(async () => stored, password, turn)
}

/** Makes the hash anew with today's parameters: only at a login is the password known. */
async function renewHash (
  fastify: App, user: UserDocument, password: string, turn: PasswordTurn
): Promise<void> {
  if (!fastify.passwords.isOutdated(user.password)) return
  const renewed = await fastify.passwords.hash(password, turn)
  await fastify.users.replacePassword(user._id, user.password, renewed)
}

/** The id of the caller's session if it belongs to this account: its owner is known to the account. */
async function sessionOf (
  fastify: App, caller: Caller | undefined, account: string
): Promise<string | undefined> {
  if (caller === undefined) return undefined
  return await fastify.users.has(caller.user, account) ? caller.session : undefined
}

function logout (fastify: App): void {
  fastify.post('/user/logout', {
    schema: {
      tags: ['users'],
      summary: 'End this session',
      operationId: 'logout',
      response: replies(200, DoneReply, [401, 403])
    }
  }, async function logout (request, reply) {
    const { user, session } = request.caller
    await fastify.sessions.end(user, session)
    fastify.sessions.clearCookie(request, reply)
    audit(request, 'logout', user)
    return { success: 'success' as const, message: 'Logged out' }
  })
}

function sessions (fastify: App): void {
  fastify.get('/user/sessions', {
    schema: {
      tags: ['users'],
      summary: "The caller's open sessions, the latest used first",
      operationId: 'sessions',
      response: replies(200, SessionsReply, [401])
    }
  }, async function sessions (request) {
    const { user, session } = request.caller
    const open = await fastify.sessions.list(user)
    const data = open.map(document => sessionInfo(document, session))
    return { success: 'success' as const, message: 'Sessions retrieved successfully' as const, data }
  })
}

function sessionInfo (document: SessionDocument, current: string): SessionInfo {
  const { _id, createdAt, lastSeenAt, expiresAt, userAgent } = document
  return {
    id: _id,
    current: _id === current,
    createdAt: createdAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    userAgent
  }
}

function endSession (fastify: App): void {
  fastify.delete('/user/sessions/:id', {
    schema: {
      tags: ['users'],
      summary: 'End one session',
      operationId: 'endSession',
      params: SessionParams,
      response: replies(200, DoneReply, [401, 403, 404])
    }
  }, async function endSession (request) {
    const { user } = request.caller
    const ended = await fastify.sessions.end(user, request.params.id)
    if (!ended) throw apiError('notFound', 'you have no session with this id', 'id')
    audit(request, 'session end', user)
    return { success: 'success' as const, message: 'Session ended' }
  })
}

function password (fastify: App): void {
  fastify.post('/user/password', {
    schema: {
      tags: ['users'],
      summary: 'Change the password; the other sessions end',
      operationId: 'password',
      body: PasswordBody,
      response: replies(200, DoneReply, [401, 403])
    }
  }, async function password (request) {
    const { user: id, session } = request.caller
    await changePassword(fastify, request, request.body)
    await fastify.sessions.endOthers(id, session)
    audit(request, 'password change', id)
    return { success: 'success' as const, message: 'Password changed; all other sessions have ended' }
  })
}

async function changePassword (fastify: App, request: FastifyRequest, body: PasswordBody): Promise<void> {
  const find = () => fastify.users.ofCaller(request.caller)
  const { usernameKey: account, ...owner } = await find()
  await refuseCommonPassword(fastify.config, body.newPassword, 'newPassword', owner)
  const turn = fastify.limits.passwordTurn(request, account, request.caller.session)
  for (let changed = false; !changed;) {
    const user = await checkPassword(fastify.passwords, request, {
      begin: () => fastify.limits.passwordAttempt(request, turn),
      find,
      password: body.oldPassword,
      refusal: 'the old password is wrong',
      path: 'oldPassword'
    })
    const hash = await fastify.passwords.hash(body.newPassword, turn)
    changed = await fastify.users.replacePassword(user._id, user.password, hash)
  }
}
