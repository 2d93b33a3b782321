/**
 * The append side of the log: numbers the entries of a conversation 1, 2, 3 … without a gap.
 *
 * Entries of a conversation are written in order, by one write at a time; those that arrive meanwhile become
 * the next ordered batch (group commit). Batches of several conversations share a write, which stops at its
 * first error, so only a suffix can be missing, and no gap is left. src/chat/log/log-writer.ts completes a
 * write.
 */
import Queue from 'yocto-queue'
import { apiError } from '../../errors.js'
import type { EntryDocument } from '../../database/documents.js'
import { isRepeat, textOf } from './entries.js'
import { LogWriter, type WriterOptions } from './log-writer.js'
import type { LogEnd, LogRepository } from './log-repository.js'
import type { Reservation, SendQuota } from './send-quota.js'
import { keyOf, Send, type Appended, type Sender } from './send.js'

/**
 * Writes under way: enough to keep a server with several disks or shards busy, few enough that batches form.
 */
const MAX_WRITES = 4
/** Messages of one write. */
const MAX_BATCH = 500
/**
 * Bytes of the texts of one write. The driver sends up to 16 MiB in a command. Together with MAX_WRITES it
 * bounds the memory of entries whose senders gave up.
 */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/** The entries of one conversation that wait or are being written. */
interface Line {
  conversation: string
  state: 'idle' | 'ready' | 'writing'
  /** by sender and clientId, in the order of their arrival: those being written, then those waiting */
  pending: Map<string, Send>
}

export interface AppenderOptions extends WriterOptions {
  log: LogRepository
  /**
   * Called with each new entry, in the order of its conversation, before its sender is answered, also where
   * its senders gave up; and with each repeat that was found in the database, because the process that wrote
   * it may have died before it published it.
   */
  stored: (entry: EntryDocument, repeat: boolean) => void
  quota: SendQuota
}

export class Appender {
  readonly #quota: SendQuota
  readonly #stored: AppenderOptions['stored']
  readonly #writer: LogWriter<Send>
  readonly #lines = new Map<string, Line>()
  readonly #ready = new Queue<Line>()
  readonly #drained = new Set<() => void>()
  #writes = 0
  #scheduled = false
  #senders = 0
  #size = 0

  constructor ({ log, stored, quota, ...writer }: AppenderOptions) {
    this.#quota = quota
    this.#stored = stored
    this.#writer = new LogWriter<Send>(log, writer, {
      stored: send => { this.#answer(send, send.document, false) },
      repeats: (send, earlier) => {
        if (isRepeat(send.document, earlier)) this.#answer(send, earlier, true)
        else this.#fail(send, conflict())
      },
      failed: (send, error) => { this.#fail(send, error) }
    })
  }

  /** Entries that wait or are being written, including those whose outcome is open. */
  get size (): number { return this.#size }

  /**
   * Stores an entry durably under the next number of its conversation. Where this sender used the clientId in
   * this conversation before, nothing is stored, and the stored entry is returned.
   * @param reservation of a sender that waited before, such as for a look-up
   * @throws ApiError `conflict` where the clientId was used for another entry; `unavailable` where too many
   *   wait, or the time is over and the outcome is open: a repeat with the same clientId is safe
   */
  append (entry: EntryDocument, reservation?: Reservation): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const reserved = reservation ?? this.#quota.reserve(textOf(entry))
      const line = this.#lineOf(entry.conversation)
      let send = line.pending.get(keyOf(entry))
      if (send !== undefined && !isRepeat(entry, send.document)) {
        reserved.release()
        throw conflict()
      }
      send ??= this.#enqueue(line, new Send(entry))
      this.#await(send, { reservation: reserved, resolve, reject })
    })
  }

  /** Resolves when no sender waits any more. */
  async drain (): Promise<void> {
    while (this.#senders > 0) await new Promise<void>(resolve => this.#drained.add(resolve))
  }

  /** Ends the retries of entries whose outcome is open. */
  close (): void { this.#writer.close() }

  /** The end of a log as far as this process remembers it; does not ask the database. */
  known (conversation: string): LogEnd | undefined { return this.#writer.known(conversation) }

  /** Another process stored an entry: the remembered end may be too low. */
  storedElsewhere (conversation: string, rev: number): void {
    this.#writer.storedElsewhere(conversation, rev)
  }

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
      // It was never sent, and no sender waits for it.
      if (!send.awaited && !send.taken) this.#settle(send)
    })
  }

  #makeReady (line: Line): void {
    line.state = 'ready'
    this.#ready.enqueue(line)
  }

  /** Entries that arrive in one turn of the event loop go out in one write. */
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
        bytes += Buffer.byteLength(textOf(send.document))
      }
    }
    this.#writes++
    this.#writer.write(batch)
      .catch(error => { for (const send of batch) this.#fail(send, error) })
      .finally(() => {
        // A close leaves some whose outcome is not known.
        for (const send of batch) {
          if (!send.settled) this.#fail(send, apiError('unavailable', 'the server closes'))
        }
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

  #answer (send: Send, entry: EntryDocument, repeat: boolean): void {
    if (!this.#settle(send)) return
    this.#stored(entry, repeat)
    const [first] = send.senders
    for (const sender of send.senders) {
      this.#leave(sender)
      sender.resolve({ entry, repeat: repeat || sender !== first })
    }
  }

  #fail (send: Send, error: unknown): void {
    if (!this.#settle(send)) return
    for (const sender of send.senders) {
      this.#leave(sender)
      sender.reject(error)
    }
  }

  /** @returns whether this is its first outcome; later ones change nothing */
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

/** The error for a clientId that was used before for another entry. */
export function conflict (): Error {
  return apiError('conflict', 'this clientId was used before for something else', 'clientId')
}
