/**
 * The documents of each collection, and the collections with the durability that every write here needs.
 * `log` is the truth; `conversations` and the roles in `memberships` are made of it.
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

/** What every entry of the log has. */
interface EntryFields {
  _id: mongodb.ObjectId
  conversation: string
  /** 1, 2, 3 … in its conversation */
  rev: number
  /** of a message: 1, 2, 3 … among the messages of its conversation; of any other entry: -rev */
  seq: number
  /** the messages up to and including this entry */
  top: number
  /** the user who made it */
  actor: string
  /** the client's UUID in lower case; the hex of `_id` if the client gave none */
  clientId: string
  /** ISO 8601: of a message the sender's or the server's time, of any other entry the server's */
  createdAt: string
  storedAt: Date
}

/** A message as sent, with what later entries made of it (src/chat/log/folds.ts). */
export interface MessageDocument extends EntryFields {
  kind: 'message'
  /** as sent; '' once deleted */
  message: string
  replyTo?: number
  /** the text of the last edit */
  current?: string
  /** the times of the last edit, and of the deletion: ISO 8601 */
  editedAt?: string
  deletedAt?: string
  /** emoji -> users; an emoji may have none left */
  reactions?: Record<string, string[]>
  /** the revs of its edits */
  edits?: number[]
  /** the rev of the last entry that changed it */
  folded?: number
}

export interface EditDocument extends EntryFields {
  kind: 'edit'
  target: number
  /** '' once the message is deleted */
  message: string
}

export interface DeleteDocument extends EntryFields {
  kind: 'delete'
  target: number
}

export interface ReactionDocument extends EntryFields {
  kind: 'reaction'
  target: number
  emoji: string
  on: boolean
}

export interface MemberDocument extends EntryFields {
  kind: 'member'
  user: string
  role: Role | null
}

/** The first entry of a group has its name, history and members; later ones what changed. */
export interface GroupDocument extends EntryFields {
  kind: 'group'
  name?: string
  avatarImage?: string
  history?: History
  members?: string[]
}

/** An entry of the log; `seq`, `edit` … of a conversation are the same in all processes. */
export type EntryDocument =
  MessageDocument | EditDocument | DeleteDocument | ReactionDocument | MemberDocument | GroupDocument

export type Role = 'owner' | 'admin' | 'member'

/** What a member of a group sees: what came after joining, or all. */
export type History = 'joined' | 'all'

/** A summary of the log of a conversation, and for a group what all its members share. */
export interface ConversationDocument {
  _id: string
  kind?: 'group'
  members: string[]
  lastSeq: number
  lastRev: number
  /** the last message; missing where there is none */
  last?: { seq: number, id: mongodb.ObjectId }
  /** when the last message was stored; of a group without messages, when it was made */
  lastAt: Date
  /** when the last entry was stored */
  changedAt: Date
  /** up to this rev every entry is folded */
  foldedRev?: number
  name?: string
  avatarImage?: string
  history?: History
  /** the rev of the entry that changed name or avatar */
  groupRev?: number
  /** the rev of the last entry that changed `members` */
  membersRev?: number
}

/** The marks of a member, and the role in a group. */
export interface MembershipDocument {
  /** "<conversation>/<user>" */
  _id: string
  conversation: string
  user: string
  /** null: left, or was removed; missing in direct conversations */
  role?: Role | null
  /** the rev at which the user joined, and the number of messages up to it */
  joined?: number
  joinedTop?: number
  /** when the user joined: ISO 8601 */
  joinedAt?: string
  /** the rev of the last entry that changed the role */
  rev?: number
  read?: number
  delivered?: number
}

export interface BlockDocument {
  /** "<blocker>/<blocked>" */
  _id: string
  blocker: string
  blocked: string
  createdAt: Date
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
  log: EntryDocument
  conversations: ConversationDocument
  memberships: MembershipDocument
  blocks: BlockDocument
}

/** The documents whose `_id` is this beginning, a slash, and anything: '0' follows '/'. */
export function idsWithin (beginning: string): { $gte: string, $lt: string } {
  return { $gte: `${beginning}/`, $lt: `${beginning}0` }
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
export const DURABLE = {
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
