import tap from 'tap'
import { collection } from '../../src/database/documents.js'
import { build } from '../helper.js'
import { checkTable, OPERATIONS, people, send } from './operations.js'

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

for (const { id, valid } of OPERATIONS) {
  tap.test(`${id}: an operator in place of a field, a parameter or a query value is a 400`, async t => {
    const app = await build(t)
    const all = await people(app)
    const request = valid(all)
    const before = await collection(app, 'users').countDocuments({})

    for (const [field, value] of Object.entries(request.payload ?? {})) {
      for (const operator of OPERATORS) {
        // A list is an object too, but none of these is a list of ids.
        if (typeof operator === typeof value && typeof value !== 'object') continue
        const response = await send(
          app,
          { ...request, payload: { ...request.payload, [field]: operator } },
          all.anna
        )
        t.equal(response.statusCode, 400, `${field} ${JSON.stringify(operator)}`)
        t.equal(response.json().errorMessages[0].path.split('.')[0], field)
      }
    }
    for (const name of [...Object.keys(request.query ?? {}), 'sender', 'x']) {
      for (const query of [
        `${name}[$ne]=x`,
        `${name}[$gt]=`,
        `${name}.$regex=.*`,
        `${name}[]=1&${name}[]=2`,
        '$where=1'
      ]) {
        const response = await send(app, { ...request, url: `${request.url}?${query}`, query: {} }, all.anna)
        t.equal(response.statusCode, 400, `?${query}`)
      }
    }
    const steps = request.url.split('/')
    // Ids, numbers of messages, and emoji.
    const parameters = steps.flatMap((step, at) => (/^[0-9a-f:]{24,}$|^\d+$|%/.test(step) ? [at] : []))
    for (const at of parameters) {
      for (const operator of ['[$ne]=x', '{"$ne":null}', '%7B%22$ne%22:null%7D', "'||'1'=='1", '*', '.*']) {
        const response = await send(
          app,
          { ...request, url: steps.with(at, encodeURIComponent(operator)).join('/') },
          all.anna
        )
        t.equal(response.statusCode, 400, `${operator} in place of ${steps[at]}`)
      }
    }
    t.equal(await collection(app, 'users').countDocuments({}), before, 'nothing was stored')
  })
}

tap.test('operators beside the fields change nothing', async t => {
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
