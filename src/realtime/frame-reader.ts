import type { BaseLogger } from 'pino'
import { CLOSE, type ClientFrame } from 'chat-protocol'
import { toApiError } from '../thrown-errors.js'
import type { Connection } from './connection.js'
import { errorFrame, type About } from './error-frame.js'
import type { FrameHandlers } from './frame-handlers.js'
import { pathOf, type FrameLimiter } from './frame-limiter.js'
import { checkFrame, clientIdOf, parseFrame } from './frame-parser.js'
import { glance } from './glance.js'

/** Reads the frames of one socket: limits, parses and handles them, and answers refused ones with `error`. */
export class FrameReader {
  readonly #connection: Connection
  readonly #limiter: FrameLimiter
  readonly #handlers: FrameHandlers
  readonly #log: Pick<BaseLogger, 'error'>

  constructor (
    connection: Connection, limiter: FrameLimiter, handlers: FrameHandlers, log: Pick<BaseLogger, 'error'>
  ) {
    this.#connection = connection
    this.#limiter = limiter
    this.#handlers = handlers
    this.#log = log
  }

  /** Whether so much is under way that the socket should not be read. */
  get full (): boolean { return this.#limiter.full }

  /** Handles a frame. Never rejects: a throw in a listener of the socket would end the process. */
  async take (data: Buffer): Promise<void> {
    const frame = this.#parse(data)
    if (frame === undefined) return
    const about = { clientId: clientIdOf(frame), path: pathOf(frame) }
    try {
      this.#limiter.begin(frame, data.length, Date.now())
    } catch (error) {
      this.#refuse(error, about)
      this.#closeIfIgnored()
      return
    }
    try {
      await this.#handlers.handle(this.#connection, frame)
    } catch (error) {
      this.#refuse(error, about)
    } finally {
      this.#limiter.done(frame)
    }
  }

  /** The frame that came, or undefined where the client got an `error`. */
  #parse (data: Buffer): ClientFrame | undefined {
    try {
      this.#limiter.arrive(data.length, Date.now())
    } catch (error) {
      this.#refuseUnread(data, error)
      return undefined
    }
    let parsed: unknown
    try {
      parsed = parseFrame(data)
      const frame = checkFrame(parsed)
      this.#connection.countFrame(true)
      return frame
    } catch (error) {
      this.#refuse(error, { clientId: clientIdOf(parsed) })
      this.#connection.countFrame(false)
      return undefined
    }
  }

  /** Refuses a frame over the limits without parsing it. */
  #refuseUnread (data: Buffer, error: unknown): void {
    const { clientId, resume } = glance(data)
    this.#refuse(error, { clientId, path: resume ? pathOf({ type: 'resume' }) : '' })
    this.#closeIfIgnored()
  }

  #closeIfIgnored (): void {
    if (this.#limiter.ignored) this.#connection.close(CLOSE.rateLimited, 'too many frames')
  }

  #refuse (error: unknown, about: About): void {
    const { kind, cause } = toApiError(error)
    if (kind === 'internal') this.#log.error({ err: cause ?? error }, 'frame failed')
    this.#connection.send(errorFrame(error, about))
  }
}
