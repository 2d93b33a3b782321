/** What Node answers before there is a request, in the one error shape all the same. */
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { listen } from '../helper.js'

async function raw (
  t: Test,
  request: string
): Promise<{ status: number; headers: string; body: { message: string } }> {
  const { app } = await listen(t)
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', chunk => {
    answer += chunk
  })
  socket.write(request)
  await new Promise(resolve => {
    socket.on('close', resolve)
  })
  const [headers, body] = answer.split('\r\n\r\n') as [string, string]
  return { status: Number(headers.split(' ')[1]), headers, body: JSON.parse(body) }
}

const cases: [string, string, number, RegExp][] = [
  ['no HTTP', 'nonsense\r\n\r\n', 400, /^Validation Error/],
  [
    'headers too large',
    `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    /^Request Header Fields Too Large/
  ],
  [
    'an expectation that is not understood',
    'GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n',
    417,
    /^Expectation Failed/
  ]
]
for (const [name, request, status, message] of cases) {
  t.test(name, async t => {
    const answer = await raw(t, request)
    t.equal(answer.status, status)
    t.match(answer.body, { success: false, message, errorMessages: [{ path: '' }] })
    t.match(answer.headers, /cache-control: no-store/i)
    t.match(answer.headers, /x-content-type-options: nosniff/i)
  })
}
