import { hash } from '@node-rs/argon2'
import Fastify from 'fastify'
import { availableParallelism } from 'node:os'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import tap, { type Test } from 'tap'
import passwordsPlugin, { PARAMETERS } from '../../plugins/passwords.js'

const PLACES = Math.min(availableParallelism(), 3)

async function passwords (t: Test) {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(passwordsPlugin)
  return app.passwords
}

const nobodys = async () => undefined
const failed = async () => {}

/** A gate that work waits at once its turn has come. */
function gate () {
  let open = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  const state = { entered: 0, open, begins: async () => { state.entered++; await opened }, failed }
  return state
}

tap.test('a hash is argon2id in PHC format, with its own salt, and verifies its password alone', async t => {
  const { hash, verify } = await passwords(t)
  const [one, two] = [await hash('a password'), await hash('a password')]
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, two)
  t.strictSame([await verify(async () => one, 'a password'), await verify(async () => one, 'a passworD')], [true, false])
})

tap.test('without a hash the same work is done, and the answer is false', async t => {
  const plugin = await passwords(t)
  const before = plugin.computed
  t.equal(await plugin.verify(nobodys, 'a password'), false)
  t.equal(await plugin.verify(nobodys, ''), false)
  t.equal(plugin.computed - before, 2)
})

tap.test('a hash with less memory or fewer passes is outdated; one with more is not', async t => {
  const { isOutdated } = await passwords(t)
  const made = async (changes: Partial<typeof PARAMETERS>) => isOutdated(await hash('a password', { ...PARAMETERS, ...changes }))
  t.strictSame([await made({}), await made({ timeCost: 1 }), await made({ memoryCost: 1024 }), await made({ timeCost: 3 })], [false, true, true, false])
})

tap.test('no more hashes than places are computed at a time, and those that wait come in their order', async t => {
  const { verify } = await passwords(t)
  const held = gate()
  const first = Array.from({ length: PLACES }, async () => await verify(nobodys, 'x', held))
  const order: number[] = []
  const rest = Array.from({ length: 5 }, async (_, index) => await verify(nobodys, 'x', { begins: async () => { order.push(index) }, failed }))
  for (let turns = 0; turns < 10; turns++) await turn()
  t.strictSame([held.entered, order.length], [PLACES, 0])
  held.open()
  await Promise.all([...first, ...rest])
  t.strictSame(order, [0, 1, 2, 3, 4])
})

tap.test('who has waited for 5 seconds is refused with 503 and Retry-After, and takes no place', async t => {
  const plugin = await passwords(t)
  const held = gate()
  const first = Array.from({ length: PLACES }, async () => await plugin.verify(nobodys, 'x', held))
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const late = plugin.verify(nobodys, 'x').then(() => 'verified', error => error)
  mock.timers.tick(4_999)
  const later = plugin.verify(nobodys, 'x')
  mock.timers.tick(1)
  t.match(await late, { statusCode: 503, retryAfter: 5 })
  held.open()
  await Promise.all([...first, later])
  t.equal(plugin.computed, PLACES + 1)
})

tap.test('work whose turn came and that was called off does not keep its place', async t => {
  const plugin = await passwords(t)
  for (let i = 0; i < PLACES * 2; i++) await t.rejects(plugin.verify(nobodys, 'x', { begins: async () => { throw new Error('not allowed') }, failed }), { message: 'not allowed' })
  t.equal(plugin.computed, 0)
  t.equal(await plugin.verify(nobodys, 'x'), false)
})
