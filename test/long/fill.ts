/** Fills the embedded database directly: over HTTP, within the limits, it would take hours. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { MongoClient, ObjectId, type Db } from 'mongodb'
import { summaryOf } from '../../src/chat/log/entries.js'
import { newMessage } from '../../src/chat/log/entries.js'
import { idOf } from '../../src/chat/memberships-repository.js'
import type {
  ConversationDocument,
  MembershipDocument,
  MessageDocument,
  SessionDocument,
  UserDocument
} from '../../src/database/documents.js'
import { conversationOf } from 'chat-protocol'

/** Below the most that one command may carry (48,000,000 bytes). */
const BATCH_BYTES = 8_000_000
const USERS_A_BATCH = 5_000
/** Opens nothing: no password has this hash. */
const NO_PASSWORD = '-'

/** Longer than any test or measurement takes. */
const SESSION_MS = 24 * 3_600_000

export interface FilledMember {
  id: string
  username: string
  token: string
  headers: { authorization: string }
}

/** The name of the nth filler; they sort by n. */
export const fillerName = (n: number): string => `filler${String(n).padStart(7, '0')}`

export class Filler {
  constructor (
    readonly client: MongoClient,
    readonly db: Db
  ) {}

  static async connect (dataDir: string): Promise<Filler> {
    const socket = encodeURIComponent(join(dataDir, 'mongodb.sock'))
    const client = await MongoClient.connect(`mongodb://${socket}/?directConnection=true`)
    return new Filler(client, client.db('chat'))
  }

  async close (): Promise<void> {
    await this.client.close()
  }

  /** Inserts accounts that nobody can log in to. @returns their ids */
  async users (count: number, avatarImage = ''): Promise<string[]> {
    const documents = Array.from({ length: count }, (_, n): UserDocument => ({
      _id: new ObjectId(),
      username: fillerName(n),
      usernameKey: fillerName(n),
      email: `${fillerName(n)}@example.org`,
      emailKey: `${fillerName(n)}@example.org`,
      password: NO_PASSWORD,
      avatarImage,
      isAvatarImageSet: avatarImage !== '',
      createdAt: new Date()
    }))
    for (let from = 0; from < count; from += USERS_A_BATCH) {
      await this.db.collection<UserDocument>('users').insertMany(documents.slice(from, from + USERS_A_BATCH))
    }
    return documents.map(({ _id }) => _id.toHexString())
  }

  /** Inserts accounts with a session each. */
  async members (count: number): Promise<FilledMember[]> {
    const ids = await this.users(count)
    const tokens = ids.map(() => randomBytes(32).toString('base64url'))
    const now = new Date()
    const sessions = ids.map((id, n): SessionDocument => ({
      _id: createHash('sha256').update(tokens[n]!).digest('hex'),
      user: new ObjectId(id),
      createdAt: now,
      lastSeenAt: now,
      expiresAt: new Date(now.getTime() + SESSION_MS),
      userAgent: 'filler'
    }))
    await this.db.collection<SessionDocument>('sessions').insertMany(sessions)
    return ids.map((id, n) => {
      const token = tokens[n]!
      return { id, username: fillerName(n), token, headers: { authorization: `Bearer ${token}` } }
    })
  }

  /**
   * Inserts a new conversation that one member alone wrote.
   * @param read the number up to which the other has read it
   * @returns the first message
   */
  async conversation (
    sender: string,
    reciver: string,
    count: number,
    message: string,
    read = 0
  ): Promise<MessageDocument> {
    const conversation = conversationOf(sender, reciver)
    const document = (seq: number): MessageDocument => {
      const input = { conversation, sender, message, clientId: randomUUID() }
      return { ...newMessage(input, new Date()), rev: seq, seq, top: seq }
    }
    const documents = Array.from({ length: count }, (_, index) => document(index + 1))
    const batch = Math.max(1, Math.floor(BATCH_BYTES / (Buffer.byteLength(message) + 500)))
    for (let from = 0; from < count; from += batch) {
      await this.db.collection<MessageDocument>('log').insertMany(documents.slice(from, from + batch))
    }
    const members = [...new Set([sender, reciver])].sort()
    const { conversation: _id, ...end } = summaryOf(documents.at(-1)!)
    const summary = { ...end, _id, members, foldedRev: count }
    await this.db.collection<ConversationDocument>('conversations').insertOne(summary as ConversationDocument)
    const place = { conversation, user: reciver }
    await this.db
      .collection<MembershipDocument>('memberships')
      .updateOne({ _id: idOf(place) }, { $set: { ...place, delivered: read, read } }, { upsert: true })
    return documents[0]!
  }
}
