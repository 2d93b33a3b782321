/**
 * An upgrade or a request that arrives while the server closes is answered, and its connection
 * ends: nothing keeps the process.
 */
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { buildApp } from '../src/app.js'
import { connect as connectSocket, databaseUrl, listen, register, testConfig } from './helper.js'

/**
 * Asks for a WebSocket, and never ends the connection by itself. Resolves with what the server says
 * until it ends it.
 */
async function upgrade (port: number, token: string): Promise<string> {
  return await new Promise<string>(resolve => {
    let got = ''
    const tcp = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      tcp.write(
        [
          'GET /ws HTTP/1.1',
          `Host: 127.0.0.1:${port}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          `Sec-WebSocket-Protocol: chat.v1, bearer.${token}`,
          '',
          ''
        ].join('\r\n')
      )
    })
    tcp.on('error', () => {})
    tcp.on('data', data => {
      got += data.toString('latin1')
    })
    tcp.on('end', () => {
      tcp.end()
      resolve(got)
    })
    tcp.on('close', () => {
      resolve(got)
    })
  })
}

t.test('the server closes, whenever an upgrade arrives', async t => {
  const MONGODB_URL = await databaseUrl()
  // Several at a time: where the socket opened, the server waits seconds for a closing handshake
  // that never comes.
  await Promise.all(
    Array.from({ length: 10 }, async (_, turns) => {
      const app = await buildApp(testConfig({ MONGODB_URL }))
      await app.listen({ port: 0, host: '127.0.0.1' })
      const { port } = app.server.address() as AddressInfo
      const token = turns % 2 === 0 ? (await register(app)).token : 'x'.repeat(43)
      const answer = upgrade(port, token)
      for (let turn = 0; turn < turns; turn++) {
        await new Promise(resolve => {
          setImmediate(resolve)
        })
      }
      await app.close()
      t.match(await answer, /^(HTTP\/1\.1 (101|401|503) |$)/)
    })
  )
})

t.test('a request while closing: 503 with Retry-After in the one error shape', async t => {
  const { app, origin } = await listen(t)
  const socket = await connectSocket(t, origin, await register(app))
  // It does not answer the closing handshake, so that closing takes its time.
  socket.ws.pause()
  const closing = app.close()
  while (app.realtime.accepting) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  const response = await fetch(`${origin}/health`)
  t.equal(response.status, 503)
  t.ok(Number(response.headers.get('retry-after')) > 0)
  t.match(await response.json(), { success: false, message: /^Service Unavailable/ })
  socket.ws.terminate()
  await closing
})

t.test(
  'a socket that goes while its last sends are stored does not keep the server from closing',
  async t => {
    const { app, origin } = await listen(t)
    await connectSocket(t, origin, await register(app))
    const drain = app.conversationLog.drain.bind(app.conversationLog)
    app.conversationLog.drain = async () => {
      await drain()
      const [client] = app.websocketServer.clients
      const gone = once(client!, 'close')
      client!.terminate()
      await gone
    }
    const closed = await Promise.race([
      app.close().then(() => true),
      new Promise(resolve => {
        setTimeout(resolve, 8_000, false)
      })
    ])
    t.equal(closed, true)
  }
)
