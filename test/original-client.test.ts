/**
 * A client written only from the original README: it keeps cookies, as browsers and Postman do,
 * knows nothing of tokens,
 * and reads a conversation by GET with a body. Its samples are the README's own.
 */
import { request as httpRequest } from 'node:http'
import t from 'tap'
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

t.test(
  'a client of the original README completes: register, log in, set avatar, list users, send, read',
  async t => {
    const { origin } = await listen(t)
    const [first, second] = [new OriginalClient(origin), new OriginalClient(origin)]

    const registered = await first.call('POST', 'api/v1/user/register', {
      username: 'Müller',
      email: 'mueller@example.org',
      password: '12345678',
      avatarImage: '',
      isAvatarImageSet: false
    })
    t.equal(registered.status, 201)
    t.match(registered.body, {
      status: 'success',
      message: 'Data Inserted',
      data: {
        username: 'Müller',
        email: 'mueller@example.org',
        password: '',
        avatarImage: '',
        isAvatarImageSet: false
      }
    })
    t.equal(
      (
        await second.call('POST', 'api/v1/user/register', {
          username: 'Anna',
          email: 'anna@example.org',
          password: '12345678',
          avatarImage: '',
          isAvatarImageSet: false
        })
      ).status,
      201
    )

    const me: { _id: string } = (
      await first.call('POST', 'api/v1/user/login', { username: 'Müller', password: '12345678' })
    ).body.data
    const login = await second.call('POST', 'api/v1/user/login', { username: 'Anna', password: '12345678' })
    t.equal(login.status, 200)
    t.match(login.body, {
      status: 'success',
      message: 'Data Retrived',
      data: { username: 'Anna', password: '', isAvatarImageSet: false }
    })
    const other: { _id: string } = login.body.data

    const avatarImage = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4" fill="gold"/></svg>'
    ).toString('base64')
    const avatar = await first.call('POST', `api/v1/setAvatar/${me._id}`, { _id: me._id, avatarImage })
    t.equal(avatar.status, 200)
    t.match(avatar.body, { success: 'success', message: 'Avatar Image set successfully' })

    const users = await second.call('GET', `api/v1/allusers/${other._id}`)
    t.equal(users.status, 200)
    t.match(users.body, {
      success: 'success',
      message: 'All Uers retrived successfully',
      data: [{ _id: me._id, username: 'Müller', isAvatarImageSet: true }]
    })

    const socket = new Socket(
      new WebSocket(`${origin.replace('http', 'ws')}/ws`, { headers: { cookie: second.cookie } })
    )
    t.teardown(() => {
      socket.ws.terminate()
    })
    await socket.next('hello')

    const sent = await first.call('POST', 'api/v1/addmsg', {
      message: EMOJI,
      sender: me._id,
      reciver: other._id,
      createdAt: ''
    })
    t.equal(sent.status, 201)
    t.match(sent.body, {
      success: 'success',
      message: 'Message sent successfully',
      data: { message: EMOJI, sender: me._id, reciver: other._id }
    })
    const { message } = await socket.next('message')
    t.same(message, sent.body.data)
    t.same(Buffer.from(message.message), Buffer.from(EMOJI), 'byte for byte')

    const all = await second.call('GET', 'api/v1/getallmessages', { sender: me._id, reciver: other._id })
    t.equal(all.status, 200)
    t.match(all.body, { success: 'success', message: 'Message sent successfully', data: [sent.body.data] })
  }
)

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
