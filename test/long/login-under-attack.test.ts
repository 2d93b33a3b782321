/**
 * How long the login of a person takes while an account changes its own password as often as HTTP_RATE lets
 * it, with the right old password each time. All limits have their defaults, but for LOGIN_LIMIT in the
 * second run: there the queue alone has to keep logins quick.
 */
import { setTimeout as delay } from 'node:timers/promises'
import tap, { type Test } from 'tap'
import { loadConfig } from '../../src/config.js'
import { build, register, type Person } from '../helper.js'
import type { App } from '../../src/app.js'

const CHANGES_PER_SECOND = 49
const LOGINS = 20
/** Between two logins of the victim. */
const PAUSE_MS = 200
/**
 * A login waits for the hash that runs and one of the attacker's; what else runs on the machine is in both
 * figures.
 */
const MAX_FACTOR = 5

/** Quick enough on any machine: a single slow login of 20 says nothing below this. It took 3.4 to 5.1 s. */
const QUICK_MS = 1_000

const { HTTP_RATE, LOGIN_LIMIT } = loadConfig({})

async function login (app: App, { username, password }: Person): Promise<{ ms: number; statusCode: number }> {
  const start = performance.now()
  const payload = { username, password }
  const { statusCode } = await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload,
    remoteAddress: '203.0.113.1'
  })
  return { ms: performance.now() - start, statusCode }
}

async function logins (t: Test, app: App, victim: Person): Promise<number[]> {
  const times: number[] = []
  let refused = 0
  for (let i = 0; i < LOGINS; i++) {
    const { ms, statusCode } = await login(app, victim)
    if (statusCode !== 200) refused++
    times.push(ms)
    await delay(PAUSE_MS)
  }
  t.equal(refused, 0, 'every login is answered with a session')
  return times.sort((a, b) => a - b)
}

/**
 * Changes of the attacker's own password, at a fixed rate, answered or not; gives a function that ends
 * them.
 */
function attack (app: App, { headers, password }: Person): () => Promise<Map<number, number>> {
  const answers = new Map<number, number>()
  const pending = new Set<Promise<void>>()
  const change = async () => {
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/api/v1/user/password',
      headers,
      payload: { oldPassword: password, newPassword: password },
      remoteAddress: '192.0.2.1'
    })
    answers.set(statusCode, (answers.get(statusCode) ?? 0) + 1)
  }
  const timer = setInterval(() => {
    const request = change().finally(() => pending.delete(request))
    pending.add(request)
  }, 1_000 / CHANGES_PER_SECOND)
  return async () => {
    clearInterval(timer)
    await Promise.all(pending)
    return answers
  }
}

const figures = (times: number[]): string =>
  `slowest of ${times.length}: ${times.at(-1)!.toFixed(0)} ms, ` +
  `median ${times[Math.floor(times.length / 2)]!.toFixed(0)} ms`

for (const limits of [
  { HTTP_RATE, LOGIN_LIMIT },
  { HTTP_RATE, LOGIN_LIMIT: 0 }
]) {
  tap.test(
    `logins stay quick under ${CHANGES_PER_SECOND} password changes a second: ${JSON.stringify(limits)}`,
    async t => {
      const app = await build(t, limits)
      const [victim, attacker] = [await register(app), await register(app)]
      const calm = await logins(t, app, victim)
      const end = attack(app, attacker)
      const attacked = await logins(t, app, victim)
      const answers = await end()
      t.comment(
        `calm: ${figures(calm)}; attacked: ${figures(attacked)}; ` +
          `answers to the attacker: ${JSON.stringify([...answers])}`
      )
      const most = Math.max(MAX_FACTOR * calm.at(-1)!, QUICK_MS)
      t.ok(attacked.at(-1)! <= most, `${figures(attacked)} against ${figures(calm)}`)
    }
  )
}
