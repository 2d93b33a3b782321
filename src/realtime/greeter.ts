import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import type { HelloFrame } from 'chat-protocol'
import type { Connection } from './connection.js'
import { READ_RETRY_MS, type LogReads } from './log-reads.js'

/**
 * `hello` waits this long for the heads, in milliseconds: while the database is away a client should learn
 * that the server is there.
 */
const HELLO_MS = 5_000

export interface GreeterOptions {
  reads: LogReads
  /** what `hello` tells of this server */
  hello: Pick<HelloFrame, 'heartbeatMs' | 'limits'>
  onGreeted: (connection: Connection) => void
  /** whether the server shuts down: sockets are not read any more */
  isClosing: () => boolean
  log: Pick<BaseLogger, 'warn'>
}

/** Sends `hello`, once it is certain that the socket misses nothing from then on. */
export class Greeter {
  readonly #options: GreeterOptions

  constructor (options: GreeterOptions) { this.#options = options }

  /**
   * Greets a socket, unless that was done.
   * @returns whether it was greeted now
   */
  greet (connection: Connection): boolean {
    const { hello, onGreeted } = this.#options
    const { user, session } = connection
    const now = new Date().toISOString()
    const greeted = connection.greet({ type: 'hello', user, session, ...hello, now })
    if (greeted) onGreeted(connection)
    return greeted
  }

  /**
   * Reads where the conversations of a socket begin, and greets it then: whatever is acknowledged after its
   * hello, by any process, is pushed to it, and what was stored before is not.
   * @param subscribed resolves when the messages of the bus for this user arrive
   */
  async greetWithHeads (connection: Connection, subscribed: Promise<void> | undefined): Promise<void> {
    const { reads, isClosing, log } = this.#options
    const { ws, user, openedAt, ending } = connection
    // No frame is answered before hello.
    ws.pause()
    const welcome = () => {
      if (this.greet(connection) && !isClosing()) ws.resume()
    }
    const patience = setTimeout(welcome, HELLO_MS)
    while (!connection.closed) {
      try {
        if (subscribed !== undefined) await subscribed
        const heads = await reads.heads(user, openedAt, ending)
        welcome()
        connection.cursors.setHeads(heads)
        break
      } catch (error) {
        if (connection.closed) break
        log.warn({ err: error }, 'heads of conversations could not be read: will try again')
        welcome()
        await delay(READ_RETRY_MS)
      }
    }
    clearTimeout(patience)
    // It answers the closing handshake only if it is read.
    if (connection.closed) ws.resume()
  }
}
