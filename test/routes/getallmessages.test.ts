import t from 'tap'
import { build, register } from '../helper.js'
import { range } from '../realtime/helper.js'
import { addmsg, getallmessages } from './messages.js'

const app = await build(t)
const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
for (let n = 1; n <= 25; n++) {
  await addmsg(app, n % 2 === 0 ? anna : ben, n % 2 === 0 ? ben : anna, `text ${n}`)
}
const seqs = (response: { json: () => { data: { seq: number }[] } }) =>
  response.json().data.map(message => message.seq)

t.test('by query, oldest first, the same for both members', async t => {
  const response = await getallmessages(app, anna, ben)
  t.equal(response.statusCode, 200)
  t.match(response.json(), { success: 'success', message: 'Message sent successfully', hasMore: false })
  t.same(seqs(response), range(1, 25))
  t.same((await getallmessages(app, ben, anna)).json(), response.json())
})

t.test('by a JSON body on GET, as the original documents it', async t => {
  const response = await app.inject({
    method: 'GET',
    url: '/api/v1/getallmessages',
    headers: anna.headers,
    payload: { sender: ben.id, reciver: anna.id }
  })
  t.equal(response.statusCode, 200)
  t.same(seqs(response), range(1, 25))
})

t.test('an empty body counts as none, whatever its type', async t => {
  for (const type of ['application/json', 'text/plain']) {
    const response = await app.inject({
      method: 'GET',
      url: '/api/v1/getallmessages',
      headers: { ...anna.headers, 'content-type': type },
      query: { sender: anna.id, reciver: ben.id }
    })
    t.equal(response.statusCode, 200, type)
  }
})

t.test('body and query that disagree: 400', async t => {
  const url = '/api/v1/getallmessages'
  const agreeing = await app.inject({
    method: 'GET',
    url,
    headers: anna.headers,
    query: { sender: anna.id, reciver: ben.id },
    payload: { sender: anna.id, reciver: ben.id }
  })
  t.equal(agreeing.statusCode, 200)
  const response = await app.inject({
    method: 'GET',
    url,
    headers: anna.headers,
    query: { sender: anna.id, reciver: ben.id },
    payload: { sender: anna.id, reciver: carl.id }
  })
  t.equal(response.statusCode, 400)
  t.match(response.json(), { message: /^Validation Error/, errorMessages: [{ path: 'reciver' }] })
})

t.test('no messages yet: 200 with []', async t => {
  const response = await getallmessages(app, anna, carl)
  t.equal(response.statusCode, 200)
  t.same(response.json(), {
    success: 'success',
    message: 'Message sent successfully',
    data: [],
    hasMore: false
  })
})

t.test(
  'paging: after=N gives N+1, N+2 …; before=N those just before N; hasMore tells whether it goes on',
  async t => {
    const page = async (query: Record<string, string>) => {
      const response = await getallmessages(app, anna, ben, query)
      return [seqs(response), response.json().hasMore]
    }
    t.same(await page({ after: '0', limit: '10' }), [range(1, 10), true])
    t.same(await page({ after: '15', limit: '10' }), [range(16, 25), false])
    t.same(await page({ after: '25' }), [[], false])
    t.same(await page({ before: '11', limit: '4' }), [range(7, 10), true])
    t.same(await page({ before: '5', limit: '10' }), [range(1, 4), false])
    t.same(await page({ limit: '3' }), [range(23, 25), true])
  }
)

t.test('looping on after from 0 fetches a whole conversation with no gap', async t => {
  const all: number[] = []
  for (let more = true; more;) {
    const response = await getallmessages(app, anna, ben, { after: String(all.at(-1) ?? 0), limit: '7' })
    all.push(...seqs(response))
    more = response.json().hasMore
  }
  t.same(all, range(1, 25))
})

t.test('the caller must be sender or reciver: 403', async t => {
  const response = await app.inject({
    method: 'GET',
    url: '/api/v1/getallmessages',
    headers: carl.headers,
    query: { sender: anna.id, reciver: ben.id }
  })
  t.equal(response.statusCode, 403)
  t.match(response.json(), { message: /^Forbidden/ })
})

t.test('refuses what is not valid, naming the field', async t => {
  const cases: [Record<string, string>, RegExp, string][] = [
    [{ sender: 'x' }, /^Cast Error/, 'sender'],
    [{ after: 'x' }, /^Validation Error/, 'after'],
    [{ after: '-1' }, /^Validation Error/, 'after'],
    [{ after: '1.5' }, /^Validation Error/, 'after'],
    [{ limit: '0' }, /^Validation Error/, 'limit'],
    [{ limit: '1001' }, /^Validation Error/, 'limit'],
    [{ after: '1', before: '3' }, /^Validation Error/, 'before'],
    [{ colour: 'red' }, /^Validation Error/, 'colour']
  ]
  for (const [query, message, path] of cases) {
    const response = await getallmessages(app, anna, ben, query)
    t.equal(response.statusCode, 400, JSON.stringify(query))
    t.match(response.json(), { success: false, message, errorMessages: [{ path }] }, JSON.stringify(query))
  }
  const missing = await app.inject({
    method: 'GET',
    url: '/api/v1/getallmessages',
    headers: anna.headers,
    query: { sender: anna.id }
  })
  t.match(missing.json(), { message: /^Validation Error/, errorMessages: [{ path: 'reciver' }] })
})
