import { setImmediate as turn } from 'node:timers/promises'
import tap, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { build, register, type Person } from '../helper.js'

/** Hashes of others that a victim's may wait for: one in each of three places, and one for its turn. */
const FEW = 4
/** Requests of the attacker that wait when the victim comes. */
const MANY = 20
const VICTIM = '203.0.113.1'

const nobody = (n: number) => ({ username: `nobody${n}`, password: 'x' }) as Person

const login = async (app: App, { username, password }: Person, remoteAddress: string) =>
  await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username, password },
    remoteAddress
  })

const change = async (app: App, { headers, password }: Person, remoteAddress: string) =>
  await app.inject({
    method: 'POST',
    url: '/api/v1/user/password',
    headers,
    payload: { oldPassword: password, newPassword: password },
    remoteAddress
  })

/** Hashes of others that are computed while that of a victim waits for its turn in an attack. */
async function hashesBefore (t: Test, app: App, attack: (n: number) => Promise<unknown>): Promise<number> {
  const victim = await register(app)
  const others = countWhileWaiting(app, VICTIM)
  const before = app.passwords.computed
  const over = new AbortController()
  const attacks = Array.from({ length: MANY }, async (_, n) => {
    while (!over.signal.aborted) await attack(n)
  })
  while (app.passwords.computed < before + MANY) await turn()
  t.equal((await login(app, victim, VICTIM)).statusCode, 200)
  over.abort()
  await Promise.all(attacks)
  return await others
}

/** Counts the hashes that are computed while the first attempt from an address waits for its own. */
async function countWhileWaiting ({ passwords }: App, address: string): Promise<number> {
  const verify = passwords.verify.bind(passwords)
  return await new Promise(resolve => {
    passwords.verify = async (hashOf, password, attempt) => {
      if (!attempt.network.startsWith(address)) return await verify(hashOf, password, attempt)
      let start = 0
      const waits = async () => {
        await attempt.waits?.()
        start = passwords.computed
      }
      const begins = async () => {
        resolve(passwords.computed - start)
        await attempt.begins?.()
      }
      return await verify(hashOf, password, { ...attempt, waits, begins })
    }
  })
}

tap.test('an account that keeps changing its password delays the login of another by few hashes', async t => {
  const app = await build(t)
  const attacker = await register(app)
  const others = await hashesBefore(t, app, async n => await change(app, attacker, `192.0.2.${n}`))
  t.ok(others <= FEW, `${others} hashes before the victim`)
})

tap.test('one address with many accounts delays the login of another address by few hashes', async t => {
  const app = await build(t)
  const others = await hashesBefore(t, app, async n => await login(app, nobody(n), '192.0.2.1'))
  t.ok(others <= FEW, `${others} hashes before the victim`)
})

tap.test(
  'one IPv6 /48 with many accounts and addresses delays the login of another address by few hashes',
  async t => {
    const app = await build(t)
    const others = await hashesBefore(t, app, async n => await login(app, nobody(n), `2001:db8:0:${n}::1`))
    t.ok(others <= FEW, `${others} hashes before the victim`)
  }
)
