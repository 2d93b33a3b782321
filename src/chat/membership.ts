/**
 * Who belongs to a conversation. Nothing else in the server derives members from the id of a conversation.
 */
import type { mongodb } from '../database/driver.js'
import type { ConversationDocument } from '../database/documents.js'
import { apiError } from '../errors.js'

/** What a user may do in a conversation. */
export type Role = 'member'

/**
 * A value that is there at once, or a promise of it. Direct conversations are answered at once, so that the
 * way of a message takes no extra promise; conversations whose members are stored need the database.
 */
export type Known<T> = T | Promise<T>

/** Passes a value on: in the same turn where it is there at once, else when the promise resolves. */
export function whenKnown<T> (value: Known<T>, use: (value: T) => void): Promise<void> | undefined {
  if (value instanceof Promise) return value.then(use)
  use(value)
  return undefined
}

/** The characters of a user's id. */
const ID_CHARS = 24

/**
 * Answers who belongs to a conversation. There are only direct conversations yet: the id names both members
 * (docs/realtime.md), and they never change.
 */
export class Membership {
  /** The members of a conversation, each once: a conversation with oneself has one member. */
  members (conversation: string): Known<readonly string[]> {
    const [low, high] = pairOf(conversation)
    return low === high ? [low] : [low, high]
  }

  /** The role of a user in a conversation; undefined for a user who is not a member. */
  role (conversation: string, user: string): Known<Role | undefined> {
    return this.partner(conversation, user) === undefined ? undefined : 'member'
  }

  /** The other member of a direct conversation, or the user in a conversation with oneself. */
  partner (conversation: string, user: string): string | undefined {
    const [low, high] = pairOf(conversation)
    if (low === user) return high
    return high === user ? low : undefined
  }

  /** The filter of the collection `conversations` that finds all conversations of these users. */
  conversationsOf (...users: string[]): mongodb.Filter<ConversationDocument> {
    return { members: users.length === 1 ? users[0]! : { $in: users } }
  }

  /**
   * Refuses users who are not members.
   * @param path the field of the request that names the conversation
   * @returns a promise only where the members have to be looked up
   * @throws ApiError `forbidden`
   */
  requireMember (conversation: string, user: string, path: string): Promise<void> | undefined {
    return whenKnown(this.role(conversation, user), role => {
      if (role === undefined) throw apiError('forbidden', 'this is a conversation of others', path)
    })
  }
}

/** The two ids of a direct conversation; twice the same in a conversation with oneself. */
function pairOf (conversation: string): [low: string, high: string] {
  return [conversation.slice(0, ID_CHARS), conversation.slice(ID_CHARS + 1)]
}
