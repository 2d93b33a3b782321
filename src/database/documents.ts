/**
 * The documents of each collection, and the collections with the durability that every write here needs.
 * `messages` is the truth; `conversations` is a summary of it.
 */
import { mongodb } from './driver.js'

export interface UserDocument {
  _id: mongodb.ObjectId
  username: string
  /** unique: the username in NFKC and case-folded (src/accounts/names.ts) */
  usernameKey: string
  email: string
  emailKey: string
  /**
   * what names that look alike share (src/accounts/names.ts); accounts of earlier versions lack it until they
   * are completed
   */
  skeleton?: string
  /** argon2id in PHC string format */
  password: string
  /** base64 of a sanitised SVG; '' without an avatar */
  avatarImage: string
  isAvatarImageSet: boolean
  createdAt: Date
  /** when the last device left */
  lastSeenAt?: Date
  /**
   * set when the account was deleted: only `_id` and hashes of the keys stay (src/accounts/account-keys.ts)
   */
  deletedAt?: Date
}

export interface SessionDocument {
  /** SHA-256 of the token, hex */
  _id: string
  user: mongodb.ObjectId
  createdAt: Date
  lastSeenAt: Date
  expiresAt: Date
  userAgent: string
}

export interface MessageDocument {
  _id: mongodb.ObjectId
  /** missing: a message; no document has it yet */
  kind?: 'message'
  /** "<lower id>:<higher id>" */
  conversation: string
  seq: number
  sender: string
  reciver: string
  message: string
  /** ISO 8601, the sender's or the server's */
  createdAt: string
  storedAt: Date
  /** the client's UUID in lower case; the hex of `_id` if the client gave none */
  clientId: string
}

export interface ConversationDocument {
  _id: string
  members: string[]
  lastSeq: number
  lastMessage: Omit<MessageDocument, 'conversation' | 'storedAt'>
  lastAt: Date
  marks?: Record<string, { delivered?: number, read?: number }>
}

/** What all processes on one database share. */
export interface SettingsDocument {
  _id: string
  /** base64 */
  secret: string
}

interface Documents {
  settings: SettingsDocument
  users: UserDocument
  sessions: SessionDocument
  messages: MessageDocument
  conversations: ConversationDocument
}

/** MongoDB's error code for a value that a unique index contains already. */
export const DUPLICATE_KEY = 11000

/** Whether a unique index refused a write. */
export function isDuplicateKey (error: unknown): boolean {
  return error instanceof mongodb.MongoServerError && error.code === DUPLICATE_KEY
}

/** How long a write waits for a majority before its outcome counts as unknown. */
const MAJORITY_MS = 5_000

/**
 * Writes are acknowledged by a majority and on disk (MongoDB manual, "Write Concern"): they survive any
 * single failure. Reads see only such writes (MongoDB manual, "Read Concern"), which cannot be rolled back.
 */
const DURABLE = {
  writeConcern: { w: 'majority', j: true, wtimeoutMS: MAJORITY_MS },
  readConcern: { level: 'majority' }
} as const

/** What @fastify/mongodb decorates an application with. */
interface WithDatabase {
  readonly mongo: { readonly db?: mongodb.Db }
}

/** A collection of the application's database, typed, with durable writes and reads. */
export function collection<Name extends keyof Documents> (
  fastify: WithDatabase, name: Name
): mongodb.Collection<Documents[Name]> {
  return fastify.mongo.db!.collection<Documents[Name]>(name, DURABLE)
}
