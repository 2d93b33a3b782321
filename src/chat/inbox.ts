import type { User } from '../accounts/schemas.js'
import type { UserRepository } from '../accounts/user-repository.js'
import { publicUser, userBytes, type PublicFields } from '../accounts/users.js'
import { cacheOf } from '../cache.js'
import type { ConversationDocument, MessageDocument } from '../database/documents.js'
import { jsonBytes, LIST_BYTES } from '../lists.js'
import type { InboxPosition } from './conversations-repository.js'
import type { Conversations } from './conversations.js'
import type { ConversationLog } from './log/conversation-log.js'
import { accessIn, type Access, type Group, type Membership } from './membership.js'
import { idOf } from './memberships-repository.js'
import { MESSAGE_BYTES, presentMessage, reactionBytes } from './messages.js'
import type { Conversation, GroupDetails, Mark } from './schemas/conversations.js'

/** Conversations that are read at a time: with the longest messages and largest avatars 4 MB. */
const PART = 50
/** What is kept of last messages: 12,000 short ones, 200 of the longest. */
const LAST_MESSAGES_BYTES = 8 * 1024 * 1024
/** What a conversation takes in JSON besides its texts and its user: id, numbers and names of fields. */
const CONVERSATION_BYTES = 350

/** A page of an inbox; `next` where there may be more. */
export interface InboxPage {
  data: Conversation[]
  next?: InboxPosition
}

/** The last message of a conversation, as it was when the conversation had this rev. */
interface LastMessage { rev: number, message: MessageDocument }

/** What else is known of some conversations. */
interface Context {
  users: Map<string, PublicFields>
  /** the last messages, by conversation */
  messages: Map<string, MessageDocument>
  marks: Map<string, Mark>
  groups: Map<string, Group>
}

export interface InboxOptions {
  conversations: Pick<Conversations, 'page' | 'find' | 'unread' | 'marks'>
  log: Pick<ConversationLog, 'settled' | 'messages'>
  users: Pick<UserRepository, 'findMany'>
  membership: Membership
}

/** The conversations of a user as its clients see them, newest first. */
export class Inbox {
  readonly #options: InboxOptions
  /** By conversation. Whatever changes a message raises the rev of its conversation. */
  readonly #lastMessages = cacheOf<LastMessage>(LAST_MESSAGES_BYTES, 0, last => messageBytes(last.message))

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
      const context = await this.#contextOf(part, user)
      let fitting = 0
      for (const document of part) {
        bytes += this.#bytesOf(document, user, context)
        if (bytes > LIST_BYTES) break
        fitting++
        next = { lastAt: document.lastAt, id: document._id }
      }
      data.push(...await this.#shownAll(part.slice(0, fitting), user, context))
      if (fitting === part.length && part.length < wanted) return { data }
      if (fitting < part.length) break
    }
    return { data, ...(next === undefined ? {} : { next }) }
  }

  /** A conversation as a member sees it; undefined where there is none, or the user is not a member. */
  async one (user: string, conversation: string): Promise<Conversation | undefined> {
    await this.#options.log.settled(conversation)
    const document = await this.#options.conversations.find(conversation)
    if (document === null) return undefined
    const context = await this.#contextOf([document], user)
    const [shown] = await this.#shownAll([document], user, context)
    return shown
  }

  /** A group with its members, in the order in which they joined; avatars as far as LIST_BYTES allow. */
  async group (user: string, id: string): Promise<GroupDetails | undefined> {
    const shown = await this.one(user, id)
    const group = await this.#options.membership.group(id)
    if (shown === undefined || group === undefined) return undefined
    const users = await this.#options.users.findMany([...group.members.keys()])
    let bytes = 0
    const memberList = [...group.members].map(([member, { role, joinedAt }]) => {
      const found = users.get(member)
      bytes += found === undefined ? 0 : userBytes(found)
      const { avatarImage, ...named } = shownUser(member, found)
      const fits = bytes <= LIST_BYTES && avatarImage !== undefined
      return { user: fits ? { ...named, avatarImage } : named, role, joinedAt }
    })
    return { ...shown, memberList }
  }

  #partner (document: ConversationDocument, user: string): string | undefined {
    return this.#options.membership.partner(document._id, user)
  }

  async #contextOf (part: ConversationDocument[], user: string): Promise<Context> {
    const { conversations, users, log, membership } = this.#options
    const others = part.map(document => this.#partner(document, user)).filter(id => id !== undefined)
    const places = part.flatMap(document => [user, this.#partner(document, user) ?? user]
      .map(member => ({ conversation: document._id, user: member })))
    await Promise.all(part.map(document => log.settled(document._id, document)))
    const groupIds = part.filter(({ kind }) => kind === 'group').map(({ _id }) => _id)
    const [found, messages, marks, groups] = await Promise.all([
      others.length === 0 ? new Map<string, PublicFields>() : users.findMany(others),
      this.#lastMessagesOf(part),
      places.length === 0 ? new Map<string, Mark>() : conversations.marks(places),
      Promise.all(groupIds.map(async (id): Promise<[string, Group | undefined]> =>
        [id, await membership.group(id)]))
    ])
    const known = groups.filter((entry): entry is [string, Group] => entry[1] !== undefined)
    return {
      users: found,
      messages,
      marks,
      groups: new Map(known)
    }
  }

  /** The last messages of conversations that are settled. */
  async #lastMessagesOf (part: ConversationDocument[]): Promise<Map<string, MessageDocument>> {
    const found = new Map<string, MessageDocument>()
    const revs = new Map<string, number>()
    const ids: MessageDocument['_id'][] = []
    for (const { _id, last, lastRev } of part) {
      if (last === undefined) continue
      const known = this.#lastMessages.get(_id)
      if (known?.rev === lastRev) {
        found.set(_id, known.message)
      } else {
        revs.set(_id, lastRev)
        ids.push(last.id)
      }
    }
    if (ids.length === 0) return found
    for (const message of await this.#options.log.messages(ids)) {
      const { conversation } = message
      found.set(conversation, message)
      this.#lastMessages.set(conversation, { rev: revs.get(conversation)!, message })
    }
    return found
  }

  async #shownAll (part: ConversationDocument[], user: string, context: Context): Promise<Conversation[]> {
    // A conversation whose first entry was never written has nothing to show.
    const visible = part.filter(({ lastRev }) => lastRev > 0)
    const shown = await Promise.all(visible.map(document => document.kind === 'group'
      ? this.#shownGroup(document, user, context)
      : this.#shownDirect(document, user, context)))
    return shown.filter(conversation => conversation !== undefined)
  }

  async #shownDirect (document: ConversationDocument, user: string, context: Context): Promise<Conversation> {
    const { _id } = document
    const other = this.#partner(document, user)!
    return {
      id: _id,
      kind: 'direct',
      user: shownUser(other, context.users.get(other)),
      members: other === user ? 1 : 2,
      ...await this.#shownState(document, user, context, 0),
      other: markIn(context, _id, other)
    }
  }

  async #shownGroup (
    document: ConversationDocument, user: string, context: Context
  ): Promise<Conversation | undefined> {
    const { _id, name, avatarImage = '', history } = document
    const group = context.groups.get(_id)
    const access: Access | undefined = group && accessIn(group, user)
    if (access === undefined) return undefined
    return {
      id: _id,
      kind: 'group',
      name: name!,
      ...(avatarImage === '' ? {} : { avatarImage }),
      role: access.role,
      members: group!.members.size,
      history: history!,
      ...await this.#shownState(document, user, context, access.aboveSeq)
    }
  }

  async #shownState (document: ConversationDocument, user: string, context: Context, aboveSeq: number) {
    const { _id, lastSeq, lastRev, last } = document
    const { delivered, read } = markIn(context, _id, user)
    const message = last !== undefined && last.seq > aboveSeq
      ? context.messages.get(_id)
      : undefined
    return {
      lastSeq,
      lastRev,
      ...(message === undefined ? {} : { lastMessage: presentMessage(message) }),
      unread: await this.#options.conversations.unread(document, user, Math.max(read, aboveSeq)),
      read,
      delivered
    }
  }

  /** The bytes of a conversation in JSON at most. */
  #bytesOf (document: ConversationDocument, user: string, context: Context): number {
    const { name = '', avatarImage = '' } = document
    const message = context.messages.get(document._id)
    const other = context.users.get(this.#partner(document, user) ?? '')
    const texts = jsonBytes(name) + avatarImage.length + (message === undefined ? 0 : messageBytes(message))
    return CONVERSATION_BYTES + texts + (other === undefined ? 0 : userBytes(other))
  }
}

function messageBytes (message: MessageDocument): number {
  return MESSAGE_BYTES + reactionBytes(message) + jsonBytes(message.current ?? message.message)
}

function markIn ({ marks }: Context, conversation: string, user: string): Mark {
  return marks.get(idOf({ conversation, user })) ?? { delivered: 0, read: 0 }
}

function shownUser (id: string, user: PublicFields | undefined): User {
  return user === undefined ? { _id: id, username: 'Deleted user', deleted: true } : publicUser(user)
}
