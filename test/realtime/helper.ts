/** What the tests of delivery share. */
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { App } from '../../src/app.js'
import type { ConversationDocument, MessageDocument } from '../../src/database/documents.js'
import { append, conversationOf, messageDocument, type Person, type Socket } from '../helper.js'

/** The numbers from `from` to `to`. */
export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** Stores `count` messages through an application, as one batch. */
export async function fill (
  app: App,
  from: Pick<Person, 'id'>,
  to: Pick<Person, 'id'>,
  count: number,
  text = 'text'
): Promise<void> {
  await Promise.all(
    range(1, count).map(n => append(app, { sender: from.id, reciver: to.id, message: `${text} ${n}` }))
  )
}

/** The numbers that a socket got of a conversation as `message`, in the order in which they came. */
export function numbers (socket: Socket, conversation: string): number[] {
  return socket
    .all('message')
    .filter(frame => frame.message.conversation === conversation)
    .map(frame => frame.message.seq)
}

/** Resolves when a socket has got this number of a conversation. */
export async function reaches (socket: Socket, conversation: string, seq: number): Promise<void> {
  await socket.until(() => numbers(socket, conversation).includes(seq) || undefined)
}

/** Asks after each turn of the event loop until the answer is yes. */
export async function eventually (ask: () => boolean): Promise<void> {
  while (!ask()) {
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
}

/** A promise with its resolve function. */
export function gate (): { opened: Promise<void>; open: () => void } {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** Stores messages without telling any process, as a process does that dies in between. */
export async function storeSilently (
  app: App,
  from: Person,
  to: Person,
  seqs: number[],
  changes: Partial<MessageDocument> = {}
): Promise<void> {
  const documents = seqs.map(seq => ({ ...messageDocument(from.id, to.id, `text ${seq}`, seq), ...changes }))
  await app.mongo.db!.collection<MessageDocument>('log').insertMany(documents)
}

/** Writes a summary as another process does, with the time of its clock. */
export async function storeSummary (
  app: App,
  a: Person,
  b: Person,
  lastSeq: number,
  lastAt: Date
): Promise<void> {
  await app.mongo
    .db!.collection<ConversationDocument>('conversations')
    .updateOne(
      { _id: conversationOf(a.id, b.id) },
      { $set: { members: [a.id, b.id], lastSeq, lastRev: lastSeq, lastAt, changedAt: lastAt } },
      { upsert: true }
    )
}

/** Somebody without an account, whose messages are stored directly: it saves the hash of a password. */
export const somebody = () => ({ id: randomBytes(12).toString('hex') })

/** `count` ids of conversations of a user with people who do not exist. */
export const strangers = (user: string, count: number) =>
  range(1, count).map(() => conversationOf(user, somebody().id))

/** Frames that resume these conversations from 0, each of them up to the default FRAME_BYTES. */
export function resumes (conversations: string[], perFrame = 2_400): object[] {
  const frames = []
  for (let at = 0; at < conversations.length; at += perFrame) {
    const have = Object.fromEntries(conversations.slice(at, at + perFrame).map(id => [id, 0]))
    frames.push({ type: 'resume', have })
  }
  return frames
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that are held: V8's heap and what lies outside of it, after garbage collection. */
export function heldBytes (): number {
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
