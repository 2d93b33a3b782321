import { connect as dial } from 'node:net'
import { text } from 'node:stream/consumers'
import tap, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { connect, listen } from '../helper.js'
import { OPERATIONS, people, send, type Request } from './operations.js'

/** Stack frames, paths of the file system, hashes, names of packages and collections' internals. */
const LEAKS = [
  /\n\s*at |"stack"/,
  /file:\/\//,
  /node_modules|node:internal/,
  /\/(?:tmp|home|root|usr|var|work|opt|srv|etc)\//,
  /[A-Z]:\\\\/,
  /\$argon2/,
  /\bm=19456\b/,
  /Mongo|BSON|E11000.*(?:Key_1|\bchat\.|test-)/,
  /usernameKey|emailKey/
]

function checkAnswer (t: Test, name: string, body: string): void {
  for (const leak of LEAKS) {
    if (leak.test(body)) t.fail(`${name}: ${leak.toString()} in ${body.slice(0, 300)}`)
  }
}

/** A request in all the ways in which it can be wrong. */
function variants (request: Request): Request[] {
  const wrong: unknown[] = [undefined, null, 0, '', 'x', '\uD800', 'x'.repeat(50_000), { $ne: null }, ['x']]
  return [
    request,
    { ...request, query: { unknown: '1' } },
    { ...request, payload: '{' as never, headers: { 'content-type': 'application/json' } },
    { ...request, payload: 'x' as never, headers: { 'content-type': 'text/plain' } },
    { ...request, url: request.url.replace(/[0-9a-f]{24}/, 'x') },
    { ...request, url: `${request.url}/%00/..%2f..%2fetc/passwd` },
    ...Object.keys(request.payload ?? {}).flatMap(field =>
      wrong.map(value => ({ ...request, payload: { ...request.payload, [field]: value } }))
    ),
    ...Object.keys(request.query ?? {}).flatMap(name =>
      ['', 'x', '-1', '1e99'].map(value => ({ ...request, query: { ...request.query, [name]: value } }))
    )
  ]
}

async function production (t: Test) {
  const { app, origin } = await listen(t, { NODE_ENV: 'production' })
  return { app, origin, all: await people(app) }
}

tap.test(
  'with NODE_ENV=production no answer contains a stack, a path of the file system or a hash',
  async t => {
    const { app, all } = await production(t)
    let answers = 0
    const statuses = new Set<number>()
    for (const { id, valid } of OPERATIONS) {
      for (const request of variants(valid(all))) {
        for (const person of [all.bert, undefined]) {
          const response = await send(app, request, person)
          checkAnswer(t, id, response.body)
          statuses.add(response.statusCode)
          answers++
        }
      }
    }
    t.ok(answers > 400, `${answers} answers`)
    for (const status of [200, 201, 400, 401, 403, 404, 415]) {
      t.ok(statuses.has(status), `${status} was among them`)
    }
    t.notOk(
      [...statuses].some(status => status >= 500),
      [...statuses].join()
    )
  }
)

tap.test(
  'an internal failure is a 500 without details, and the log has the cause',
  async t => {
    const { app, origin, all } = await production(t)
    const secret = `cannot read ${import.meta.filename}: $argon2id$v=19$m=19456`
    app.accounts.exists = async () => {
      throw new Error(secret)
    }
    const response = await send(app, OPERATIONS.find(({ id }) => id === 'addmsg')!.valid(all), all.anna)
    t.equal(response.statusCode, 500)
    t.strictSame(response.json(), {
      success: false,
      message: 'Internal Server Error: the server failed; the log has the details',
      errorMessages: [{ path: '', message: 'the server failed; the log has the details' }]
    })
    const socket = await connect(t, origin, all.anna)
    socket.send({
      type: 'send',
      clientId: '7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b',
      reciver: all.bert.id,
      message: 'hello'
    })
    const frame = await socket.next('error')
    t.equal(frame.code, 'internal')
    checkAnswer(t, 'frame', JSON.stringify(frame))
  }
)

tap.test('errors for malformed frames contain no stack, path or hash', async t => {
  const { origin, all } = await production(t)
  const socket = await connect(t, origin, all.anna)
  for (const frame of [
    '{',
    'null',
    '[]',
    '{"type":"x"}',
    '{"type":"constructor"}',
    '{"type":"send"}',
    '{"type":"resume","have":{"__proto__":1}}'
  ]) {
    socket.send(frame)
    checkAnswer(t, frame, JSON.stringify(await socket.next('error')))
  }
  t.equal(socket.all('error').length, 7)
})

tap.test("refusals by Node's HTTP parser contain none either; no answer names the software", async t => {
  const { origin } = await production(t)
  const { hostname, port } = new URL(origin)
  for (const bytes of [
    '\x16\x03\x01',
    'GET /%c0%af HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'
  ]) {
    const socket = dial(Number(port), hostname)
    socket.end(bytes)
    const answer = await text(socket)
    checkAnswer(t, bytes, answer)
    t.notMatch(answer, /fastify|express|node\.js|x-powered-by|\nserver:/i)
  }
})

tap.test('outside production the stack is there, so the tests above would find it', async t => {
  const { app } = (await listen(t)) as { app: App }
  const response = await app.inject('/nothing')
  t.ok(LEAKS.some(leak => leak.test(response.body)))
})
