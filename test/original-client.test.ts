/**
 * A client written only from the original README: it keeps cookies, as browsers and Postman do,
 * knows nothing of tokens,
 * and reads a conversation by GET with a body. Its samples are the README's own.
 */
import { request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { listen, Socket } from './helper.js'

const EMOJI = 'ZWJ 👨‍👩‍👧‍👦 🏳️‍🌈 👩🏽‍🚀, flags 🇧🇩 🏴󠁧󠁢󠁳󠁣󠁴󠁿, skin tones 👋🏿, keycap 1️⃣'

class OriginalClient {
  readonly #origin: string
  #cookies = ''

  constructor (origin: string) {
    this.#origin = origin
  }

  get cookie (): string {
    return this.#cookies
  }

  /** fetch refuses a GET with a body; Postman and axios on Node send one. */
  async call (
    method: string,
    path: string,
    body?: object
  ): Promise<{ status: number; body: Record<string, never> & { data: never } }> {
    return await new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body)
      const request = httpRequest(
        `${this.#origin}/${path}`,
        {
          method,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
            ...(this.#cookies === '' ? {} : { cookie: this.#cookies })
          }
        },
        response => {
          for (const cookie of response.headers['set-cookie'] ?? []) this.#cookies = cookie.split(';')[0]!
          let answer = ''
          response
            .setEncoding('utf8')
            .on('data', chunk => {
              answer += chunk
            })
            .on('end', () => {
              resolve({ status: response.statusCode!, body: JSON.parse(answer) })
            })
        }
      )
      request.on('error', reject)
      request.end(text)
    })
  }
}

const MUELLER = {
  username: 'Müller',
  email: 'mueller@example.org',
  password: '12345678',
  avatarImage: '',
  isAvatarImageSet: false
}
const ANNA = { ...MUELLER, username: 'Anna', email: 'anna@example.org' }

interface Account {
  _id: string
}

async function registerBoth (t: Test, first: OriginalClient, second: OriginalClient): Promise<void> {
  const registered = await first.call('POST', 'api/v1/user/register', MUELLER)
  t.equal(registered.status, 201)
  const data = { ...MUELLER, password: '' }
  t.match(registered.body, { status: 'success', message: 'Data Inserted', data })
  t.equal((await second.call('POST', 'api/v1/user/register', ANNA)).status, 201)
}

async function logIn (t: Test, client: OriginalClient, username: string): Promise<Account> {
  const { status, body } = await client.call('POST', 'api/v1/user/login', { username, password: '12345678' })
  t.equal(status, 200)
  const data = { username, password: '', isAvatarImageSet: false }
  t.match(body, { status: 'success', message: 'Data Retrived', data })
  return body.data
}

async function setAvatar (t: Test, client: OriginalClient, { _id }: Account): Promise<void> {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">' +
    '<circle cx="5" cy="5" r="4" fill="gold"/></svg>'
  const avatarImage = Buffer.from(svg).toString('base64')
  const { status, body } = await client.call('POST', `api/v1/setAvatar/${_id}`, { _id, avatarImage })
  t.equal(status, 200)
  t.match(body, { success: 'success', message: 'Avatar Image set successfully' })
}

async function listUsers (t: Test, client: OriginalClient, me: Account, other: Account): Promise<void> {
  const { status, body } = await client.call('GET', `api/v1/allusers/${me._id}`)
  t.equal(status, 200)
  t.match(body, {
    success: 'success',
    message: 'All Uers retrived successfully',
    data: [{ _id: other._id, username: 'Müller', isAvatarImageSet: true }]
  })
}

t.test('a client of the original README registers, logs in, sets an avatar, lists, sends, reads', async t => {
  const { origin } = await listen(t)
  const [first, second] = [new OriginalClient(origin), new OriginalClient(origin)]
  await registerBoth(t, first, second)
  const me = await logIn(t, first, 'Müller')
  const other = await logIn(t, second, 'Anna')
  await setAvatar(t, first, me)
  await listUsers(t, second, other, me)

  const url = `${origin.replace('http', 'ws')}/ws`
  const socket = new Socket(new WebSocket(url, { headers: { cookie: second.cookie } }))
  t.teardown(() => {
    socket.ws.terminate()
  })
  await socket.next('hello')
  const members = { sender: me._id, reciver: other._id }
  const sent = await first.call('POST', 'api/v1/addmsg', { message: EMOJI, ...members, createdAt: '' })
  t.equal(sent.status, 201)
  const answer = { success: 'success', message: 'Message sent successfully' }
  t.match(sent.body, { ...answer, data: { message: EMOJI, ...members } })
  const { message } = await socket.next('message')
  t.same(message, sent.body.data)
  t.same(Buffer.from(message.message), Buffer.from(EMOJI), 'byte for byte')

  const all = await second.call('GET', 'api/v1/getallmessages', members)
  t.equal(all.status, 200)
  t.match(all.body, { ...answer, data: [sent.body.data] })
})

t.test('errors have the documented shape', async t => {
  const { origin } = await listen(t)
  const client = new OriginalClient(origin)
  const person = { username: 'Müller', email: 'mueller@example.org', password: '12345678' }
  await client.call('POST', 'api/v1/user/register', person)
  const twice = await client.call('POST', 'api/v1/user/register', { ...person, username: 'Anna' })
  t.equal(twice.status, 409)
  t.match(twice.body, {
    success: false,
    message: /^E11000 duplicate key error collection/,
    errorMessages: [{ path: 'email', message: /email_1 dup key: \{ email: "mueller@example.org" \}/ }],
    stack: String
  })
})
