import type { Socket } from 'node:net'
import type { Plain } from './bson-value.js'
import { runCommand } from './commands.js'
import type { Context } from './context.js'
import { MongoError } from './errors.js'
import { messagesOf } from './message-stream.js'
import { type Request, headerOf, parseMessage, reply } from './wire.js'

const PROTOCOL_ERROR = 17

/** What the commands of a connection need. `connection` is its number. */
type Base = Pick<Context, 'store' | 'cursors' | 'connection'>

/** Answers the commands of one client, one after the other: a client that sends more than it reads waits. */
export class Connection {
  readonly #socket: Socket
  readonly #base: Base
  readonly #log: (line: string) => void
  #busy = false
  #closing = false

  constructor (socket: Socket, base: Base, log: (line: string) => void) {
    this.#socket = socket
    this.#base = base
    this.#log = log
  }

  /** Resolves when the connection is closed. It does not reject. */
  async serve (): Promise<void> {
    const socket = this.#socket
    socket.on('error', () => {}) // a client may vanish at any time
    try {
      for await (const message of messagesOf(socket as AsyncIterable<Buffer>)) {
        this.#busy = true
        const answer = await this.#answerTo(message)
        if (answer !== undefined) await new Promise(resolve => socket.write(answer, resolve))
        this.#busy = false
        if (this.#closing) break
      }
    } catch (error) {
      if (error instanceof MongoError) {
        this.#log(`connection ${this.#base.connection} closed: ${error.message}`)
      }
    }
    this.#busy = false
    socket.destroySoon()
  }

  /** Closes the connection, after the command in progress. */
  close (): void {
    this.#closing = true
    if (!this.#busy) this.#socket.destroy()
  }

  /**
   * @returns undefined if the client wants no reply
   * @throws MongoError ProtocolError (17) for a message that cannot be answered
   */
  async #answerTo (message: Buffer): Promise<Buffer | undefined> {
    let request: Request | undefined
    let answer: Plain
    try {
      request = parseMessage(message)
      answer = await runCommand(this.#base, request)
    } catch (error) {
      answer = this.#replyTo(error as Error)
    }
    if (request?.silent === true) return undefined
    return reply(request ?? headerOf(message), answer as Record<string, Plain>)
  }

  #replyTo (error: Error): Plain {
    if (!(error instanceof MongoError)) {
      this.#log(error.stack ?? String(error))
      return this.#replyTo(new MongoError(1, `internal error: ${error.message}`))
    }
    // A message without a valid frame and a known opcode cannot be replied to.
    if (error.code === PROTOCOL_ERROR) throw error
    const { message, code, codeName, extra } = error
    return { ok: 0, errmsg: message, code, codeName, ...extra }
  }
}
