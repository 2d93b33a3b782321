/**
 * The documents of each collection, and the collections with the durability that every write here needs.
 * `messages` is the truth; `conversations` is a summary of it.
 */
import type { FastifyInstance } from 'fastify'
import { type mongodb } from '@fastify/mongodb'

export interface UserDocument {
  _id: mongodb.ObjectId
  username: string
  /** NFKC and case-folded (src/accounts/names.ts): what is unique */
  usernameKey: string
  email: string
  emailKey: string
  /** what names that look alike share (src/accounts/names.ts); missing in accounts of earlier versions until they are completed */
  skeleton?: string
  /** argon2id in PHC string format */
  password: string
  /** base64 of a sanitised SVG, '' if none */
  avatarImage: string
  isAvatarImageSet: boolean
  createdAt: Date
  /** when the last device left */
  lastSeenAt?: Date
  /** set when the account was deleted: all that is left then is `_id` and hashes of the keys (src/accounts/account-keys.ts) */
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
  /** the client's UUID in lower case, or the hex of `_id` where it gave none */
  clientId: string
}

export interface ConversationDocument {
  _id: string
  members: string[]
  lastSeq: number
  lastMessage: Pick<MessageDocument, '_id' | 'seq' | 'sender' | 'reciver' | 'message' | 'createdAt' | 'clientId'>
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

/** The server's code for a value that a unique index has already (MongoDB's error codes: DuplicateKey). */
export const DUPLICATE_KEY = 11000

/** How long a write waits for a majority, before its outcome counts as open. */
const MAJORITY_MS = 5_000

/**
 * Acknowledged by a majority and on disk (MongoDB manual, "Write Concern"): what was answered survives any
 * single failure. Reads see only that (MongoDB manual, "Read Concern"): what was read can't be rolled back.
 */
const DURABLE = {
  writeConcern: { w: 'majority', j: true, wtimeoutMS: MAJORITY_MS },
  readConcern: { level: 'majority' }
} as const

/** A collection as `fastify.mongo` gives it, typed, with durable writes and reads. */
export function collection<Name extends keyof Documents> (fastify: FastifyInstance, name: Name): mongodb.Collection<Documents[Name]> {
  return fastify.mongo.db!.collection<Documents[Name]>(name, DURABLE)
}
