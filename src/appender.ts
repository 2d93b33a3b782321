/**
 * The append side of the message log: numbers messages 1, 2, 3 … in their conversation, without a gap, whatever fails.
 *
 * A number is given by inserting it: the unique index on {conversation, seq} lets exactly one writer have it, a loser takes
 * the next one. Messages of one conversation are written in order, by one write at a time; those that arrive meanwhile gather
 * and become the next ordered batch (group commit). Batches of several conversations share a write: as it is ordered and
 * stops at its first error, only a suffix is ever missing, so that no conversation gets a gap.
 */
import { mongodb } from '@fastify/mongodb'
import { LRUCache } from 'lru-cache'
import { setTimeout as delay } from 'node:timers/promises'
import { DUPLICATE_KEY, type MessageDocument } from './documents.js'
import { apiError } from './errors.js'
import { newDocument, toMessage, type NewMessage } from './messages.js'
import type { Message } from './schemas/messages.js'

/** Writes under way at once: enough to keep a server with several disks or shards busy, few enough that batches form. */
const MAX_WRITES = 4
/** Messages of one write: at 10,000 code points of 4 bytes each they stay below the 48 MiB of a MongoDB message. */
const MAX_BATCH = 500
/** Messages waiting in all: beyond it the database is far behind, and a quick refusal is better than a late answer. */
const MAX_WAITING = 20_000
/** How long an open outcome is cleared up, before the senders are told to repeat: the socket's and HTTP clients' patience. */
const GIVE_UP_MS = 10_000
/** The pause before reading back after a failure doubles from the first to the last. */
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000
/** Conversations whose last number is remembered: lru-cache sets memory aside for all of them at once, about 50 bytes each. */
const REMEMBERED = 20_000

export interface Appended {
  message: Message
  /** it had been stored before: this was a repeat of its clientId */
  repeat: boolean
}

interface Entry {
  document: MessageDocument
  outcome: Promise<Appended>
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

interface Queue {
  conversation: string
  waiting: Entry[]
  /** by sender and clientId: those waiting or being written */
  pending: Map<string, Entry>
  writing: boolean
}

export class Appender {
  private readonly queues = new Map<string, Queue>()
  private readonly ready: Queue[] = []
  private readonly lastSeqs = new LRUCache<string, number>({ max: REMEMBERED })
  private writes = 0
  private scheduled = false
  private waiting = 0
  private readonly idle = new Set<() => void>()

  /**
   * @param messages the collection, with a durable write concern
   * @param open is awaited before the first message of a conversation is written
   * @param stored is told of each new message, in order within its conversation, before its sender is answered; and of each repeat that was found in the
   *   database, for whoever wrote it may not have been able to tell
   */
  constructor (
    private readonly messages: mongodb.Collection<MessageDocument>,
    private readonly open: (conversation: string) => Promise<void>,
    private readonly stored: (document: MessageDocument, message: Message, repeat: boolean) => void
  ) {}

  /** Messages that wait or are being written. */
  get size (): number { return this.waiting }

  /**
   * Stores a message durably under the next number of its conversation.
   * A clientId that this sender used in this conversation before gives the stored message and stores nothing.
   * @throws conflict where the clientId was used with another text; unavailable where the outcome stays open: a repeat with the same clientId is safe
   */
  append (input: NewMessage): Promise<Appended> {
    if (this.waiting >= MAX_WAITING) return Promise.reject(apiError('unavailable', 'too many messages are waiting to be stored', '', { retryAfter: 1 }))
    const document = newDocument(input, new Date())
    const queue = this.queueOf(document.conversation)
    const key = document.sender + document.clientId
    const twin = queue.pending.get(key)
    if (twin !== undefined) {
      if (twin.document.message !== document.message) return Promise.reject(conflict())
      return twin.outcome.then(({ message }) => ({ message, repeat: true }))
    }
    const entry = { document } as Entry
    entry.outcome = new Promise((resolve, reject) => { entry.resolve = resolve; entry.reject = reject })
    queue.pending.set(key, entry)
    queue.waiting.push(entry)
    this.waiting++
    if (!queue.writing && queue.waiting.length === 1) this.ready.push(queue)
    this.schedule()
    return entry.outcome
  }

  /** Resolves when nothing waits or is being written. */
  async drain (): Promise<void> {
    while (this.waiting > 0) await new Promise<void>(resolve => { this.idle.add(resolve) })
  }

  /** The highest number stored in a conversation, 0 if none. */
  async lastSeq (conversation: string): Promise<number> {
    const last = await this.messages.findOne({ conversation }, { sort: { seq: -1 }, projection: { seq: 1 } })
    return last?.seq ?? 0
  }

  /** The highest number stored in a conversation as far as this process remembers; 0 where it does not. */
  known (conversation: string): number { return this.lastSeqs.peek(conversation) ?? 0 }

  private queueOf (conversation: string): Queue {
    let queue = this.queues.get(conversation)
    if (queue === undefined) {
      queue = { conversation, waiting: [], pending: new Map(), writing: false }
      this.queues.set(conversation, queue)
    }
    return queue
  }

  /** What arrives in one turn of the event loop goes out in one write. */
  private schedule (): void {
    if (this.scheduled || this.writes >= MAX_WRITES || this.ready.length === 0) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      while (this.writes < MAX_WRITES && this.ready.length > 0) this.startWrite()
    })
  }

  private startWrite (): void {
    const batch: Entry[] = []
    const queues: Queue[] = []
    while (this.ready.length > 0 && batch.length < MAX_BATCH) {
      const queue = this.ready.shift()!
      queue.writing = true
      queues.push(queue)
      batch.push(...queue.waiting.splice(0, MAX_BATCH - batch.length))
    }
    this.writes++
    this.write(batch)
      .catch(error => { for (const entry of batch) this.settle(entry, () => entry.reject(error)) })
      .finally(() => {
        this.writes--
        for (const queue of queues) this.release(queue)
        this.schedule()
      })
  }

  private release (queue: Queue): void {
    queue.writing = false
    if (queue.waiting.length > 0) this.ready.push(queue)
    else if (queue.pending.size === 0) this.queues.delete(queue.conversation)
  }

  /** Writes a batch to its end: every entry is settled when it returns. */
  private async write (batch: Entry[]): Promise<void> {
    const giveUpAt = Date.now() + GIVE_UP_MS
    let left = batch
    let pause = FIRST_PAUSE_MS
    let before: () => Promise<Entry[]> = () => this.number(left)
    while (left.length > 0) {
      try {
        left = await before()
        if (left.length === 0) return
        before = () => this.readBack(left)
        await this.messages.insertMany(left.map(entry => entry.document), { ordered: true })
        left.forEach(entry => this.accept(entry))
        return
      } catch (error) {
        const refused = refusedAt(error)
        if (refused !== undefined) {
          left.slice(0, refused).forEach(entry => this.accept(entry))
          left = left.slice(refused)
          before = () => this.resolveRefusal(left, error as mongodb.MongoBulkWriteError)
          continue
        }
        // The outcome is open: nothing else of these conversations is written until it is known.
        if (Date.now() > giveUpAt) throw this.abandon(left, error)
        await delay(pause)
        pause = Math.min(pause * 2, MAX_PAUSE_MS)
      }
    }
  }

  /** Gives each entry the next number of its conversation. */
  private async number (entries: Entry[]): Promise<Entry[]> {
    const conversations = [...new Set(entries.map(entry => entry.document.conversation))]
    await Promise.all(conversations.map(async conversation => {
      const last = this.lastSeqs.get(conversation) ?? await this.lastSeq(conversation)
      if (last === 0) await this.open(conversation)
      this.lastSeqs.set(conversation, last)
    }))
    const next = new Map<string, number>()
    for (const { document } of entries) {
      document.seq = (next.get(document.conversation) ?? this.lastSeqs.get(document.conversation) ?? 0) + 1
      next.set(document.conversation, document.seq)
    }
    return entries
  }

  /** After an open outcome: accepts what is stored, and gives what is left, its numbers unchanged. */
  private async readBack (entries: Entry[]): Promise<Entry[]> {
    const stored = await this.messages.find({ _id: { $in: entries.map(entry => entry.document._id) } }, { projection: { seq: 1 } }).toArray()
    const seqs = new Map(stored.map(({ _id, seq }) => [_id.toHexString(), seq]))
    return entries.filter(entry => {
      const seq = seqs.get(entry.document._id.toHexString())
      if (seq === undefined) return true
      entry.document.seq = seq
      this.accept(entry)
      return false
    })
  }

  /**
   * Finds out, by look-up and not from the error's text, why the first entry was refused: it is stored already, it
   * repeats a clientId, or its number is taken. Gives what is left to write, with new numbers.
   */
  private async resolveRefusal (entries: Entry[], error: mongodb.MongoBulkWriteError): Promise<Entry[]> {
    const [entry, ...behind] = entries as [Entry, ...Entry[]]
    const { _id, conversation, sender, clientId, message } = entry.document
    if (error.code !== DUPLICATE_KEY) {
      this.settle(entry, () => entry.reject(error))
      return await this.number(behind)
    }
    const twin = await this.messages.findOne({ _id }) ?? await this.messages.findOne({ conversation, sender, clientId })
    if (twin === null) {
      this.lastSeqs.set(conversation, await this.lastSeq(conversation))
      return await this.number(entries)
    }
    if (twin._id.equals(_id)) {
      entry.document.seq = twin.seq
      this.accept(entry)
    } else {
      this.settle(entry, () => twin.message === message ? this.answer(entry, twin, true) : entry.reject(conflict()))
    }
    return await this.number(behind)
  }

  private accept (entry: Entry): void {
    const { conversation, seq } = entry.document
    this.lastSeqs.set(conversation, Math.max(seq, this.lastSeqs.get(conversation) ?? 0))
    this.settle(entry, () => { this.answer(entry, entry.document, false) })
  }

  private answer (entry: Entry, document: MessageDocument, repeat: boolean): void {
    const message = toMessage(document)
    this.stored(document, message, repeat)
    entry.resolve({ message, repeat })
  }

  private abandon (entries: Entry[], cause: unknown): Error {
    for (const { document } of entries) this.lastSeqs.delete(document.conversation)
    return apiError('unavailable', 'whether the message was stored is not known; repeat it with the same clientId', '', { retryAfter: 2, cause })
  }

  private settle (entry: Entry, answer: () => void): void {
    const { conversation, sender, clientId } = entry.document
    const pending = this.queues.get(conversation)?.pending
    // Settled before; a repeat may be pending under the same key by now.
    if (pending?.get(sender + clientId) !== entry) return
    pending.delete(sender + clientId)
    this.waiting--
    answer()
    if (this.waiting > 0) return
    for (const resolve of this.idle) resolve()
    this.idle.clear()
  }
}

/** The index of the write that the server refused; undefined where it refused none, but the outcome is open. */
function refusedAt (error: unknown): number | undefined {
  return error instanceof mongodb.MongoBulkWriteError ? [error.writeErrors].flat()[0]?.index : undefined
}

function conflict (): Error {
  return apiError('conflict', 'this clientId was used before for another text', 'clientId')
}
