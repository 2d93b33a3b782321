import type { User } from '../accounts/schemas.js'
import type { UserRepository } from '../accounts/user-repository.js'
import { publicUser, userBytes } from '../accounts/users.js'
import type { ConversationDocument, UserDocument } from '../database/documents.js'
import { jsonBytes, LIST_BYTES } from '../lists.js'
import { markOf, type InboxPosition } from './conversations-repository.js'
import type { Conversations } from './conversations.js'
import type { Membership } from './membership.js'
import { MESSAGE_BYTES, toMessage } from './messages.js'
import type { Conversation } from './schemas/conversations.js'

/** Conversations that are read at a time: with the longest messages and largest avatars 4 MB. */
const PART = 50
/** What a conversation takes in JSON besides its message and its user: id, numbers and names of fields. */
const CONVERSATION_BYTES = 250

/** A page of an inbox; `next` where there may be more. */
export interface InboxPage {
  data: Conversation[]
  next?: InboxPosition
}

type Users = Map<string, UserDocument>

export interface InboxOptions {
  conversations: Pick<Conversations, 'page' | 'unread'>
  users: Pick<UserRepository, 'findMany'>
  membership: Membership
}

/** The conversations of a user as its clients see them, newest first. */
export class Inbox {
  readonly #options: InboxOptions

  constructor (options: InboxOptions) { this.#options = options }

  /**
   * Reads up to `limit` conversations and LIST_BYTES. They are read in parts, so that few come from the
   * database that do not fit.
   */
  async page (user: string, from: InboxPosition | undefined, limit: number): Promise<InboxPage> {
    const data: Conversation[] = []
    let next = from
    let bytes = 0
    for (let left = limit; left > 0; left -= PART) {
      const wanted = Math.min(left, PART)
      const part = await this.#options.conversations.page(user, next, wanted)
      const others = await this.#othersIn(part, user)
      let fitting = 0
      for (const document of part) {
        bytes += conversationBytes(document, others.get(this.#partner(document, user)))
        if (bytes > LIST_BYTES) break
        fitting++
        next = { lastAt: document.lastAt, id: document._id }
      }
      // A conversation whose first message was never written has nothing to show.
      const visible = part.slice(0, fitting).filter(document => document.lastSeq > 0)
      data.push(...await Promise.all(visible.map(document => this.#shown(document, user, others))))
      if (fitting === part.length && part.length < wanted) return { data }
      if (fitting < part.length) break
    }
    return { data, ...(next === undefined ? {} : { next }) }
  }

  #partner (document: ConversationDocument, user: string): string {
    return this.#options.membership.partner(document._id, user)!
  }

  /** The other members of conversations, except those that were deleted from the database. */
  async #othersIn (part: ConversationDocument[], user: string): Promise<Users> {
    return await this.#options.users.findMany(part.map(document => this.#partner(document, user)))
  }

  async #shown (document: ConversationDocument, user: string, others: Users): Promise<Conversation> {
    const other = this.#partner(document, user)
    const { delivered, read } = markOf(document, user)
    return {
      id: document._id,
      user: shownUser(other, others.get(other)),
      lastSeq: document.lastSeq,
      lastMessage: toMessage({ ...document.lastMessage, conversation: document._id }),
      unread: await this.#options.conversations.unread(document, user, other),
      read,
      delivered,
      other: markOf(document, other)
    }
  }
}

function shownUser (id: string, user: UserDocument | undefined): User {
  return user === undefined ? { _id: id, username: 'Deleted user', deleted: true } : publicUser(user)
}

/** The bytes of a conversation in JSON at most. */
function conversationBytes ({ lastMessage }: ConversationDocument, other: UserDocument | undefined): number {
  const message = lastMessage === undefined ? 0 : MESSAGE_BYTES + jsonBytes(lastMessage.message)
  return CONVERSATION_BYTES + message + (other === undefined ? 0 : userBytes(other))
}
