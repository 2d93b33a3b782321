/** One socket of a user: what it has seen, and what waits to be taken by it. */
import { randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import type { Message } from '../schemas/messages.js'
import { CLOSE, type ServerFrame } from '../schemas/frames.js'
import { Cursors, type CursorSink, type ReadPage } from './cursors.js'

export interface ConnectionLimits {
  /** bytes queued to a socket that does not read, before it is closed with 4408 */
  queueBytes: number
  /** malformed frames in a row, before it is closed with 4400 */
  badFrames: number
}

/** The loops go on when no more than this share of the queue is taken, so that there is room for live messages. */
const DRAINED_SHARE = 0.25

/** An ack that this socket waits for. */
interface Awaited {
  /** as the client spelled it */
  clientId: string
  /** once it is stored */
  message?: Message
}

/** The WebSocket frame that carries a message: made once, sent to every socket of both members (RFC 6455 text is UTF-8). */
export function messageFrame (message: Message): Buffer {
  return Buffer.from(`{"type":"message","message":${JSON.stringify(message)}}`)
}

export class Connection implements CursorSink {
  readonly id = randomUUID()
  readonly openedAt = Date.now()
  readonly cursors: Cursors
  /** resume frames are answered one after the other */
  resuming: Promise<unknown> = Promise.resolve()
  /** sends are appended in the order of their frames */
  sending: Promise<unknown> = Promise.resolve()
  /** when the next ping is due, and the pong of the last one; milliseconds since the epoch */
  pingAt = 0
  pongBy = Infinity
  closed = false

  private readonly awaited = new Map<string, Awaited>()
  private readonly waiting: (() => void)[] = []
  private badInARow = 0

  constructor (
    readonly ws: WebSocket,
    readonly user: string,
    readonly session: string,
    private readonly limits: ConnectionLimits,
    read: ReadPage,
    private readonly onEnd: (connection: Connection) => void
  ) {
    this.cursors = new Cursors(this, read)
  }

  /** Sends a frame, unless the socket is closed; a socket that does not read is closed instead. */
  send (frame: ServerFrame | Buffer): void {
    if (this.closed) return
    const bytes = Buffer.isBuffer(frame) ? frame : Buffer.from(JSON.stringify(frame))
    if (this.ws.bufferedAmount + bytes.length > this.limits.queueBytes) {
      this.close(CLOSE.slowReader, 'reads too slowly; resume to get what was missed')
      return
    }
    this.ws.send(bytes, { binary: false }, this.flushed)
  }

  /** A live message: goes out if it is the next one of its conversation; else the cursor's loop brings it. */
  offer (message: Message, frame: Buffer): void {
    if (this.cursors.offer(message.conversation, message.seq)) this.deliver(message, frame)
  }

  deliver (message: Message, frame?: Buffer): void {
    const awaited = message.sender === this.user && message.clientId !== undefined ? this.awaited.get(message.conversation + message.clientId) : undefined
    if (awaited === undefined) this.send(frame ?? messageFrame(message))
    else this.ack(awaited.clientId, message)
  }

  /** From now on the message with this clientId is acknowledged here, in its place, rather than pushed. */
  expectAck (conversation: string, clientId: string): void {
    this.awaited.set(conversation + clientId.toLowerCase(), { clientId })
  }

  /** The awaited message failed. */
  forget (conversation: string, clientId: string): void {
    this.awaited.delete(conversation + clientId.toLowerCase())
  }

  /** The awaited message is stored: if its place was passed, or it has none (a repeat), it is acknowledged now. */
  stored (message: Message, clientId: string, repeat: boolean): void {
    const awaited = this.awaited.get(message.conversation + clientId.toLowerCase())
    if (repeat || this.cursors.passed(message.conversation, message.seq)) {
      if (repeat || awaited !== undefined) this.ack(clientId, message)
    } else if (awaited !== undefined) awaited.message = message
  }

  /** A reset jumps over messages: the acks among them are given now. */
  skip (conversation: string, seq: number): void {
    for (const { clientId, message } of this.awaited.values()) {
      if (message !== undefined && message.conversation === conversation && message.seq <= seq) this.ack(clientId, message)
    }
  }

  /** Acks that this socket waits for. */
  get awaiting (): number { return this.awaited.size }

  private ack (clientId: string, message: Message): void {
    this.forget(message.conversation, clientId)
    this.send({ type: 'ack', clientId, message })
  }

  async drained (): Promise<void> {
    while (!this.closed && this.ws.bufferedAmount > this.limits.queueBytes * DRAINED_SHARE) {
      await new Promise<void>(resolve => { this.waiting.push(resolve) })
    }
  }

  private readonly flushed = (): void => {
    if (this.waiting.length > 0) for (const resolve of this.waiting.splice(0)) resolve()
  }

  /** Counts malformed frames in a row; too many close the socket with 4400. */
  countFrame (wellFormed: boolean): void {
    this.badInARow = wellFormed ? 0 : this.badInARow + 1
    if (this.badInARow >= this.limits.badFrames) this.close(CLOSE.malformed, 'too many malformed frames')
  }

  /** Closes the socket; what is queued goes out before, as far as the client takes it. */
  close (code: number, reason: string): void {
    if (this.closed) return
    this.end()
    this.ws.close(code, reason)
  }

  /** The socket is gone, or going: nothing more is sent, and nobody waits for it. */
  end (): void {
    if (this.closed) return
    this.closed = true
    this.awaited.clear()
    this.flushed()
    this.onEnd(this)
  }
}
