import tap from 'tap'
import { build, connect, listen, register } from '../helper.js'
import { upgrade } from '../upgrade.js'
import { OPERATIONS, people, send, SVG } from './operations.js'

const EVIL = 'https://evil.example'

tap.test(
  'cross-site WebSocket: a page of another origin opens no socket, by cookie, subprotocol or header',
  async t => {
    const { app, origin } = await listen(t, { ALLOWED_ORIGINS: 'https://web.example.org' })
    const { token } = await register(app)
    const ways: [Record<string, string>, string[]][] = [
      [{ cookie: `session=${token}` }, []],
      [{}, ['chat.v1', `bearer.${token}`]],
      [{ authorization: `Bearer ${token}` }, []]
    ]
    for (const [headers, protocols] of ways) {
      for (const good of [origin, 'https://web.example.org']) {
        t.equal(await upgrade(t, origin, { ...headers, origin: good }, protocols), 101, good)
      }
      t.equal(await upgrade(t, origin, headers, protocols), 101, 'no browser')
      for (const bad of [
        EVIL,
        'null',
        'file://',
        'not an origin',
        origin.replace(/:\d+$/, ''),
        origin.replace(/\d$/, '0') + '1',
        `${origin}.evil.example`,
        `http://evil.example@${new URL(origin).host}.evil`,
        'http://web.example.org'
      ]) {
        t.equal(await upgrade(t, origin, { ...headers, origin: bad }, protocols), 403, bad)
      }
      t.equal(await upgrade(t, origin, { ...headers, 'sec-fetch-site': 'cross-site' }, protocols), 403)
    }
  }
)

tap.test('CSRF: with the cookie no page of another origin changes anything by any operation', async t => {
  const app = await build(t)
  const all = await people(app)
  const cookie = `session=${all.anna.token}`
  for (const { id, valid, public: open } of OPERATIONS) {
    const request = valid(all)
    if (open === true || request.method === 'GET') continue
    for (const headers of [
      { origin: EVIL },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' }
    ] as Record<string, string>[]) {
      t.equal(
        (await send(app, { ...request, headers: { cookie, ...headers } })).statusCode,
        403,
        `${id} ${JSON.stringify(headers)}`
      )
    }
  }
  t.equal(
    (await app.inject({ url: '/api/v1/user/me', headers: { cookie } })).statusCode,
    200,
    'the session is still open'
  )
})

tap.test('bodies that a form can send without a preflight are refused with 415', async t => {
  const app = await build(t)
  const { anna } = await people(app)
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'text/json'
  ]) {
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/user/login',
      headers: { 'content-type': type },
      payload: JSON.stringify({ username: anna.username, password: anna.password })
    })
    t.equal(response.statusCode, 415, type)
    t.equal(response.cookies.length, 0)
  }
})

const PAYLOADS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>',
  '"><script>alert(1)</script>',
  "'-alert(1)-'",
  'javascript:alert(1)',
  '<iframe src="javascript:alert(1)">',
  '<body onload=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<math><mtext></mtext></math>',
  '<details open ontoggle=alert(1)>',
  '<video><source onerror=alert(1)>',
  '{{constructor.constructor("alert(1)")()}}',
  '#{alert(1)}',
  '</title><script>alert(1)</script>',
  '<style>@import "//evil.example"</style>',
  '<object data="data:text/html,x">',
  '<!--><script>alert(1)</script>',
  '\u2028alert(1)//',
  '%3Cscript%3Ealert(1)%3C/script%3E'
]

tap.test('XSS by username: none of 20 payloads is accepted as a username', async t => {
  const app = await build(t)
  for (const [index, payload] of PAYLOADS.entries()) {
    const response = await send(app, {
      method: 'POST',
      url: '/api/v1/user/register',
      payload: { username: payload.slice(0, 30), email: `x${index}@example.org`, password: '12345678' }
    })
    t.equal(response.statusCode, 400, payload)
    // Where an answer repeats what was sent, it is JSON that no browser takes for a page.
    t.match(response.headers, { 'content-type': /^application\/json/, 'x-content-type-options': 'nosniff' })
  }
})

tap.test(
  'XSS by message: 20 payloads arrive as they were written, in JSON alone, over HTTP and socket',
  async t => {
    const { app, origin } = await listen(t)
    const { anna, bert } = await people(app)
    const socket = await connect(t, origin, bert)
    for (const message of PAYLOADS) {
      const response = await send(
        app,
        { method: 'POST', url: '/api/v1/addmsg', payload: { message, sender: anna.id, reciver: bert.id } },
        anna
      )
      t.equal(response.statusCode, 201)
      t.equal((await socket.next('message')).message.message, message)
    }
    const read = await send(
      app,
      { method: 'GET', url: '/api/v1/getallmessages', query: { sender: anna.id, reciver: bert.id } },
      bert
    )
    t.strictSame(
      read
        .json()
        .data.slice(1)
        .map((entry: { message: string }) => entry.message),
      PAYLOADS
    )
    t.match(read.headers, {
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': /default-src 'none'/
    })
  }
)

const svg = (inside: string, attributes = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"${attributes}>${inside}</svg>`
const AVATARS = [
  svg('<script>alert(1)</script>'),
  svg('', ' onload="alert(1)"'),
  svg('<circle r="1" onclick="alert(1)"/>'),
  svg('<foreignObject><b xmlns="http://www.w3.org/1999/xhtml">x</b></foreignObject>'),
  svg('<image href="https://evil.example/x.png"/>'),
  svg('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'),
  svg('<use xlink:href="https://evil.example/x.svg#a"/>'),
  svg('<a href="javascript:alert(1)"><circle r="1"/></a>'),
  svg('<style>@import url(https://evil.example)</style>'),
  svg('<circle r="1" style="fill:url(https://evil.example/x)"/>'),
  svg('<circle r="1" fill="url(//evil.example#a)"/>'),
  svg('<set attributeName="href" to="javascript:alert(1)"/>'),
  svg('<animate attributeName="href" values="javascript:alert(1)"/>'),
  svg('<handler xmlns="http://www.w3.org/2001/xml-events">alert(1)</handler>'),
  svg('<iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:alert(1)"/>'),
  `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg('<text>&x;</text>')}`,
  `<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>${svg('<text>&b;</text>')}`,
  `<?xml-stylesheet href="javascript:alert(1)"?>${svg('')}`,
  svg('<![CDATA[<script>alert(1)</script>]]>'),
  '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>'
]

tap.test(
  'XSS by avatar: none of 20 pictures that could run or load something is stored, at register or setAvatar',
  async t => {
    const app = await build(t)
    const { anna } = await people(app)
    t.equal(AVATARS.length, 20)
    for (const [index, picture] of AVATARS.entries()) {
      const avatarImage = Buffer.from(picture).toString('base64')
      const account = { username: `drawn${index}`, email: `d${index}@example.org`, password: '12345678' }
      for (const request of [
        { method: 'POST', url: `/api/v1/setAvatar/${anna.id}`, payload: { _id: anna.id, avatarImage } },
        { method: 'POST', url: '/api/v1/user/register', payload: { ...account, avatarImage } }
      ] as const) {
        const response = await send(app, request, anna)
        const { errorMessages } = response.json()
        t.strictSame([response.statusCode, errorMessages?.[0].path], [400, 'avatarImage'], picture)
      }
    }
    const payload = { _id: anna.id, avatarImage: SVG }
    const harmless = { method: 'POST', url: `/api/v1/setAvatar/${anna.id}`, payload } as const
    t.equal((await send(app, harmless, anna)).statusCode, 200, 'a harmless one is')
  }
)
