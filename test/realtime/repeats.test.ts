/** A repeated clientId is published only where its first publication can have been missed. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Config } from '../../src/config.js'
import { connect, conversationOf, listen, register } from '../helper.js'
import { numbers, range, reaches, storeSilently } from './helper.js'

/** The embedded database, which has one process, and a server that others may write to. */
const DATABASES = { embedded: (t: Test) => ({ MONGODB_URL: '', DATA_DIR: t.testdir() }), server: () => ({}) }

for (const [name, changes] of Object.entries(DATABASES)) {
  t.test(`a repeat pushes nothing to a socket that was opened later: ${name}`, async t => {
    await repeatPushesNothing(t, changes(t))
  })
}

async function repeatPushesNothing (t: Test, changes: Partial<Config>): Promise<void> {
  const { app, origin } = await listen(t, changes)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const clientId = randomUUID()
  const annas = await connect(t, origin, anna)
  await annas.say(ben.id, 'first', clientId)
  for (let n = 2; n <= 50; n++) await annas.say(ben.id, `text ${n}`)
  const late = await connect(t, origin, ben)
  await annas.say(ben.id, 'first', clientId)
  await annas.say(ben.id, 'live')
  await reaches(late, conversation, 51)
  t.same(numbers(late, conversation), [51])
}

t.test('a process died before telling: the repeat to another one brings all up to the message', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  const conversation = conversationOf(anna.id, ben.id)
  const annas = await connect(t, origin, anna)
  const clientId = randomUUID()
  const [quiet, busy] = await Promise.all([connect(t, origin, ben), connect(t, origin, ben)])
  busy.send({ type: 'resume', have: { [conversation]: 0 } })
  await busy.next('resumed')
  await storeSilently(app, anna, ben, range(1, 4))
  await storeSilently(app, anna, ben, [5], { clientId, message: 'last words' })
  const { message } = await annas.say(ben.id, 'last words', clientId)
  t.equal(message.seq, 5)
  for (const socket of [quiet, busy]) {
    await reaches(socket, conversation, 5)
    t.same(numbers(socket, conversation), range(1, 5))
  }
})
