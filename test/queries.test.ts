/** Every command that the application sends to its database is answered by an index: nothing gets slower as the data grows. */
import { randomUUID } from 'node:crypto'
import type { Document } from 'bson'
import t from 'tap'
import { build, connect, conversationOf, databaseUrl, listen, register } from './helper.js'
import { relay } from './relay.js'
import { OPERATIONS } from './security/operations.js'

/** Commands that look for documents, by the field that holds what they look for. */
const LOOKING = new Set(['find', 'update', 'delete', 'findAndModify', 'aggregate', 'count', 'distinct'])

/** Scans that are allowed, with their reason. There is none. */
const ALLOWED_SCANS: string[] = []

/** The same command with other values: the shape names it. */
function shapeOf (value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.replaceAll(/[0-9a-f]{24}/g, 'ID'), shapeOf(inner)]))
  }
  return typeof value
}

/** Without what belongs to the session that sent it; a command with several statements becomes several. */
function * statements ({ lsid, $db, $clusterTime, $readPreference, txnNumber, ...command }: Document): Generator<Document> {
  const list = command.updates ?? command.deletes
  if (list === undefined) yield command
  else for (const statement of list) yield { ...command, [command.updates === undefined ? 'deletes' : 'updates']: [statement] }
}

t.test('every operation and frame: an index or _id, no scan, no sort in memory', async t => {
  const seen = new Map<string, Document>()
  const { url } = await relay(t, await databaseUrl(), command => {
    const [name] = Object.keys(command)
    if (!LOOKING.has(name!)) return
    for (const statement of statements(command)) seen.set(`${name} ${JSON.stringify(shapeOf(statement))}`, statement)
  })
  const { app, origin } = await listen(t, { MONGODB_URL: url, PRESENCE_GRACE_MS: 0 })
  for (const operation of OPERATIONS) {
    const [anna, bert, carl] = await Promise.all([register(app), register(app), register(app)])
    const people = { anna, bert, carl }
    await app.messageLog.append({ sender: anna.id, reciver: bert.id, message: 'first' })
    for (const request of [operation.valid(people), ...operation.foreign?.(people) ?? []]) {
      await app.inject({ ...request, headers: { ...anna.headers, ...request.headers } })
    }
  }
  const [anna, bert] = await Promise.all([register(app), register(app)])
  const [annas, berts] = await Promise.all([connect(t, origin, anna), connect(t, origin, bert)])
  const conversation = conversationOf(anna.id, bert.id)
  const clientId = randomUUID()
  await annas.say(bert.id, 'hello', clientId)
  annas.send({ type: 'send', clientId, reciver: bert.id, message: 'hello' })
  await annas.until(() => annas.all('ack').length === 2 || undefined)
  while (app.conversations.pending > 0) await new Promise(resolve => { setImmediate(resolve) })
  await app.inject({ url: '/api/v1/conversations', headers: bert.headers })
  berts.send({ type: 'resume', have: { [conversation]: 0 } })
  berts.send({ type: 'read', conversation, seq: 1 })
  berts.send({ type: 'watch', users: [anna.id] })
  await berts.next('resumed')
  await annas.next('receipt')
  for (const query of ['', '?limit=1', '?after=1.' + conversation]) await app.inject({ url: `/api/v1/conversations${query}`, headers: bert.headers })
  await annas.close()
  await berts.next('presence')
  // Another process writes to the same conversation: its number is lost here, and looked up.
  const other = await build(t, { MONGODB_URL: url })
  await other.messageLog.append({ sender: bert.id, reciver: anna.id, message: 'from elsewhere' })
  await app.messageLog.append({ sender: bert.id, reciver: anna.id, message: 'and from here' })
  await app.conversations.since([anna.id, bert.id], new Date(0))
  await app.sessions.deleteExpired()

  t.ok(seen.size > 25, `${seen.size} different commands`)
  const names = new Set([...seen.values()].map(command => Object.keys(command)[0]))
  for (const name of ['find', 'update', 'delete', 'findAndModify', 'aggregate']) t.ok(names.has(name), name)
  if (process.env.MONGODB_URL) return
  for (const [shape, command] of seen) {
    const { queryPlanner } = await app.mongo.db!.command({ explain: command, verbosity: 'queryPlanner' })
    const plan = JSON.stringify(queryPlanner.winningPlan)
    if (!ALLOWED_SCANS.includes(shape)) t.notMatch(plan, /COLLSCAN|"SORT"/, `${shape}: ${plan}`)
  }
})
