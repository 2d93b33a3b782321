/**
 * Migration 1: `messages` become the entries of `log`, with rev = seq; the marks of the members move from
 * `conversations` to `memberships`.
 */
import type { Migration } from './migration.js'
import type { mongodb } from './driver.js'

/** Documents that are read and written at a time: a few megabytes with usual texts. */
const BATCH = 500

interface OldMessage {
  _id: mongodb.ObjectId
  conversation: string
  seq: number
  sender: string
  reciver: string
  message: string
  createdAt: string
  storedAt: Date
  clientId: string
}

interface OldConversation {
  _id: string
  lastSeq: number
  lastMessage?: { _id: mongodb.ObjectId, seq: number }
  lastAt: Date
  marks?: Record<string, { delivered?: number, read?: number }>
}

/** Copies `messages` in the order of their ids, then converts `conversations`, then drops `messages`. */
export const toTwoNumbers: Migration = async (db, progress) => {
  await copyMessages(db, progress)
  await convertConversations(db, progress)
  const [old] = await db.listCollections({ name: 'messages' }).toArray()
  if (old !== undefined) await db.dropCollection('messages')
}

/** What was copied is the beginning of `messages`, by id, so it goes on after the highest id in `log`. */
async function copyMessages (db: mongodb.Db, progress: (text: string) => Promise<void>): Promise<void> {
  const from = db.collection<OldMessage>('messages')
  const to = db.collection('log')
  const [newest] = await to.find({}, { sort: { _id: -1 }, limit: 1, projection: { _id: 1 } }).toArray()
  let last = newest?._id
  let count = 0
  for (;;) {
    const filter = last === undefined ? {} : { _id: { $gt: last } }
    const batch = await from.find(filter, { sort: { _id: 1 }, limit: BATCH }).toArray()
    if (batch.length === 0) return
    await to.insertMany(batch.map(toEntry), { ordered: true })
    last = batch.at(-1)!._id
    count += batch.length
    await progress(`${count} messages`)
  }
}

function toEntry ({ sender: actor, reciver: _reciver, ...message }: OldMessage) {
  const { seq } = message
  return { ...message, kind: 'message', rev: seq, top: seq, actor }
}

async function convertConversations (
  db: mongodb.Db, progress: (text: string) => Promise<void>
): Promise<void> {
  const conversations = db.collection<OldConversation>('conversations')
  let last = ''
  let count = 0
  for (;;) {
    const filter = { _id: { $gt: last }, lastRev: { $exists: false } }
    const batch = await conversations.find(filter, { sort: { _id: 1 }, limit: BATCH }).toArray()
    if (batch.length === 0) return
    await moveMarks(db, batch)
    await conversations.bulkWrite(batch.map(conversation => ({
      updateOne: {
        // A process that was taken over must not set a conversation back.
        filter: { _id: conversation._id, lastRev: { $exists: false } },
        update: converted(conversation)
      }
    })), { ordered: false })
    last = batch.at(-1)!._id
    count += batch.length
    await progress(`${count} conversations`)
  }
}

function converted (
  { lastSeq, lastMessage, lastAt }: OldConversation
): mongodb.UpdateFilter<OldConversation> {
  const last = lastMessage === undefined ? {} : { last: { seq: lastMessage.seq, id: lastMessage._id } }
  return {
    $set: { lastRev: lastSeq, foldedRev: lastSeq, changedAt: lastAt, ...last },
    $unset: { lastMessage: '', marks: '' }
  }
}

async function moveMarks (db: mongodb.Db, batch: OldConversation[]): Promise<void> {
  const writes = batch.flatMap(({ _id: conversation, marks = {} }) =>
    Object.entries(marks).map(([user, { delivered = 0, read = 0 }]) => ({
      updateOne: {
        filter: { _id: `${conversation}/${user}` },
        update: { $set: { conversation, user }, $max: { delivered, read } },
        upsert: true
      }
    })))
  if (writes.length === 0) return
  await db.collection<{ _id: string }>('memberships').bulkWrite(writes, { ordered: false })
}
