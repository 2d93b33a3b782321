import { once } from 'node:events'
import { CLOSE } from 'chat-protocol'
import type { Connection } from './connection.js'

/** A peer that does not answer the closing handshake within this time, in milliseconds, is cut off. */
const CLOSE_MS = 5_000
/** Clients come back after a restart within this time, in milliseconds, not all at once. */
const MAX_RETRY_MS = 5_000

/** Closes a socket because the server restarts. */
export function closeForRestart (connection: Connection): void {
  connection.close(CLOSE.serviceRestart, 'the server restarts')
}

/**
 * Closes all sockets because the server restarts: frames are not read any more, messages that are being
 * written are acknowledged, then `bye` and 1012 are sent.
 * @param drain resolves when no message waits to be stored
 * @param greet greets a socket that was not greeted yet: `bye` must not come before `hello`
 */
export async function closeAll (
  connections: Connection[], drain: () => Promise<void>, greet: (connection: Connection) => void
): Promise<void> {
  // Listened to from here on: a socket may go while its sends are stored.
  const gone = Promise.all(connections.map(async ({ ws }) => await once(ws, 'close')))
  for (const { ws } of connections) ws.pause()
  // A send may still look up its receiver: only after that it is in the log.
  await Promise.all(connections.map(connection => connection.sending))
  await drain()
  // The handlers of these sends answer in this turn.
  await new Promise(resolve => setImmediate(resolve))
  for (const connection of connections) {
    greet(connection)
    connection.send({ type: 'bye', retryAfterMs: Math.ceil(Math.random() * MAX_RETRY_MS) })
    connection.ws.resume()
    closeForRestart(connection)
  }
  const cutOff = setTimeout(() => {
    for (const { ws } of connections) ws.terminate()
  }, CLOSE_MS)
  await gone
  clearTimeout(cutOff)
}
