import { createHash } from 'node:crypto'
import type { App } from '../../src/app.js'
import { type Person } from '../helper.js'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export async function login (
  app: App,
  username: string,
  password: string,
  headers: Record<string, string> = {}
) {
  return await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username, password },
    headers
  })
}

export async function me (app: App, headers: Record<string, string>) {
  return (await app.inject({ url: '/api/v1/user/me', headers })).statusCode
}

/** Logs in once more, from another device. */
export async function again (
  app: App,
  { username, password }: Person
): Promise<{ token: string; headers: { authorization: string }; session: string }> {
  const { token } = (await login(app, username, password, { 'user-agent': 'another device' })).json()
  return { token, headers: { authorization: `Bearer ${token}` }, session: sha256(token) }
}
