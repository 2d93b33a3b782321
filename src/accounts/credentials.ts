import type { Config } from '../config.js'
import type { UserDocument } from '../database/documents.js'
import { apiError } from '../errors.js'
import { audit, type AuditedRequest } from './audit.js'
import { isCommonPassword } from './common-passwords.js'
import { usernameKey } from './names.js'
import type { Attempt } from './password-attempt.js'
import type { Passwords } from './passwords.js'

export interface PasswordCheck {
  /** Begins the attempt (`fastify.limits.passwordAttempt`); throws after too many failures. */
  begin (): Promise<Attempt>
  /** Finds the account, if it exists. */
  find (): Promise<UserDocument | null>
  password: string
  /** The text of the error, the same for an unknown account and for a wrong password. */
  refusal: string
  /** The field that the error names. */
  path?: string
}

/**
 * Checks the password of an account: bounded work, counted failures, and an audit line for each of them.
 * Everything that asks for a password goes through here.
 * @returns the account
 * @throws ApiError `unauthorized`; `tooManyRequests` after too many failures; `unavailable` if too many
 *   passwords are being checked
 */
export async function checkPassword (
  passwords: Passwords,
  request: AuditedRequest,
  { begin, find, password, refusal, path = '' }: PasswordCheck
): Promise<UserDocument> {
  let user: UserDocument | null = null
  const attempt = await begin()
  const right = await passwords.verify(async () => {
    user = await find()
    return user?.password
  }, password, attempt)
  // TypeScript does not see that the function above has run.
  const found = user as UserDocument | null
  if (right && found !== null) return found
  // The typed name is not logged: people sometimes type their password there (OWASP Logging Cheat Sheet).
  audit(request, 'failed login', found?._id.toHexString() ?? null)
  throw apiError('unauthorized', refusal, path)
}

type Owner = Pick<UserDocument, 'username' | 'email'>

/**
 * Refuses common passwords if the configuration says so, and what is known about the account: its name and
 * address (the "context specific words" of OWASP ASVS 5.0, 6.2.11).
 * @throws ApiError `validation`
 */
export async function refuseCommonPassword (
  config: Config, password: string, path: string, { username, email }: Owner
): Promise<void> {
  if (!config.REFUSE_COMMON_PASSWORDS) return
  const known = [username, email, email.slice(0, email.indexOf('@'))].map(usernameKey)
  if (known.includes(usernameKey(password))) {
    throw apiError('validation', `${path} must not be the username or the e-mail address`, path)
  }
  if (await isCommonPassword(password)) {
    throw apiError('validation', `${path} is one of the most common passwords`, path)
  }
}
