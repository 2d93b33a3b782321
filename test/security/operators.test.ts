import tap, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { build } from '../helper.js'
import type { People } from './operation.js'
import { checkTable, OPERATIONS, people, send, type Request } from './operations.js'

/** What makes a query match everything, or run code, where it reaches one (OWASP NoSQL injection). */
const OPERATORS: unknown[] = [
  { $ne: null },
  { $gt: '' },
  { $regex: '.*' },
  { $where: 'sleep(1000)' },
  { $exists: true },
  { $in: [''] },
  { $or: [{}] },
  [{ $ne: null }],
  ['a', 'b'],
  { toString: 'a' },
  { length: 30 },
  0,
  true,
  null
]

tap.test('every documented operation is in the table of attacks', async t => {
  const app = await build(t)
  await checkTable(t, app)
})

/** Asks as Anna; the answer must be a 400. */
async function refused (t: Test, app: App, request: Request, by: People, name: string) {
  const response = await send(app, request, by.anna)
  t.equal(response.statusCode, 400, name)
  return response.json()
}

async function attackFields (t: Test, app: App, request: Request, by: People): Promise<void> {
  for (const [field, value] of Object.entries(request.payload ?? {})) {
    for (const operator of OPERATORS) {
      // A list is an object too, but none of these is a list of ids.
      if (typeof operator === typeof value && typeof value !== 'object') continue
      const attack = { ...request, payload: { ...request.payload, [field]: operator } }
      const { errorMessages } = await refused(t, app, attack, by, `${field} ${JSON.stringify(operator)}`)
      t.equal(errorMessages[0].path.split('.')[0], field)
    }
  }
}

async function attackQuery (t: Test, app: App, request: Request, by: People): Promise<void> {
  for (const name of [...Object.keys(request.query ?? {}), 'sender', 'x']) {
    const attacks = [`${name}[$ne]=x`, `${name}[$gt]=`, `${name}.$regex=.*`, `${name}[]=1&${name}[]=2`]
    for (const query of [...attacks, '$where=1']) {
      await refused(t, app, { ...request, url: `${request.url}?${query}`, query: {} }, by, `?${query}`)
    }
  }
}

async function attackParameters (t: Test, app: App, request: Request, by: People): Promise<void> {
  const steps = request.url.split('/')
  // Ids, numbers of messages, and emoji.
  const parameters = steps.flatMap((step, at) => (/^[0-9a-f:]{24,}$|^\d+$|%/.test(step) ? [at] : []))
  for (const at of parameters) {
    for (const operator of ['[$ne]=x', '{"$ne":null}', '%7B%22$ne%22:null%7D', "'||'1'=='1", '*', '.*']) {
      const url = steps.with(at, encodeURIComponent(operator)).join('/')
      await refused(t, app, { ...request, url }, by, `${operator} in place of ${steps[at]}`)
    }
  }
}

tap.test('an operator in place of a field, a parameter or a query value is a 400', async t => {
  const app = await build(t)
  const all = await people(app)
  const users = () => collection(app, 'users').countDocuments({})
  for (const { id, valid } of OPERATIONS) {
    await t.test(id, async t => {
      const request = valid(all)
      const before = await users()
      await attackFields(t, app, request, all)
      await attackQuery(t, app, request, all)
      await attackParameters(t, app, request, all)
      t.equal(await users(), before, 'nothing was stored')
    })
  }
})

tap.test('operators beside the fields have no effect', async t => {
  const app = await build(t)
  const { anna } = await people(app)
  for (const extra of [{ $or: [{}] }, { $where: '1' }, { 'password.$ne': 1 }, { 'username[$ne]': 1 }]) {
    const response = await send(app, {
      method: 'POST',
      url: '/api/v1/user/login',
      payload: { username: anna.username, password: 'wrong password', ...extra }
    })
    t.equal(response.statusCode, 401)
  }
})

tap.test('text that looks like an operator is only text', async t => {
  const app = await build(t)
  const { anna, bert } = await people(app)
  const message = '{"$ne":null}; db.users.drop()'
  const response = await send(
    app,
    { method: 'POST', url: '/api/v1/addmsg', payload: { message, sender: anna.id, reciver: bert.id } },
    anna
  )
  t.strictSame([response.statusCode, response.json().data.message], [201, message])
  t.equal(
    (
      await send(app, {
        method: 'POST',
        url: '/api/v1/user/login',
        payload: { username: '{"$gt":""}', password: '{"$gt":""}' }
      })
    ).statusCode,
    401
  )
})
