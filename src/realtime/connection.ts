/** One socket of a user: what it has seen, and what waits to be taken by it. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import { CLOSE, type HelloFrame, type ServerFrame } from 'chat-protocol'
import type { LogEnd } from '../chat/log/log-repository.js'
import type { EntryDocument } from '../database/documents.js'
import type { CursorOptions, CursorSink } from './cursor.js'
import { Cursors } from './cursors.js'
import { ExpectedAcks, type ExpectedAck } from './expected-acks.js'
import { FramedEntry, type Acknowledged } from './framed-entry.js'
import { isRemovalOf, type LogReads } from './log-reads.js'

export interface ConnectionLimits extends CursorOptions {
  /** bytes queued to a socket that does not read, before it is closed with 4408 */
  queueBytes: number
  /** malformed frames in a row, before it is closed with 4400 */
  badFrames: number
}

/** Whose socket it is. */
export interface Caller { user: string, session: string }

/** What a connection needs of the process. */
export interface ConnectionOptions {
  limits: ConnectionLimits
  reads: LogReads
  onEnd: (connection: Connection) => void
}

/**
 * Pages are read when no more than this share of the queue is taken, so that there is room for live messages.
 */
export const DRAINED_SHARE = 0.25
/**
 * Pages are sent until this share of the queue is taken: a page, with what JSON adds, fits in above
 * DRAINED_SHARE.
 */
const ROOM_SHARE = 0.5
/** Bytes of a ping's payload: a client that does not read cannot guess what its pong must repeat. */
const PING_BYTES = 8

export class Connection implements CursorSink {
  readonly id = randomUUID()
  readonly openedAt = Date.now()
  readonly user: string
  readonly session: string
  readonly cursors: Cursors
  /** resume frames are answered one after the other */
  resuming: Promise<unknown> = Promise.resolve()
  /** sends are appended in the order of their frames */
  sending: Promise<unknown> = Promise.resolve()
  /** when the next ping is due, and the pong of the last one; milliseconds since the epoch */
  pingAt = Infinity
  pongBy = Infinity
  /** when what other processes stored was last compared, successfully; milliseconds since the epoch */
  comparedAt = this.openedAt
  closed = false

  readonly #limits: ConnectionLimits
  readonly #onEnd: (connection: Connection) => void
  readonly #acks = new ExpectedAcks()
  readonly #ending = new AbortController()
  readonly #waiting: (() => void)[] = []
  /** The payload of the ping that waits for its pong. */
  #pingData: Buffer | undefined
  #greeted = false
  #badInARow = 0

  constructor (readonly ws: WebSocket, caller: Caller, { limits, reads, onEnd }: ConnectionOptions) {
    this.user = caller.user
    this.session = caller.session
    this.#limits = limits
    this.#onEnd = onEnd
    this.cursors = new Cursors(this, reads.of(caller.user, this.#ending.signal), limits)
  }

  /** Aborts when the socket is gone. */
  get ending (): AbortSignal { return this.#ending.signal }

  /**
   * Sends the first frame; those before it are not sent at all.
   * @returns whether it was sent now
   */
  greet (hello: HelloFrame): boolean {
    if (this.closed || this.#greeted) return false
    this.#greeted = true
    this.send(hello)
    return true
  }

  /** Sends a frame, unless the socket is closed; a socket that does not read is closed instead. */
  send (frame: ServerFrame | Buffer): void {
    if (this.closed || !this.#greeted) return
    const bytes = Buffer.isBuffer(frame) ? frame : Buffer.from(JSON.stringify(frame))
    if (this.ws.bufferedAmount + bytes.length > this.#limits.queueBytes) {
      this.close(CLOSE.slowReader, 'reads too slowly; resume to get what was missed')
      return
    }
    this.ws.send(bytes, { binary: false }, this.#flushed)
  }

  /**
   * Sends a live entry if it is the next one of its conversation; else a turn of its cursor will bring it.
   * @param told whether this process stored it just now
   */
  offer (framed: FramedEntry, told = true): void {
    const { entry } = framed
    const { conversation, rev } = entry
    if (entry.kind === 'member' && entry.user === this.user && entry.role !== null) {
      this.cursors.joined(conversation, rev)
    }
    if (!this.cursors.offer(conversation, rev, told)) return
    this.#deliver(framed)
    if (isRemovalOf(this.user, entry)) this.cursors.end(conversation)
  }

  /** Sends an entry that was read from the log, in its place. */
  deliver (entry: EntryDocument): void { this.#deliver(new FramedEntry(entry)) }

  #deliver (framed: FramedEntry): void {
    const { actor, conversation, clientId } = framed.entry
    const expected = actor === this.user ? this.#acks.oldest(conversation, clientId) : undefined
    if (expected === undefined) this.send(framed.frame)
    else this.acknowledge(expected, framed.acknowledged)
  }

  /** A jump over entries: the acks among them are given now. */
  reset (conversation: string, { rev, top }: LogEnd): void {
    this.send({ type: 'reset', conversation, lastSeq: top, lastRev: rev })
    for (const expected of this.#acks.storedUpTo(conversation, rev)) {
      this.acknowledge(expected, expected.stored!.acknowledged)
    }
  }

  /** From now on the entry with this clientId is acknowledged here, in its place, rather than pushed. */
  expectAck (conversation: string, clientId: string): ExpectedAck {
    return this.#acks.add(conversation, clientId)
  }

  /** Resolves when what was appended up to now is stored, or is not. */
  async allStored (): Promise<void> { await this.#acks.allStored() }

  /** The frame that expected this ack failed. */
  forget (expected: ExpectedAck): void {
    this.#acks.remove(expected)
  }

  /** The entry is stored: if its place was passed it is acknowledged now. */
  stored (expected: ExpectedAck, entry: EntryDocument): void {
    if (!this.#acks.has(expected)) return
    const framed = new FramedEntry(entry)
    if (this.cursors.passed(entry.conversation, entry.rev)) this.acknowledge(expected, framed.acknowledged)
    else expected.stored = framed
  }

  /** Sends an ack now: it has no place in the order, such as that of a repeat. */
  acknowledge (expected: ExpectedAck, acknowledged: Acknowledged): void {
    if (!this.#acks.remove(expected)) return
    const clientId = JSON.stringify(expected.clientId)
    this.send(Buffer.from(`{"type":"ack","clientId":${clientId},${acknowledged}}`))
  }

  /** Acks that this socket waits for. */
  get awaiting (): number { return this.#acks.size }

  get hasRoom (): boolean {
    return !this.closed && this.ws.bufferedAmount <= this.#limits.queueBytes * ROOM_SHARE
  }

  async drained (): Promise<void> {
    while (!this.closed && this.ws.bufferedAmount > this.#limits.queueBytes * DRAINED_SHARE) {
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  readonly #flushed = (): void => {
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /**
   * Sends a ping; while its pong is missing, later ones repeat it.
   * @param pongBy the time by which the pong must have come
   */
  ping (pongBy: number): void {
    this.pongBy = Math.min(this.pongBy, pongBy)
    this.#pingData ??= randomBytes(PING_BYTES)
    this.ws.ping(this.#pingData)
  }

  /**
   * A pong counts if it repeats the ping (RFC 6455, 5.5.3): one that was not asked for says nothing about
   * reading.
   */
  pong (data: Buffer): void {
    if (this.#pingData?.equals(data) !== true) return
    this.#pingData = undefined
    this.pongBy = Infinity
  }

  /** Counts malformed frames in a row; too many close the socket with 4400. */
  countFrame (wellFormed: boolean): void {
    this.#badInARow = wellFormed ? 0 : this.#badInARow + 1
    if (this.#badInARow >= this.#limits.badFrames) this.close(CLOSE.malformed, 'too many malformed frames')
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
    this.#acks.clear()
    this.cursors.close()
    this.#ending.abort()
    this.#flushed()
    this.#onEnd(this)
  }
}
