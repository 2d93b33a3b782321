import { setImmediate as turn } from 'node:timers/promises'
import tap, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { build, register, type Person } from '../helper.js'

/** Hashes of others that a victim's login may have to wait for: those that run, and one turn a place. */
const FEW = 6
/** Requests of the attacker that wait when the victim comes. */
const MANY = 20

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

/** Hashes of others that are computed while a victim logs in and an attack is under way. */
async function hashesBefore (t: Test, app: App, attack: () => Promise<unknown>[]): Promise<number> {
  const victim = await register(app)
  const before = app.passwords.computed
  let over = false
  const attacks = Promise.all(attack()).then(() => {
    over = true
  })
  while (app.passwords.computed === before) await turn()
  const start = app.passwords.computed
  t.equal((await login(app, victim, '203.0.113.1')).statusCode, 200)
  const others = app.passwords.computed - start - 1
  t.equal(over, false, 'the attack goes on')
  await attacks
  return others
}

tap.test('an account that keeps changing its password delays the login of another by few hashes', async t => {
  const app = await build(t)
  const attacker = await register(app)
  const others = await hashesBefore(t, app, () =>
    Array.from({ length: MANY }, async (_, i) => await change(app, attacker, `192.0.2.${i}`))
  )
  t.ok(others <= FEW, `${others} hashes before the victim`)
})

tap.test('one address with many accounts delays the login of another address by few hashes', async t => {
  const app = await build(t)
  const others = await hashesBefore(t, app, () =>
    Array.from(
      { length: MANY },
      async (_, i) => await login(app, { username: `nobody${i}`, password: 'x' } as Person, '192.0.2.1')
    )
  )
  t.ok(others <= FEW, `${others} hashes before the victim`)
})

tap.test(
  'one IPv6 /48 with many accounts and addresses delays the login of another address by few hashes',
  async t => {
    const app = await build(t)
    const others = await hashesBefore(t, app, () =>
      Array.from(
        { length: MANY },
        async (_, i) =>
          await login(app, { username: `nobody${i}`, password: 'x' } as Person, `2001:db8:0:${i}::1`)
      )
    )
    t.ok(others <= FEW, `${others} hashes before the victim`)
  }
)
