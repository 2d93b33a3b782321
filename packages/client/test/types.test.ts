import tap from 'tap'
import type { WebSocket } from 'ws'
import type { WebSocketClass, WebSocketLike } from '../src/index.js'

tap.test('the class of the package ws can be passed', async t => {
  const fits: typeof WebSocket extends WebSocketClass ? true : false = true
  const fitsToo: WebSocket extends WebSocketLike ? true : false = true
  t.ok(fits && fitsToo)
})
