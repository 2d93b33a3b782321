import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { UserDocument } from './documents.js'
import { apiError } from './errors.js'

export interface Attempt {
  /** the username's key, whether there is such an account or not */
  account: string
  /** the account, if there is one */
  user: Pick<UserDocument, '_id' | 'password'> | null
  password: string
  /** the error's text, the same for an unknown account and for a wrong password */
  refusal: string
  /** the field that the error names */
  path?: string
}

/**
 * Lets a request show that it knows an account's password: bounded work, counted failures, an audit line for each.
 * Everything that asks for a password goes through here.
 * @throws `unauthorized`; `tooManyRequests` after too many failures; `unavailable` when too many are at it at once
 */
export async function checkPassword (fastify: FastifyInstance, request: FastifyRequest, { account, user, password, refusal, path = '' }: Attempt): Promise<void> {
  const right = await fastify.limits.passwordTry(request, account,
    async allowed => await fastify.passwords.verify(user?.password, password, allowed))
  if (right) return
  // The name that was typed is not logged: now and then it is a password (OWASP Logging Cheat Sheet).
  audit(request, 'failed login', user?._id.toHexString() ?? null)
  throw apiError('unauthorized', refusal, path)
}

type AuditEvent = 'register' | 'login' | 'failed login' | 'password change' | 'logout' | 'session end' | 'deletion'

/** A line in the log for what matters to an account's security; never with a secret. */
export function audit (request: FastifyRequest, event: AuditEvent, user: string | null): void {
  request.log.info({ audit: event, user, address: request.ip }, `audit: ${event}`)
}
