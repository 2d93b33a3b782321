/** Requests about sessions, for the tests of several routes. */
import { createHash } from 'node:crypto'
import type { App } from '../src/app.js'
import { collection } from '../src/database/documents.js'
import type { Person } from './helper.js'

export const DAY_MS = 86_400_000

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export async function me (app: App, headers: Record<string, string>) {
  return await app.inject({ url: '/api/v1/user/me', headers })
}

/** The status of a request that needs a session. */
export async function statusOfMe (app: App, headers: Record<string, string>) {
  return (await me(app, headers)).statusCode
}

export async function logIn (
  app: App,
  { username, password }: Pick<Person, 'username' | 'password'>,
  headers: Record<string, string> = {}
) {
  const payload = { username, password }
  return await app.inject({ method: 'POST', url: '/api/v1/user/login', payload, headers })
}

/** Logs in once more, from another device. */
export async function again (
  app: App,
  person: Person
): Promise<{ token: string; headers: { authorization: string }; session: string }> {
  const { token } = (await logIn(app, person, { 'user-agent': 'another device' })).json()
  return { token, headers: { authorization: `Bearer ${token}` }, session: sha256(token) }
}

/** Changes a stored session by days. */
export async function age (
  app: App,
  token: string,
  changes: Partial<Record<'createdAt' | 'lastSeenAt' | 'expiresAt', number>>
) {
  const set = Object.fromEntries(
    Object.entries(changes).map(([name, days]) => [name, new Date(Date.now() + days * DAY_MS)])
  )
  await collection(app, 'sessions').updateOne({ _id: sha256(token) }, { $set: set })
}
