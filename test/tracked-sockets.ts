/** Sockets of clients, known to the test that cuts them. */
import type { Socket as TcpSocket } from 'node:net'
import { WebSocket } from 'ws'

/** A WebSocket class whose open sockets are in the set. */
export function tracked (open: Set<WebSocket>) {
  return class Tracked extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      open.add(this)
      this.on('close', () => {
        open.delete(this)
      })
    }
  }
}

/** Cuts a socket: TCP reset (RFC 9293, 3.5.2), no close frame, what is under way is gone. */
export function reset (socket: WebSocket | undefined): void {
  const tcp = (socket as unknown as { _socket: TcpSocket | null } | undefined)?._socket
  tcp?.resetAndDestroy()
}
