import type { App } from '../../../src/app.js'
import type { ConversationDocument, UserDocument } from '../../../src/database/documents.js'
import { apiError } from '../../../src/http/errors.js'
import { jsonBytes } from '../../../src/http/json-bytes.js'
import { markOf, type InboxPosition } from '../../../src/chat/conversations-repository.js'
import { MESSAGE_BYTES, toMessage } from '../../../src/chat/messages.js'
import { LIST_BYTES, replies } from '../../../src/http/schemas.js'
import {
  ConversationParams, ConversationsQuery, ConversationsReply, ReadBody, ReadReply, type Conversation
} from '../../../src/chat/schemas/conversations.js'
import { publicUser, userBytes } from '../../../src/accounts/users.js'

/** A screen of an inbox. */
const DEFAULT_LIMIT = 50
/** Conversations that are read at a time: with the longest messages and largest avatars 4 MB. */
const PART = 50
/** What a conversation takes in JSON besides its message and its user: id, numbers and names of fields. */
const CONVERSATION_BYTES = 250

/** A page; `next` where there may be more. */
interface Inbox { data: Conversation[], next?: InboxPosition }
type Users = Map<string, UserDocument>

/** `after`: milliseconds of lastAt, then the conversation's id. */
const CURSOR = /^(\d{1,16})\.([0-9a-f]{24}:[0-9a-f]{24})$/

/** The inbox, and the marks of what was read. */
export default async function conversations (fastify: App) {
  const { membership, repositories } = fastify

  fastify.get('/conversations', {
    schema: {
      tags: ['conversations'],
      operationId: 'conversations',
      summary: 'Inbox: your conversations, newest first',
      querystring: ConversationsQuery,
      response: replies(200, ConversationsReply, [401])
    }
  }, async function conversations (request) {
    const { after, limit = DEFAULT_LIMIT } = request.query
    const from = after === undefined ? undefined : cursorOf(after)
    const { data, next } = await fastify.answers.list(request, () => inbox(request.caller.user, from, limit))
    return {
      success: 'success' as const,
      message: 'Conversations retrieved successfully' as const,
      data,
      ...(next === undefined ? {} : { next: `${next.lastAt.getTime()}.${next.id}` })
    }
  })

  /**
   * Conversations of a user, newest first, up to a number of them and LIST_BYTES. They are read in parts, so
   * that few come from the database that do not fit.
   */
  async function inbox (me: string, from: InboxPosition | undefined, limit: number): Promise<Inbox> {
    const data: Conversation[] = []
    let next = from
    let bytes = 0
    for (let left = limit; left > 0; left -= PART) {
      const wanted = Math.min(left, PART)
      const part = await fastify.conversations.page(me, next, wanted)
      const users = await othersIn(part, me)
      let fitting = 0
      for (const document of part) {
        bytes += conversationBytes(document, users.get(membership.partner(document._id, me)!))
        if (bytes > LIST_BYTES) break
        fitting++
        next = { lastAt: document.lastAt, id: document._id }
      }
      // A conversation whose first message was never written has nothing to show.
      const visible = part.slice(0, fitting).filter(document => document.lastSeq > 0)
      data.push(...await Promise.all(visible.map(document => shown(document, me, users))))
      if (fitting === part.length && part.length < wanted) return { data }
      if (fitting < part.length) break
    }
    return { data, ...(next === undefined ? {} : { next }) }
  }

  /** The other members of conversations, except those that were deleted from the database. */
  async function othersIn (part: ConversationDocument[], me: string): Promise<Users> {
    return await repositories.users.findMany(part.map(({ _id }) => membership.partner(_id, me)!))
  }

  async function shown (document: ConversationDocument, me: string, others: Users): Promise<Conversation> {
    const other = membership.partner(document._id, me)!
    const user = others.get(other)
    const { delivered, read } = markOf(document, me)
    return {
      id: document._id,
      user: user === undefined ? { _id: other, username: 'Deleted user', deleted: true } : publicUser(user),
      lastSeq: document.lastSeq,
      lastMessage: toMessage({ ...document.lastMessage, conversation: document._id }),
      unread: await fastify.conversations.unread(document, me, other),
      read,
      delivered,
      other: markOf(document, other)
    }
  }

  fastify.post('/conversations/:id/read', {
    schema: {
      tags: ['conversations'],
      operationId: 'read',
      summary: 'Mark a conversation as read up to a number',
      description: 'Never goes back; a number above the highest stored one is ignored. ' +
        'Answers with the marks that are stored then.',
      params: ConversationParams,
      body: ReadBody,
      response: replies(200, ReadReply, [401, 403, 404])
    }
  }, async function read (request) {
    const { id } = request.params
    const me = request.caller.user
    await membership.requireMember(id, me, 'id')
    if (await fastify.messageLog.lastSeq(id) === 0) {
      throw apiError('notFound', 'there is no message in this conversation', 'id')
    }
    const data = await fastify.conversations.mark(id, me, 'read', request.body.seq)
    return { success: 'success' as const, message: 'Conversation marked as read' as const, data }
  })
}

/** The bytes of a conversation in JSON at most. */
function conversationBytes ({ lastMessage }: ConversationDocument, other: UserDocument | undefined): number {
  const message = lastMessage === undefined ? 0 : MESSAGE_BYTES + jsonBytes(lastMessage.message)
  return CONVERSATION_BYTES + message + (other === undefined ? 0 : userBytes(other))
}

function cursorOf (after: string): InboxPosition {
  const [, ms, id] = CURSOR.exec(after) ?? []
  if (ms === undefined || id === undefined) {
    throw apiError('validation', 'after must be `next` of the page before', 'after')
  }
  return { lastAt: new Date(Number(ms)), id }
}
