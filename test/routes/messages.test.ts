import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { App } from '../../src/app.js'
import { append, build, conversationOf, register, type Person } from '../helper.js'

/** ZWJ sequences, flags, skin tones, keycaps, combining marks, right-to-left, beyond the BMP. */
const EMOJI = '👨‍👩‍👧‍👦 🇧🇩 👋🏽 1️⃣ é שלום 𝒳 🏳️‍🌈'

function addmsg (app: App, from: Person, to: { id: string }, message: unknown, more: object = {}) {
  return app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: from.headers, payload: { message, sender: from.id, reciver: to.id, ...more } })
}

function getallmessages (app: App, me: Person, other: { id: string }, query: Record<string, string> = {}) {
  return app.inject({ method: 'GET', url: '/api/v1/getallmessages', headers: me.headers, query: { sender: me.id, reciver: other.id, ...query } })
}

t.test('addmsg', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])

  await t.test('answers 201 with the stored message, emoji byte for byte', async t => {
    const createdAt = '2024-01-31T12:00:00+06:00'
    const clientId = randomUUID()
    const response = await addmsg(app, anna, ben, EMOJI, { createdAt, clientId: clientId.toUpperCase() })
    t.equal(response.statusCode, 201)
    const { success, message, data } = response.json()
    t.same([success, message], ['success', 'Message sent successfully'])
    t.match(data._id, /^[0-9a-f]{24}$/)
    t.same({ ...data, _id: '' }, { _id: '', conversation: conversationOf(anna.id, ben.id), seq: 1, rev: 1, message: EMOJI, sender: anna.id, reciver: ben.id, createdAt, clientId })
  })

  await t.test('createdAt "" counts as absent: the server gives its time', async t => {
    const before = Date.now()
    const { createdAt, clientId } = (await addmsg(app, anna, ben, 'hi', { createdAt: '' })).json().data
    t.ok(Date.parse(createdAt) >= before && Date.parse(createdAt) <= Date.now())
    t.equal(clientId, undefined, 'the hidden clientId stays hidden')
  })

  await t.test('one may write to oneself: a conversation with one member', async t => {
    const { data } = (await addmsg(app, anna, anna, 'note')).json()
    t.equal(data.conversation, `${anna.id}:${anna.id}`)
    t.equal(data.seq, 1)
  })

  await t.test('a clientId makes sending idempotent; with another text it is 409', async t => {
    const clientId = randomUUID()
    const first = await addmsg(app, anna, ben, 'once', { clientId })
    const again = await addmsg(app, anna, ben, 'once', { clientId: clientId.toUpperCase() })
    t.equal(again.statusCode, 201)
    t.same(again.json(), first.json())
    const other = await addmsg(app, anna, ben, 'twice', { clientId })
    t.equal(other.statusCode, 409)
    t.match(other.json(), { success: false, message: /^Conflict/, errorMessages: [{ path: 'clientId' }] })
    t.equal((await addmsg(app, ben, anna, 'mine', { clientId })).statusCode, 201, "the other member's clientIds are its own")
    t.equal((await addmsg(app, anna, carl, 'there', { clientId })).statusCode, 201, 'so are those of another conversation')
  })

  await t.test('the same clientId 50 times in parallel: one message, 50 equal answers', async t => {
    const clientId = randomUUID()
    const answers = await Promise.all(Array.from({ length: 50 }, () => addmsg(app, anna, carl, 'parallel', { clientId })))
    t.equal(new Set(answers.map(answer => answer.body)).size, 1)
    t.equal(answers[0]!.statusCode, 201)
    const stored = (await getallmessages(app, carl, anna)).json().data.filter((message: { clientId?: string }) => message.clientId === clientId)
    t.equal(stored.length, 1)
  })

  await t.test('refuses what is not valid, naming the field', async t => {
    const cases: [string, object, RegExp, string][] = [
      ['empty text', { message: '' }, /^Validation Error/, 'message'],
      ['white space only', { message: ' \n\t\u3000' }, /^Validation Error/, 'message'],
      ['10,001 code points', { message: '😀'.repeat(10_001) }, /^Validation Error/, 'message'],
      ['a lone surrogate', { message: 'a\ud800b' }, /^Validation Error/, 'message'],
      ['a number is not coerced', { message: 5 }, /^Validation Error/, 'message'],
      ['an object', { message: { $gt: '' } }, /^Validation Error/, 'message'],
      ['no text', { message: undefined }, /^Validation Error/, 'message'],
      ['a receiver that is not an ObjectId', { reciver: 'ben' }, /^Cast Error/, 'reciver'],
      ['upper-case hex', { reciver: 'A'.repeat(24) }, /^Cast Error/, 'reciver'],
      ['a receiver that is not a string', { reciver: { $ne: null } }, /^Validation Error/, 'reciver'],
      ['no receiver', { reciver: undefined }, /^Validation Error/, 'reciver'],
      ['no sender', { sender: undefined }, /^Validation Error/, 'sender'],
      ['a clientId that is no UUID', { clientId: 'x' }, /^Validation Error/, 'clientId'],
      ['a time without zone', { createdAt: '2024-01-31T12:00:00' }, /^Validation Error/, 'createdAt'],
      ['a day that its month lacks', { createdAt: '2024-02-31T12:00:00Z' }, /^Validation Error/, 'createdAt'],
      ['a time in words', { createdAt: 'yesterday' }, /^Validation Error/, 'createdAt']
    ]
    for (const [name, change, message, path] of cases) {
      const response = await addmsg(app, anna, ben, 'text', change)
      t.equal(response.statusCode, 400, name)
      t.match(response.json(), { success: false, message, errorMessages: [{ path }] }, name)
    }
  })

  await t.test('10,000 code points are a message, whatever their bytes', async t => {
    const text = '😀'.repeat(10_000)
    const response = await addmsg(app, anna, ben, text)
    t.equal(response.statusCode, 201)
    t.equal(response.json().data.message, text)
  })

  await t.test('unknown body properties are ignored', async t => {
    t.equal((await addmsg(app, anna, ben, 'more', { colour: 'red' })).statusCode, 201)
  })

  await t.test('sender must be the caller: 403', async t => {
    const response = await addmsg(app, anna, ben, 'as ben', { sender: ben.id })
    t.equal(response.statusCode, 403)
    t.match(response.json(), { success: false, message: /^Forbidden/, errorMessages: [{ path: 'sender' }] })
  })

  await t.test('an unknown receiver: 404', async t => {
    const response = await addmsg(app, anna, { id: 'f'.repeat(24) }, 'hello?')
    t.equal(response.statusCode, 404)
    t.match(response.json(), { success: false, message: /^Not Found/, errorMessages: [{ path: 'reciver' }] })
  })

  await t.test('without a session: 401 that says how to get one', async t => {
    const response = await app.inject({ method: 'POST', url: '/api/v1/addmsg', payload: { message: 'x', sender: anna.id, reciver: ben.id } })
    t.equal(response.statusCode, 401)
    t.match(response.json(), { success: false, message: /^Unauthorized.*login/ })
  })
})

t.test('getallmessages', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await Promise.all([register(app), register(app), register(app)])
  for (let n = 1; n <= 25; n++) await addmsg(app, n % 2 === 0 ? anna : ben, n % 2 === 0 ? ben : anna, `text ${n}`)
  const seqs = (response: { json: () => { data: { seq: number }[] } }) => response.json().data.map(message => message.seq)
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

  await t.test('by query, oldest first, the same for both members', async t => {
    const response = await getallmessages(app, anna, ben)
    t.equal(response.statusCode, 200)
    t.match(response.json(), { success: 'success', message: 'Message sent successfully', hasMore: false })
    t.same(seqs(response), range(1, 25))
    t.same((await getallmessages(app, ben, anna)).json(), response.json())
  })

  await t.test('by a JSON body on GET, as the original documents it', async t => {
    const response = await app.inject({ method: 'GET', url: '/api/v1/getallmessages', headers: anna.headers, payload: { sender: ben.id, reciver: anna.id } })
    t.equal(response.statusCode, 200)
    t.same(seqs(response), range(1, 25))
  })

  await t.test('an empty body counts as none, whatever its type', async t => {
    for (const type of ['application/json', 'text/plain']) {
      const response = await app.inject({ method: 'GET', url: '/api/v1/getallmessages', headers: { ...anna.headers, 'content-type': type }, query: { sender: anna.id, reciver: ben.id } })
      t.equal(response.statusCode, 200, type)
    }
  })

  await t.test('body and query that disagree: 400', async t => {
    const url = '/api/v1/getallmessages'
    const agreeing = await app.inject({ method: 'GET', url, headers: anna.headers, query: { sender: anna.id, reciver: ben.id }, payload: { sender: anna.id, reciver: ben.id } })
    t.equal(agreeing.statusCode, 200)
    const response = await app.inject({ method: 'GET', url, headers: anna.headers, query: { sender: anna.id, reciver: ben.id }, payload: { sender: anna.id, reciver: carl.id } })
    t.equal(response.statusCode, 400)
    t.match(response.json(), { message: /^Validation Error/, errorMessages: [{ path: 'reciver' }] })
  })

  await t.test('no messages yet: 200 with []', async t => {
    const response = await getallmessages(app, anna, carl)
    t.equal(response.statusCode, 200)
    t.same(response.json(), { success: 'success', message: 'Message sent successfully', data: [], hasMore: false })
  })

  await t.test('paging: after=N gives N+1, N+2 …; before=N those just before N; hasMore tells whether it goes on', async t => {
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
  })

  await t.test('looping on after from 0 fetches a whole conversation with no gap', async t => {
    const all: number[] = []
    for (let more = true; more;) {
      const response = await getallmessages(app, anna, ben, { after: String(all.at(-1) ?? 0), limit: '7' })
      all.push(...seqs(response))
      more = response.json().hasMore
    }
    t.same(all, range(1, 25))
  })

  await t.test('the caller must be sender or reciver: 403', async t => {
    const response = await app.inject({ method: 'GET', url: '/api/v1/getallmessages', headers: carl.headers, query: { sender: anna.id, reciver: ben.id } })
    t.equal(response.statusCode, 403)
    t.match(response.json(), { message: /^Forbidden/ })
  })

  await t.test('refuses what is not valid, naming the field', async t => {
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
    const missing = await app.inject({ method: 'GET', url: '/api/v1/getallmessages', headers: anna.headers, query: { sender: anna.id } })
    t.match(missing.json(), { message: /^Validation Error/, errorMessages: [{ path: 'reciver' }] })
  })
})

t.test('without paging: the newest 1,000 messages, oldest of them first, hasMore where there are older ones', async t => {
  const app = await build(t)
  const [anna, ben] = await Promise.all([register(app), register(app)])
  await Promise.all(Array.from({ length: 1005 }, (_, n) => append(app, { sender: anna.id, reciver: ben.id, message: `text ${n}` })))
  const { data, hasMore } = (await getallmessages(app, ben, anna)).json()
  t.equal(data.length, 1000)
  t.equal(data[0].seq, 6)
  t.equal(data.at(-1).seq, 1005)
  t.equal(hasMore, true)
})

t.test('pages of any texts end at 4 MiB of JSON, and a walk either way finds every message once', async t => {
  const app = await build(t)
  const anna = await register(app)
  /** Characters that take 1, 2, 4 and 6 bytes each in JSON. */
  const longest = ['x', '"', '👍', '\u0001'].map(character => 'x' + character.repeat(9_999))
  const texts = fc.array(fc.constantFrom('hi', ...longest), { minLength: 100, maxLength: 300, size: 'max' })
  await fc.assert(fc.asyncProperty(texts, fc.integer({ min: 50, max: 1000 }), async (texts, limit) => {
    const ben = await register(app)
    const members = { sender: anna.id, reciver: ben.id }
    await Promise.all(texts.map(message => append(app, { ...members, message })))
    const page = async (query: Record<string, string>) => {
      const response = await getallmessages(app, ben, anna, { ...query, limit: `${limit}` })
      const bytes = response.rawPayload.length
      t.ok(bytes <= 4 * 1024 * 1024 + 1024, `${bytes} bytes`)
      return response.json()
    }
    const up: number[] = []
    for (let more = true; more;) {
      const { data, hasMore } = await page({ after: `${up.at(-1) ?? 0}` })
      up.push(...data.map(({ seq }: { seq: number }) => seq))
      more = hasMore
    }
    t.same(up, texts.map((_, index) => index + 1))
    const down: number[] = []
    for (let more = true; more;) {
      const { data, hasMore } = await page(down.length === 0 ? {} : { before: `${down[0]}` })
      down.unshift(...data.map(({ seq }: { seq: number }) => seq))
      more = hasMore
    }
    t.same(down, texts.map((_, index) => index + 1))
  }), { numRuns: 5 })
})
