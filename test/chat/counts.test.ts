/** What a message costs, in counts: they guard the speed, and do not depend on the machine. */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { Document } from 'bson'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { FaultProxy } from '../fault-proxy.js'
import { connect, conversationOf, databaseUrl, listen, register, type Person } from '../helper.js'

/** Messages that are sent at a time. */
const BURST = 200

/** Counts the calls of a function from now on. */
function countCalls (t: Test, object: any, name: string, counts: (result: unknown) => boolean): () => number {
  const original = object[name]
  let count = 0
  object[name] = function (...args: unknown[]) {
    const result = original.apply(this, args)
    if (counts(result)) count++
    return result
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    object[name] = original
    syncBuiltinESMExports()
  })
  return () => count
}

/** Sends over HTTP, as a client with kept-alive connections does. */
async function post (origin: string, anna: Person, ben: Person, message: string): Promise<void> {
  const response = await fetch(`${origin}/api/v1/addmsg`, {
    method: 'POST',
    headers: { ...anna.headers, 'content-type': 'application/json' },
    body: `{"sender":"${anna.id}","reciver":"${ben.id}","message":"${message}"}`
  })
  if (response.status !== 201) throw new Error(await response.text())
  await response.text()
}

async function commandsOf (t: Test): Promise<{ app: App, origin: string, commands: string[] }> {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const { app, origin } = await listen(t, { MONGODB_URL: proxy.url })
  const commands: string[] = []
  proxy.on('command', (command: Document) => commands.push(Object.keys(command)[0]!))
  return { app, origin, commands }
}

t.test('a message becomes JSON once, whatever the number of sockets', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = [await register(app), await register(app)]
  const people = [anna, anna, anna, ben, ben, ben]
  const sockets = await Promise.all(people.map(async person => await connect(t, origin, person)))
  const made = countCalls(t, JSON, 'stringify', json => String(json).includes('the text to count'))
  await post(origin, anna, ben, 'the text to count')
  await Promise.all(sockets.map(async socket => await socket.next('message')))
  t.equal(made(), 1)
})

t.test('a message in a known conversation takes one insert', async t => {
  const { app, origin, commands } = await commandsOf(t)
  const [anna, ben] = [await register(app), await register(app)]
  await post(origin, anna, ben, 'first')
  commands.length = 0
  await post(origin, anna, ben, 'second')
  t.same(commands.filter(name => name === 'insert'), ['insert'])
})

t.test('under load a message takes less than 0.2 commands', async t => {
  const { app, origin, commands } = await commandsOf(t)
  const [anna, ben] = [await register(app), await register(app)]
  await post(origin, anna, ben, 'first')
  const socket = await connect(t, origin, anna)
  commands.length = 0
  for (let n = 0; n < BURST; n++) {
    socket.send({ type: 'send', clientId: crypto.randomUUID(), reciver: ben.id, message: `m${n}` })
  }
  await socket.until(() => socket.all('ack').length === BURST || undefined)
  t.ok(commands.length < 0.2 * BURST, `${commands.length} commands for ${BURST} messages: ${commands.join()}`)
  t.equal((await app.conversationLog.end(conversationOf(anna.id, ben.id))).top, BURST + 1)
})

t.test('a kept-alive connection hashes its token once', async t => {
  const { app, origin } = await listen(t)
  const [anna, ben] = [await register(app), await register(app)]
  await post(origin, anna, ben, 'first')
  const hashes = countCalls(t, crypto, 'createHash', () => true)
  // One after the other, so that they share a connection.
  for (let n = 0; n < 20; n++) await post(origin, anna, ben, `m${n}`)
  t.ok(hashes() <= 2, `${hashes()} hashes for 20 requests`)
})
