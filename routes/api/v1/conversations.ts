import { mongodb } from '@fastify/mongodb'
import type { App } from '../../../src/app.js'
import { collection, type ConversationDocument } from '../../../src/documents.js'
import { apiError } from '../../../src/errors.js'
import { otherMember, toMessage } from '../../../src/messages.js'
import { replies } from '../../../src/schemas/common.js'
import { ConversationParams, ConversationsQuery, ConversationsReply, ReadBody, ReadReply, type Conversation } from '../../../src/schemas/conversations.js'
import { markOf } from '../../../src/summaries.js'
import { publicUser, WITHOUT_PASSWORD } from '../../../src/users.js'

/** A screen of an inbox. */
const DEFAULT_LIMIT = 50
/**
 * Unread messages are counted among so many newest ones of a conversation: no badge shows more, and as
 * numbers have no gaps, no more index entries are read, however long the conversation is and whoever wrote its end.
 */
const MAX_UNREAD = 1000
/** Named, because a planner may take the index of clientIds, and read all of the sender's messages. */
const BY_NUMBER = { conversation: 1, seq: 1 } as const
/** `after`: milliseconds of lastAt, then the conversation's id. */
const CURSOR = /^(\d{1,16})\.([0-9a-f]{24}:[0-9a-f]{24})$/

/** The inbox, and the marks of what was read. */
export default async function conversations (fastify: App) {
  const users = collection(fastify, 'users')
  const messages = collection(fastify, 'messages')

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
    const me = request.caller.user
    const page = await fastify.conversations.page(me, after === undefined ? undefined : cursorOf(after), limit)
    // A conversation whose first message was never written has nothing to show.
    const shown = page.filter(document => document.lastSeq > 0)
    const others = await users.find(
      { _id: { $in: shown.map(document => new mongodb.ObjectId(otherMember(document._id, me))) } },
      { projection: WITHOUT_PASSWORD, batchSize: limit + 1 }).toArray()
    const byId = new Map(others.map(user => [user._id.toHexString(), user]))
    const data = await Promise.all(shown.map(async (document): Promise<Conversation> => {
      const other = otherMember(document._id, me)!
      const user = byId.get(other)
      const { delivered, read } = markOf(document, me)
      return {
        id: document._id,
        user: user === undefined ? { _id: other, username: 'Deleted user', deleted: true } : publicUser(user),
        lastSeq: document.lastSeq,
        lastMessage: toMessage({ ...document.lastMessage, conversation: document._id }),
        unread: await unread(document, me, other),
        read,
        delivered,
        other: markOf(document, other)
      }
    }))
    const last = page.at(-1)
    const more = page.length === limit && last !== undefined
    return {
      success: 'success' as const,
      message: 'Conversations retrieved successfully' as const,
      data,
      ...(more ? { next: `${last.lastAt.getTime()}.${last._id}` } : {})
    }
  })

  async function unread (document: ConversationDocument, me: string, other: string): Promise<number> {
    const { read } = markOf(document, me)
    if (other === me || document.lastSeq <= read) return 0
    const after = Math.max(read, document.lastSeq - MAX_UNREAD)
    const newest = { conversation: document._id, seq: { $gt: after, $lte: document.lastSeq }, sender: other }
    return await messages.countDocuments(newest, { hint: BY_NUMBER })
  }

  fastify.post('/conversations/:id/read', {
    schema: {
      tags: ['conversations'],
      operationId: 'read',
      summary: 'Mark a conversation as read up to a number',
      description: 'Never goes back; a number above the highest stored one is ignored. Answers with the marks that are stored then.',
      params: ConversationParams,
      body: ReadBody,
      response: replies(200, ReadReply, [401, 403, 404])
    }
  }, async function read (request) {
    const me = request.caller.user
    if (otherMember(request.params.id, me) === undefined) throw apiError('forbidden', 'this is a conversation of others', 'id')
    if (await fastify.messageLog.lastSeq(request.params.id) === 0) throw apiError('notFound', 'there is no message in this conversation', 'id')
    const data = await fastify.conversations.mark(request.params.id, me, 'read', request.body.seq)
    return { success: 'success' as const, message: 'Conversation marked as read' as const, data }
  })
}

function cursorOf (after: string): { lastAt: Date, id: string } {
  const [, ms, id] = CURSOR.exec(after) ?? []
  if (ms === undefined || id === undefined) throw apiError('validation', 'after must be `next` of the page before', 'after')
  return { lastAt: new Date(Number(ms)), id }
}
