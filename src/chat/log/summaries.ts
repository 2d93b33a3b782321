/**
 * Keeps `conversations` in step with `messages`, which is the truth: summaries and marks gather for FLUSH_MS, then go out in
 * one bulk write (and one update for each changed mark), however many messages and receipts there were.
 */
import { mongodb } from '@fastify/mongodb'
import type { BaseLogger } from 'pino'
import { DUPLICATE_KEY, type ConversationDocument, type MessageDocument } from '../../database/documents.js'
import { apiError } from '../../http/errors.js'
import { membersOf } from '../messages.js'
import type { Mark } from '../schemas/conversations.js'
import type { Receipt } from '../receipts.js'

/** An inbox may be behind by this; a person does not notice, and busy conversations cost ten writes a second at most. */
const FLUSH_MS = 100
/** After a failure: the database needs a moment. */
const RETRY_MS = 1_000

interface PendingMark {
  conversation: string
  user: string
  /** every number that was named: one above the highest stored must not swallow the others */
  delivered: number[]
  read: number[]
  socket: string | undefined
  waiting: { resolve: (mark: Mark) => void, reject: (error: unknown) => void }[]
}

export class Summaries {
  private touched = new Map<string, MessageDocument>()
  private marks = new Map<string, PendingMark>()
  private timer: NodeJS.Timeout | undefined
  private flushing: Promise<void> | undefined
  private writing = 0
  private closed = false

  constructor (
    private readonly conversations: mongodb.Collection<ConversationDocument>,
    private readonly messages: mongodb.Collection<MessageDocument>,
    private readonly changed: (receipt: Receipt) => void,
    private readonly log: Pick<BaseLogger, 'warn'>
  ) {}

  /** Those being written are among them. */
  get pending (): number { return this.touched.size + this.marks.size + this.writing }

  touch (message: MessageDocument): void {
    const known = this.touched.get(message.conversation)
    if (known === undefined || known.seq < message.seq) this.touched.set(message.conversation, message)
    this.schedule(FLUSH_MS)
  }

  mark (conversation: string, user: string, kind: 'delivered' | 'read', seq: number, socket?: string): Promise<Mark> {
    return new Promise((resolve, reject) => {
      const key = `${conversation} ${user}`
      const known = this.marks.get(key)
      const mark = known ?? { conversation, user, delivered: [], read: [], socket, waiting: [] }
      if (mark.socket !== socket) mark.socket = undefined
      mark[kind].push(seq)
      mark.waiting.push({ resolve, reject })
      this.marks.set(key, mark)
      this.schedule(FLUSH_MS)
    })
  }

  /** Gives a summary that is not behind `messages`; writes what had to be repaired. */
  async verify (document: ConversationDocument): Promise<ConversationDocument> {
    const newest = await this.messages.findOne({ conversation: document._id, seq: { $gt: document.lastSeq } }, { sort: { seq: -1 } })
    if (newest === null) return document
    this.touch(newest)
    return { ...document, ...summaryOf(newest) }
  }

  /** Writes what is left; later calls are ignored. */
  async close (): Promise<void> {
    clearTimeout(this.timer)
    await this.flushing
    await this.flush()
    this.closed = true
    clearTimeout(this.timer)
  }

  private schedule (ms: number): void {
    if (this.closed || this.timer !== undefined || this.flushing !== undefined) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.flushing = this.flush().then(() => FLUSH_MS, () => RETRY_MS).then(pause => {
        this.flushing = undefined
        if (this.pending > 0) this.schedule(pause)
      })
    }, ms)
  }

  private async flush (): Promise<void> {
    const { touched } = this
    const marks = [...this.marks.values()]
    this.touched = new Map()
    this.marks = new Map()
    this.writing = touched.size + marks.length
    try {
      await this.write(touched, marks)
    } finally {
      this.writing = 0
    }
  }

  private async write (touched: Map<string, MessageDocument>, marks: PendingMark[]): Promise<void> {
    try {
      await this.writeSummaries([...touched.values()])
    } catch (error) {
      for (const message of touched.values()) this.touch(message)
      for (const mark of marks) for (const { reject } of mark.waiting) reject(error)
      this.log.warn({ err: error }, 'conversations are behind: will try again')
      throw error
    }
    await Promise.all(marks.map(async mark => {
      try {
        const stored = await this.writeMark(mark)
        for (const { resolve } of mark.waiting) resolve(stored)
      } catch (error) {
        for (const { reject } of mark.waiting) reject(error)
      }
    }))
  }

  private async writeSummaries (messages: MessageDocument[]): Promise<void> {
    if (messages.length === 0) return
    try {
      await this.conversations.bulkWrite(messages.map(message => ({
        // A summary never goes back: where a later one is stored the filter misses, and the upsert meets the _id.
        updateOne: { filter: { _id: message.conversation, lastSeq: { $lt: message.seq } }, update: { $set: summaryOf(message) }, upsert: true }
      })), { ordered: false })
    } catch (error) {
      if (!onlyLater(error)) throw error
    }
  }

  private async writeMark ({ conversation, user, socket, ...named }: PendingMark): Promise<Mark> {
    let document = await this.conversations.findOne({ _id: conversation })
    if (document === null) return { delivered: 0, read: 0 }
    const highest = (numbers: number[], limit = Infinity) => numbers.reduce((high, seq) => seq > high && seq <= limit ? seq : high, 0)
    if (highest([...named.delivered, ...named.read]) > document.lastSeq) document = await this.verify(document)
    const read = highest(named.read, document.lastSeq)
    // Read implies delivered.
    const delivered = Math.max(read, highest(named.delivered, document.lastSeq))
    const field = `marks.${user}`
    const raised = await this.conversations.findOneAndUpdate(
      { _id: conversation, $or: [{ [`${field}.delivered`]: { $not: { $gte: delivered } } }, { [`${field}.read`]: { $not: { $gte: read } } }] },
      { $max: { [`${field}.delivered`]: delivered, [`${field}.read`]: read } },
      { returnDocument: 'after' })
    if (raised === null) {
      const mark = markOf(document, user)
      // Else a mark as high is there, but not durable yet: it must not be answered, nor a lower one.
      if (mark.delivered >= delivered && mark.read >= read) return mark
      throw apiError('unavailable', 'the mark is not stored durably yet', '', { retryAfter: 1 })
    }
    const mark = markOf(raised, user)
    if (mark.delivered > 0) this.changed({ conversation, user, ...mark, ...(socket === undefined ? {} : { socket }) })
    return mark
  }
}

/** Whether all that failed were upserts that met a later summary. A lost connection has no write errors. */
function onlyLater (error: unknown): boolean {
  if (!(error instanceof mongodb.MongoBulkWriteError)) return false
  if (error.result.getWriteConcernError() !== undefined) return false
  const refused = [error.writeErrors].flat()
  return refused.length > 0 && refused.every(({ code }) => code === DUPLICATE_KEY)
}

function summaryOf (message: MessageDocument) {
  const { _id, conversation, seq, sender, reciver, createdAt, clientId, storedAt } = message
  return {
    members: [...new Set(membersOf(conversation))],
    lastSeq: seq,
    lastMessage: { _id, seq, sender, reciver, message: message.message, createdAt, clientId },
    lastAt: storedAt
  }
}

/** A member's marks in a conversation; 0 where it has none. */
export function markOf (document: ConversationDocument, user: string): Mark {
  const mark = document.marks?.[user]
  return { delivered: mark?.delivered ?? 0, read: mark?.read ?? 0 }
}
