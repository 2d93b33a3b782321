import { randomBytes } from 'node:crypto'
import type { App } from '../../src/app.js'
import { type Person } from '../helper.js'

export const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>').toString('base64')

export const SCRIPT = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
).toString('base64')

export async function post (app: App, url: string, payload: object, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'POST', url: `/api/v1/${url}`, payload, headers })
}

export async function allusers (app: App, person: Person, query = '') {
  return await app.inject({ url: `/api/v1/allusers/${person.id}${query}`, headers: person.headers })
}

export const body = (changes: object = {}) => ({
  username: `user${randomBytes(5).toString('hex')}`,
  email: `${randomBytes(8).toString('hex')}@example.org`,
  password: '12345678',
  ...changes
})
