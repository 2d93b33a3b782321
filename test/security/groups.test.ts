/** Attacks on groups, changes and blocks, over each new route and frame. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { collection } from '../../src/database/documents.js'
import { costOfFanOut } from '../../src/realtime/frame-costs.js'
import { build, connect, listen } from '../helper.js'
import { call, changes, crowd, history, newGroup, react, say } from '../groups.js'

const SCRIPT = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
const base64 = (text: string) => Buffer.from(text).toString('base64')

t.test('a stranger reaches no group over any route: 404, and nothing changes', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const id = await newGroup(app, anna!, [ben!], { name: 'Secret society' })
  await say(app, anna!, id, 'secret text')
  const before = JSON.stringify((await changes(app, anna!, id)).data)
  const [group, talk] = [`/groups/${id}`, `/conversations/${id}`]
  const thumb = encodeURIComponent('👍')
  const attacks: [Parameters<typeof call>[2], string, object?][] = [
    ['GET', group], ['PATCH', group, { name: 'Mine' }], ['POST', `${group}/members`, { user: carl!.id }],
    ['PATCH', `${group}/members/${carl!.id}`, { role: 'owner' }], ['DELETE', `${group}/members/${ben!.id}`],
    ['DELETE', `${group}/members/${carl!.id}`], ['GET', `${talk}/messages`], ['GET', `${talk}/changes`],
    ['POST', `${talk}/messages`, { message: 'x' }], ['PATCH', `${talk}/messages/1`, { message: 'x' }],
    ['DELETE', `${talk}/messages/1`], ['PUT', `${talk}/messages/1/reactions/${thumb}`],
    ['DELETE', `${talk}/messages/1/reactions/${thumb}`], ['POST', `${talk}/read`, { seq: 1 }]
  ]
  for (const [method, path, payload] of attacks) {
    const { status, body } = await call(app, carl!, method, path, payload)
    t.equal(status, 404, `${method} ${path}`)
    t.notMatch(JSON.stringify(body), /Secret society|secret text/)
    const anonymous = await call(app, { headers: { authorization: 'Bearer x' } }, method, path, payload)
    t.equal(anonymous.status, 401, `${method} ${path} without a session`)
  }
  t.equal(JSON.stringify((await changes(app, anna!, id)).data), before)
})

t.test('a stranger reaches no group over any frame: not_found, and members hear nothing', async t => {
  const { app, origin } = await listen(t)
  const [anna, carl] = await crowd(app, 2)
  const conversation = await newGroup(app, anna!, [])
  await say(app, anna!, conversation, 'secret text')
  const [annas, carls] = [await connect(t, origin, anna!), await connect(t, origin, carl!)]
  const frames = [
    { type: 'send', message: 'x' }, { type: 'edit', seq: 1, message: 'x' }, { type: 'delete', seq: 1 },
    { type: 'react', seq: 1, emoji: '👍', on: true }
  ]
  for (const frame of frames) {
    const clientId = randomUUID()
    carls.send({ ...frame, conversation, clientId })
    t.match(await carls.next('error'), { code: 'not_found', clientId }, frame.type)
  }
  for (const type of ['read', 'delivered']) {
    carls.send({ type, conversation, seq: 1 })
    t.match(await carls.next('error'), { code: 'not_found' }, type)
  }
  carls.send({ type: 'typing', conversation, on: true })
  await carls.roundTrip()
  await annas.roundTrip()
  t.same([annas.all('typing'), annas.all('change'), annas.all('receipt')], [[], [], []])
  t.notMatch(JSON.stringify(carls.frames), /secret/)
})

t.test('operators, objects and prototype keys in place of a value are 400', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, anna!, id, 'text')
  const requests: [Parameters<typeof call>[2], string, Record<string, unknown>][] = [
    ['POST', '/groups', { name: 'Name', members: [], history: 'all', clientId: randomUUID() }],
    ['PATCH', `/groups/${id}`, { name: 'Name' }], ['PATCH', `/groups/${id}`, { avatarImage: '' }],
    ['POST', `/groups/${id}/members`, { user: ben!.id, role: 'member' }],
    ['PATCH', `/groups/${id}/members/${ben!.id}`, { role: 'admin' }],
    ['POST', `/conversations/${id}/messages`, { message: 'x', replyTo: 1, clientId: randomUUID() }],
    ['PATCH', `/conversations/${id}/messages/1`, { message: 'x', clientId: randomUUID() }]
  ]
  for (const [method, path, payload] of requests) {
    for (const field of Object.keys(payload)) {
      for (const operator of [{ $ne: null }, { $gt: '' }, [{ $ne: null }], { toString: 'a' }, true, null]) {
        const { status } = await call(app, anna!, method, path, { ...payload, [field]: operator })
        t.equal(status, 400, `${method} ${path} ${field} ${JSON.stringify(operator)}`)
      }
    }
    const polluted = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers: { ...anna!.headers, 'content-type': 'application/json' },
      payload: '{"__proto__":{"role":"owner"}}'
    })
    t.equal(polluted.statusCode, 400, `${method} ${path}`)
  }
  for (const path of [`/conversations/${id}/changes?after[$gt]=0`, '/groups/[$ne]', '/user/blocks/[$ne]']) {
    t.equal((await call(app, anna!, path.includes('blocks') ? 'PUT' : 'GET', path)).status, 400, path)
  }
  t.equal(await collection(app, 'users').countDocuments({}), 2)
})

t.test('names and emoji that attack are refused or kept as plain text', async t => {
  const app = await build(t)
  const [anna] = await crowd(app, 1)
  const id = await newGroup(app, anna!, [])
  await say(app, anna!, id, 'text')
  const name = async (text: string) => await call(app, anna!, 'PATCH', `/groups/${id}`, { name: text })
  t.equal((await name('lone \udc00')).status, 400)
  t.equal((await name('\u2003\n')).status, 400)
  t.equal((await name('<script>alert(1)</script>')).data.name, '<script>alert(1)</script>')
  const bombs = ['👍'.repeat(17), `👨${'\u200d👩'.repeat(8)}`, `👍${'\u0301'.repeat(15)}`, '\u202e👍',
    '__proto__', 'constructor', '$set', 'a.b', '\u0000', `e${'\ufe0f'.repeat(5)}`]
  for (const emoji of bombs) {
    t.equal((await react(app, anna!, id, 1, emoji)).status, 400, JSON.stringify(emoji))
  }
  t.notOk('reactions' in (await history(app, anna!, id)).data[0])
  for (const picture of [base64(SCRIPT), 'data:text/html,x', base64('<svg'), base64('<svg onload="x()"/>')]) {
    const { status, path } = await call(app, anna!, 'PATCH', `/groups/${id}`, { avatarImage: picture })
    t.same([status, path], [400, 'avatarImage'], picture)
  }
})

t.test('a flood of reactions stores each effect once, and revs stay without a gap', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  await say(app, anna!, id, 'text')
  const flood = Array.from({ length: 200 }, (_, n) => n % 2 === 0 ? anna! : ben!)
  await Promise.all(flood.map(async person => await react(app, person, id, 1, '👍')))
  const { data } = await changes(app, ben!, id)
  t.same(data.map((frame: any) => frame.rev ?? frame.message.rev), data.map((_: unknown, n: number) => n + 1))
  const users = (await history(app, ben!, id)).data[0].reactions['👍']
  t.same([...users].sort(), [anna!.id, ben!.id].sort())
})

t.test('large groups cost their creator requests, and each message to them units of frames', async t => {
  const app = await build(t, { HTTP_RATE: 10 })
  const [anna, ben] = await crowd(app, 2)
  const members = Array.from({ length: 1_000 }, () => ben!.id)
  const create = async () => await call(app, anna!, 'POST', '/groups', { name: 'Many names', members })
  t.equal((await create()).status, 201)
  t.equal((await create()).status, 429, 'the first one cost as much as 250 requests')
  t.same([costOfFanOut(2), costOfFanOut(9), costOfFanOut(500)], [0, 0, 50])
})
