import type { FastifyInstance, FastifyRequest } from 'fastify'
import { mongodb } from '../database/driver.js'
import { isCommonPassword } from './common-passwords.js'
import type { Config } from '../config.js'
import { collection, type UserDocument } from '../database/documents.js'
import { apiError } from '../errors.js'
import { usernameKey } from './names.js'
import type { PasswordTurn } from './password-attempt.js'
import { noSession } from './sessions.js'

export interface GivenPassword {
  /** whose password it is and who tries it: `fastify.limits.passwordTurn` */
  turn: PasswordTurn
  /** finds the account, if there is one */
  find (): Promise<UserDocument | null>
  password: string
  /** the error's text, the same for an unknown account and for a wrong password */
  refusal: string
  /** the field that the error names */
  path?: string
}

/**
 * Lets a request show that it knows an account's password: bounded work, counted failures, an audit line for each.
 * Everything that asks for a password goes through here.
 * @returns the account
 * @throws `unauthorized`; `tooManyRequests` after too many failures; `unavailable` when too many are at it at once
 */
export async function checkPassword (fastify: FastifyInstance, request: FastifyRequest, given: GivenPassword): Promise<UserDocument> {
  const { turn, find, password, refusal, path = '' } = given
  let user: UserDocument | null = null
  const attempt = await fastify.limits.passwordAttempt(request, turn)
  const right = await fastify.passwords.verify(async () => {
    user = await find()
    return user?.password
  }, password, attempt)
  // TypeScript does not see that the function above has run.
  const found = user as UserDocument | null
  if (right && found !== null) return found
  // The name that was typed is not logged: now and then it is a password (OWASP Logging Cheat Sheet).
  audit(request, 'failed login', found?._id.toHexString() ?? null)
  throw apiError('unauthorized', refusal, path)
}

/**
 * Where the configuration refuses common passwords: one of the most common ones, and what is known of the account
 * (its name and address: the "context specific words" of OWASP ASVS 5.0, 6.2.11).
 * @throws `validation`
 */
export async function refuseCommonPassword (config: Config, password: string, path: string, { username, email }: Pick<UserDocument, 'username' | 'email'>): Promise<void> {
  if (!config.REFUSE_COMMON_PASSWORDS) return
  const known = [username, email, email.slice(0, email.indexOf('@'))].map(usernameKey)
  if (known.includes(usernameKey(password))) throw apiError('validation', `${path} must not be the username or the e-mail address`, path)
  if (await isCommonPassword(password)) throw apiError('validation', `${path} is one of the most common passwords`, path)
}

/** The caller's own account with its hash, or an `unauthorized` error where it was deleted a moment ago. */
export async function callersDocument (fastify: FastifyInstance, request: FastifyRequest): Promise<UserDocument> {
  const user = await collection(fastify, 'users').findOne({ _id: new mongodb.ObjectId(request.caller.user), deletedAt: { $exists: false } })
  if (user === null) throw noSession()
  return user
}

type AuditEvent = 'register' | 'login' | 'failed login' | 'password change' | 'logout' | 'session end' | 'deletion' | 'refused'

/** A line in the log for what matters to an account's security; never with a secret. */
export function audit (request: FastifyRequest, event: AuditEvent, user: string | null, reason?: string): void {
  request.log.info({ audit: event, user, address: request.ip, reason }, `audit: ${event}`)
}
