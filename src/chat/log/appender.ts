/**
 * The append side of the message log: numbers messages 1, 2, 3 … in their conversation, without a gap.
 *
 * Messages of a conversation are written in order, by one write at a time; those that arrive meanwhile become the
 * next ordered batch (group commit). Batches of several conversations share a write: it stops at its first error,
 * so that only a suffix is ever missing, and no gap is left. src/chat/log/log-writer.ts carries a write to its end.
 */
import Queue from 'yocto-queue'
import type { MessageDocument } from '../../database/documents.js'
import { apiError } from '../../http/errors.js'
import { LogWriter } from './log-writer.js'
import type { MessagesRepository } from './messages-repository.js'
import { newDocument, toMessage, type NewMessage } from '../messages.js'
import type { Message } from 'chat-protocol'
import type { Reservation, SendQuota } from './send-quota.js'
import { keyOf, Send, type Appended, type Sender } from './send.js'

/**
 * Writes under way at once: enough to keep a server with several disks or shards busy, few enough that
 * batches form.
 */
const MAX_WRITES = 4
/** Messages of one write. */
const MAX_BATCH = 500
/**
 * Bytes of their texts: the driver sends one command up to 16 MiB; with MAX_WRITES it bounds what outlives
 * its senders.
 */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/** What waits and is being written of one conversation. */
interface Line {
  conversation: string
  state: 'idle' | 'ready' | 'writing'
  /** by sender and clientId, in the order in which they came: those being written, then those waiting */
  pending: Map<string, Send>
}

export class Appender {
  readonly #quota: SendQuota
  readonly #stored: (document: MessageDocument, message: Message, repeat: boolean) => void
  readonly #writer: LogWriter<Send>
  readonly #lines = new Map<string, Line>()
  readonly #ready = new Queue<Line>()
  readonly #drained = new Set<() => void>()
  #writes = 0
  #scheduled = false
  #senders = 0
  #size = 0

  /**
   * @param stored is told of each new message, in the order of its conversation, before its sender is answered, and
   *   also when that was given up; and of each repeat that was found in the database, for whoever wrote it may not
   *   have been able to tell
   */
  constructor (
    messages: MessagesRepository,
    open: (conversation: string) => Promise<void>,
    stored: (document: MessageDocument, message: Message, repeat: boolean) => void,
    quota: SendQuota
  ) {
    this.#quota = quota
    this.#stored = stored
    this.#writer = new LogWriter<Send>(messages, open, {
      stored: send => { this.#answer(send, send.document, false) },
      repeats: (send, twin) => {
        if (twin.message === send.document.message) this.#answer(send, twin, true)
        else this.#fail(send, conflict())
      },
      failed: (send, error) => { this.#fail(send, error) }
    })
  }

  /** Messages that wait or are being written, those in doubt included. */
  get size (): number { return this.#size }

  /**
   * Stores a message durably under the next number of its conversation.
   * A clientId that this sender used in this conversation before gives the stored message and stores nothing.
   * @param reservation of a sender that waited before, such as for a look-up
   * @throws conflict where the clientId was used with another text; unavailable where too many wait, or the
   *   time of this one is over and its outcome is open: a repeat with the same clientId is safe
   */
  append (input: NewMessage, reservation?: Reservation): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const reserved = reservation ?? this.#quota.reserve(input.message)
      const document = newDocument(input, new Date())
      const line = this.#lineOf(document.conversation)
      let send = line.pending.get(keyOf(document))
      if (send !== undefined && send.document.message !== document.message) {
        reserved.release()
        throw conflict()
      }
      send ??= this.#enqueue(line, new Send(document))
      this.#await(send, { reservation: reserved, resolve, reject })
    })
  }

  /** Resolves when nobody waits for a message to be stored. */
  async drain (): Promise<void> {
    while (this.#senders > 0) await new Promise<void>(resolve => { this.#drained.add(resolve) })
  }

  /** Ends the retries of messages in doubt. */
  close (): void { this.#writer.close() }
  /** The highest number stored in a conversation, 0 if none. */
  lastSeq (conversation: string): Promise<number> { return this.#writer.lastSeq(conversation) }

  /** The highest number stored in a conversation as far as this process remembers, 0 where it does not; asks nobody. */
  known (conversation: string): number { return this.#writer.known(conversation) }

  #lineOf (conversation: string): Line {
    let line = this.#lines.get(conversation)
    if (line === undefined) {
      line = { conversation, state: 'idle', pending: new Map() }
      this.#lines.set(conversation, line)
    }
    return line
  }

  #enqueue (line: Line, send: Send): Send {
    line.pending.set(send.key, send)
    this.#size++
    if (line.state === 'idle') this.#makeReady(line)
    this.#schedule()
    return send
  }

  #await (send: Send, sender: Sender): void {
    send.senders.push(sender)
    this.#senders++
    sender.reservation.onExpire(error => {
      send.senders.splice(send.senders.indexOf(sender), 1)
      this.#leave(sender)
      sender.reject(error)
      // It was never sent, and nobody waits for it.
      if (!send.awaited && !send.taken) this.#settle(send)
    })
  }

  #makeReady (line: Line): void {
    line.state = 'ready'
    this.#ready.enqueue(line)
  }

  /** What arrives in one turn of the event loop goes out in one write. */
  #schedule (): void {
    if (this.#scheduled || this.#writes >= MAX_WRITES || this.#ready.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#writes < MAX_WRITES && this.#ready.size > 0) this.#startWrite()
    })
  }

  #startWrite (): void {
    const batch: Send[] = []
    const lines: Line[] = []
    let bytes = 0
    while (batch.length < MAX_BATCH && bytes < MAX_BATCH_BYTES) {
      const line = this.#ready.dequeue()
      if (line === undefined) break
      line.state = 'writing'
      lines.push(line)
      for (const send of line.pending.values()) {
        if (batch.length >= MAX_BATCH || bytes >= MAX_BATCH_BYTES) break
        send.taken = true
        batch.push(send)
        bytes += Buffer.byteLength(send.document.message)
      }
    }
    this.#writes++
    this.#writer.write(batch)
      .catch(error => { for (const send of batch) this.#fail(send, error) })
      .finally(() => {
        // A close leaves some: their outcome is not known.
        for (const send of batch) if (!send.settled) this.#fail(send, apiError('unavailable', 'the server closes'))
        this.#writes--
        for (const line of lines) this.#release(line)
        this.#schedule()
      })
  }

  #release (line: Line): void {
    line.state = 'idle'
    if (line.pending.size > 0) this.#makeReady(line)
    else this.#lines.delete(line.conversation)
  }

  #answer (send: Send, document: MessageDocument, repeat: boolean): void {
    if (!this.#settle(send)) return
    const message = toMessage(document)
    this.#stored(document, message, repeat)
    const [first] = send.senders
    for (const sender of send.senders) {
      this.#leave(sender)
      sender.resolve({ message, repeat: repeat || sender !== first })
    }
  }

  #fail (send: Send, error: unknown): void {
    if (!this.#settle(send)) return
    for (const sender of send.senders) {
      this.#leave(sender)
      sender.reject(error)
    }
  }

  /** Whether this is its first outcome: a later one changes nothing. */
  #settle (send: Send): boolean {
    if (send.settled) return false
    send.settled = true
    this.#lines.get(send.document.conversation)?.pending.delete(send.key)
    this.#size--
    return true
  }

  #leave (sender: Sender): void {
    sender.reservation.release()
    this.#senders--
    if (this.#senders > 0) return
    for (const resolve of this.#drained) resolve()
    this.#drained.clear()
  }
}

function conflict (): Error {
  return apiError('conflict', 'this clientId was used before for another text', 'clientId')
}
