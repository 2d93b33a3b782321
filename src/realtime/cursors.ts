/**
 * What one socket has seen of each conversation: in order, without gap, without duplicate, from where it resumed.
 *
 * One cursor a conversation. A live message with the number after the cursor goes out at once; any other only raises the
 * target, and one loop reads pages above the cursor from the log, waiting for the socket to drain, until the target is reached.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Message } from '../schemas/messages.js'

/** Messages that the loop reads at once. */
const PAGE = 200
/** Bytes of text that it reads at once: a quarter of the default QUEUE_BYTES, so that a page fits into a queue that has drained. */
const PAGE_BYTES = 256 * 1024
/** Conversations of one socket that are caught up at a time: a resume may name thousands, and others need the database too. */
const RESTARTS_AT_ONCE = 8
/** The pause after a failed read, while the database is away. */
const RETRY_MS = 500

interface Cursor {
  /** the last number sent */
  seq: number
  /** the highest number known to exist */
  target: number
  /** the loop under way; live messages only raise the target then */
  loop: Promise<void> | undefined
  /** counts restarts, so that a page that was read before one is thrown away */
  restarts: number
}

/** Reads the messages above a number; fewer than `limit` where their texts have more than `maxBytes`, but at least one if there is one. */
export type ReadPage = (conversation: string, after: number, bounds: { limit: number, maxBytes: number }) => Promise<Message[]>

/** What the cursors need of their socket. */
export interface CursorSink {
  readonly closed: boolean
  /** Sends a message in its place: as `message`, or as the `ack` that this socket waits for. */
  deliver (message: Message): void
  /** Resolves when the socket has taken most of what is queued, or is closed. */
  drained (): Promise<void>
}

export class Cursors {
  private readonly cursors = new Map<string, Cursor>()
  private readonly turns: (() => void)[] = []
  private restarting = 0

  constructor (
    private readonly sink: CursorSink,
    private readonly read: ReadPage
  ) {}

  get size (): number { return this.cursors.size }

  /**
   * A live message with this number: true if the caller may send it right now, for it is the next one.
   * Otherwise it was sent already, or the loop will bring it.
   */
  offer (conversation: string, seq: number): boolean {
    const cursor = this.cursors.get(conversation)
    if (cursor === undefined) {
      // A conversation that was not resumed begins at the first number pushed.
      this.cursors.set(conversation, { seq, target: seq, loop: undefined, restarts: 0 })
      return true
    }
    if (cursor.loop === undefined && seq === cursor.seq + 1) {
      cursor.seq = cursor.target = seq
      return true
    }
    this.raise(conversation, seq)
    return false
  }

  /** A number that is known to be stored: the loop brings what was not sent. False where the conversation has no cursor, and so no place to begin. */
  raise (conversation: string, seq: number): boolean {
    const cursor = this.cursors.get(conversation)
    if (cursor === undefined) return false
    if (seq > cursor.target) cursor.target = seq
    if (cursor.loop === undefined && cursor.seq < cursor.target) this.start(conversation, cursor)
    return true
  }

  /** Whether the number was sent on this socket already. */
  passed (conversation: string, seq: number): boolean {
    const cursor = this.cursors.get(conversation)
    return cursor !== undefined && seq <= cursor.seq
  }

  /**
   * Restarts a conversation above `seq`, at once: nothing is sent of it until its turn has come and `last` resolves.
   * @param last gives the highest number stored, and the number to go on after
   * @returns when all up to the highest number was sent
   */
  async restart (conversation: string, seq: number, last: () => Promise<{ lastSeq: number, goOnAfter: number }>): Promise<void> {
    const cursor = this.cursors.get(conversation) ?? { seq, target: seq, loop: undefined, restarts: 0 }
    this.cursors.set(conversation, cursor)
    cursor.seq = seq
    const restarts = ++cursor.restarts
    const before = cursor.loop
    cursor.loop = this.inTurn(async () => {
      await before
      await this.locate(cursor, restarts, last)
      await this.run(conversation, cursor, restarts)
      // Nothing is there: it begins with the first number anyway, and whoever asks for what is not there takes no memory.
      if (cursor.restarts === restarts && cursor.target === 0) this.cursors.delete(conversation)
    })
    await cursor.loop
  }

  /** Carries out RESTARTS_AT_ONCE pieces of work at a time, in the order in which they came. */
  private async inTurn (work: () => Promise<void>): Promise<void> {
    if (this.restarting < RESTARTS_AT_ONCE) this.restarting++
    else await new Promise<void>(resolve => { this.turns.push(resolve) })
    try {
      await work()
    } finally {
      const next = this.turns.shift()
      // The place goes over from one to the other.
      if (next !== undefined) next()
      else this.restarting--
    }
  }

  private async locate (cursor: Cursor, restarts: number, last: () => Promise<{ lastSeq: number, goOnAfter: number }>): Promise<void> {
    while (!this.sink.closed && cursor.restarts === restarts) {
      try {
        const { lastSeq, goOnAfter } = await last()
        if (cursor.restarts !== restarts) return
        cursor.seq = goOnAfter
        cursor.target = Math.max(lastSeq, cursor.target)
        return
      } catch {
        await delay(RETRY_MS)
      }
    }
  }

  private start (conversation: string, cursor: Cursor): void {
    cursor.loop = this.run(conversation, cursor, cursor.restarts)
  }

  /** The loop: it ends when the target is reached, the socket is closed, or the conversation is restarted. */
  private async run (conversation: string, cursor: Cursor, restarts: number): Promise<void> {
    while (!this.sink.closed && cursor.restarts === restarts && cursor.seq < cursor.target) {
      await this.sink.drained()
      let page: Message[]
      try {
        page = await this.read(conversation, cursor.seq, { limit: PAGE, maxBytes: PAGE_BYTES })
      } catch {
        await delay(RETRY_MS)
        continue
      }
      // Only what is stored is published; an empty page can only mean that somebody took messages out of the database.
      if (page.length === 0 && cursor.restarts === restarts) cursor.target = cursor.seq
      for (const message of page) {
        if (this.sink.closed || cursor.restarts !== restarts) break
        this.sink.deliver(message)
        cursor.seq = message.seq
        await this.sink.drained()
      }
    }
    if (cursor.restarts === restarts) cursor.loop = undefined
  }
}
