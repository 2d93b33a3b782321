/** The accounts of the load programs, and what they write. */
import type { Caller } from './caller.js'

export interface Account {
  id: string
  username: string
  password: string
  token: string
  /** the loopback address that it comes from */
  address: string
}

/** The longest message: 10,000 code points, 40 KB. */
export const LONGEST = '😀'.repeat(10_000)

const PASSWORD = 'correct horse battery staple'

/** Opens an account over HTTP. */
export async function register (caller: Caller, username: string): Promise<Account> {
  const body = { username, email: `${username}@example.org`, password: PASSWORD }
  const { status, text } = await caller.call('POST', '/api/v1/user/register', { body, whole: true })
  if (status !== 201) throw new Error(`register ${username}: ${status} ${text}`)
  const { data, token } = JSON.parse(text)
  return { id: data._id, username, password: PASSWORD, token, address: caller.address }
}
