import type { App } from '../../src/app.js'

export const WRONG = 'not the password'

export async function login (app: App, username: string, password: string, remoteAddress = '192.0.2.1') {
  return await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username, password },
    remoteAddress
  })
}

export const statuses = async (responses: Promise<{ statusCode: number }>[]) =>
  (await Promise.all(responses)).map(({ statusCode }) => statusCode)
