import { createHash } from 'node:crypto'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { type Person } from '../helper.js'

export const DAY_MS = 86_400_000

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export async function me (app: App, headers: Record<string, string>) {
  return await app.inject({ url: '/api/v1/user/me', headers })
}

export async function logIn (app: App, { username, password }: Person, headers: Record<string, string> = {}) {
  return await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username, password },
    headers
  })
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
