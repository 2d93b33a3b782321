import { hash } from '@node-rs/argon2'
import { availableParallelism } from 'node:os'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import tap from 'tap'
import type { Attempt } from '../../src/accounts/password-attempt.js'
import { PARAMETERS, Passwords } from '../../src/accounts/passwords.js'

const PLACES = Math.min(availableParallelism(), 3)

const nobodys = async () => undefined

/** A turn of a stranger to an account; each account here is tried from a network of its own. */
const turnOf = (account: string, changes: Partial<Attempt> = {}): Attempt => ({
  account,
  network: `from ${account}`,
  known: undefined,
  ...changes
})

/** A gate that work waits at once its turn has come. */
function gate () {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const state = {
    entered: 0,
    open,
    begins: async () => {
      state.entered++
      await opened
    }
  }
  return state
}

tap.test('a hash is argon2id in PHC format, with its own salt, and verifies its password alone', async t => {
  const passwords = new Passwords()
  const turn = turnOf('a')
  const [one, two] = [await passwords.hash('a password', turn), await passwords.hash('a password', turn)]
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, two)
  const answers = [
    await passwords.verify(async () => one, 'a password', turn),
    await passwords.verify(async () => one, 'a passworD', turn)
  ]
  t.strictSame(answers, [true, false])
})

tap.test('without a hash the same work is done, and the answer is false', async t => {
  const passwords = new Passwords()
  const before = passwords.computed
  t.equal(await passwords.verify(nobodys, 'a password', turnOf('a')), false)
  t.equal(await passwords.verify(nobodys, '', turnOf('a')), false)
  t.equal(passwords.computed - before, 2)
})

tap.test('a hash with less memory or fewer passes is outdated; one with more is not', async t => {
  const passwords = new Passwords()
  const made = async (changes: Partial<typeof PARAMETERS>) =>
    passwords.isOutdated(await hash('a password', { ...PARAMETERS, ...changes }))
  t.strictSame(
    [
      await made({}),
      await made({ timeCost: 1 }),
      await made({ memoryCost: 1024 }),
      await made({ timeCost: 3 })
    ],
    [false, true, true, false]
  )
})

/** Takes all places with accounts of their own, until the gate opens. */
function takePlaces (passwords: Passwords) {
  const held = gate()
  const done = Array.from(
    { length: PLACES },
    async (_, i) => await passwords.verify(nobodys, 'x', turnOf(`first ${i}`, { begins: held.begins }))
  )
  return { held, done }
}

async function someTurns (): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await turn()
}

tap.test(
  'no more hashes than places are computed at a time, and those that wait come in their order',
  async t => {
    const passwords = new Passwords()
    const { held, done } = takePlaces(passwords)
    const order: number[] = []
    const rest = Array.from(
      { length: 5 },
      async (_, index) =>
        await passwords.verify(
          nobodys,
          'x',
          turnOf(`${index}`, {
            begins: async () => {
              order.push(index)
            }
          })
        )
    )
    await someTurns()
    t.strictSame([held.entered, order.length], [PLACES, 0])
    held.open()
    await Promise.all([...done, ...rest])
    t.strictSame(order, [0, 1, 2, 3, 4])
  }
)

tap.test('networks take turns: a network with many accounts delays another one by one hash', async t => {
  const passwords = new Passwords()
  const { held, done } = takePlaces(passwords)
  const order: string[] = []
  const attempt = async (account: string, network: string) =>
    await passwords.verify(nobodys, 'x', {
      account,
      network,
      known: undefined,
      begins: async () => {
        order.push(account)
      }
    })
  const rest = ['a1', 'a2', 'a3', 'a4'].map(async account => await attempt(account, 'network a'))
  rest.push(attempt('b1', 'network b'))
  held.open()
  await Promise.all([...done, ...rest])
  t.strictSame(order, ['a1', 'b1', 'a2', 'a3', 'a4'])
})

tap.test(
  'attempts on one account run one at a time, its networks take turns, and those it knows have a lane apart',
  async t => {
    const passwords = new Passwords()
    const order: string[] = []
    let running = 0
    const attempt = async (name: string, network: string, known?: string) =>
      await passwords.verify(nobodys, 'x', {
        account: 'anna',
        network,
        known,
        begins: async () => {
          if (known === undefined) t.equal(++running, 1)
          order.push(name)
          await turn()
        },
        ended: async () => {
          if (known === undefined) running--
        }
      })
    const strangers = ['a1', 'a2', 'a3'].map(async name => await attempt(name, 'network a'))
    const other = attempt('b1', 'network b')
    const owner = attempt('owner', 'network c', 'session 1')
    await Promise.all([...strangers, other, owner])
    t.ok(order.slice(0, 2).includes('owner'), 'the owner does not wait for the strangers')
    t.strictSame(
      order.filter(name => name !== 'owner'),
      ['a1', 'a2', 'b1', 'a3']
    )
  }
)

tap.test(
  'of one account from one place 100 attempts wait, of one network 500; more are refused at once with 503',
  async t => {
    const passwords = new Passwords()
    const { held, done } = takePlaces(passwords)
    const waiting = Array.from(
      { length: 101 },
      async () => await passwords.verify(nobodys, 'x', turnOf('anna'))
    )
    const refused = { name: 'ApiError', statusCode: 503, retryAfter: 5 }
    t.match(await passwords.verify(nobodys, 'x', turnOf('anna')).catch(error => error), refused)
    const begins = async () => {
      throw new Error('called off')
    }
    const many = Array.from(
      { length: 500 },
      async (_, i) => await passwords.verify(nobodys, 'x', turnOf(`${i}`, { network: 'one', begins }))
    )
    t.match(
      await passwords.verify(nobodys, 'x', turnOf('501', { network: 'one' })).catch(error => error),
      refused
    )
    // Before the first one can be rejected: otherwise its rejection may count as unhandled.
    const calledOff = many.map(async attempt => await t.rejects(attempt, { message: 'called off' }))
    held.open()
    await Promise.all([...done, ...calledOff])
    await Promise.allSettled(waiting)
  }
)

tap.test('a login that waited for 5 seconds is refused with 503 and Retry-After', async t => {
  const passwords = new Passwords()
  const { held, done } = takePlaces(passwords)
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const late = passwords.verify(nobodys, 'x', turnOf('late')).then(
    () => 'verified',
    error => error
  )
  await someTurns()
  mock.timers.tick(4_999)
  const later = passwords.verify(nobodys, 'x', turnOf('later'))
  await someTurns()
  mock.timers.tick(1)
  t.match(await late, { statusCode: 503, retryAfter: 5 })
  held.open()
  await Promise.all([...done, later])
  t.equal(passwords.computed, PLACES + 1)
})

tap.test('cancelled work gives its place back', async t => {
  const passwords = new Passwords()
  const calledOff = turnOf('a', {
    begins: async () => {
      throw new Error('not allowed')
    }
  })
  for (let i = 0; i < PLACES * 2; i++) {
    await t.rejects(passwords.verify(nobodys, 'x', calledOff), { message: 'not allowed' })
  }
  t.equal(passwords.computed, 0)
  t.equal(await passwords.verify(nobodys, 'x', turnOf('a')), false)
})
