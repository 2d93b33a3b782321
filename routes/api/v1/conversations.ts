import { kindOf } from 'chat-protocol'
import type { App } from '../../../src/app.js'
import type { InboxPosition } from '../../../src/chat/conversations-repository.js'
import {
  ConversationParams, ConversationsQuery, ConversationsReply, ReadBody, ReadReply
} from '../../../src/chat/schemas/conversations.js'
import { apiError } from '../../../src/errors.js'
import { replies } from '../../../src/http/schemas.js'

/** A screen of an inbox. */
const DEFAULT_LIMIT = 50

/** `after`: milliseconds of lastAt, then the conversation's id. */
const CURSOR = /^(\d{1,16})\.([0-9a-f]{24}(?::[0-9a-f]{24})?)$/

/** The inbox, and the marks of what was read. */
export default async function conversations (fastify: App) {
  addInbox(fastify)
  addRead(fastify)
}

function addInbox (fastify: App): void {
  const { inbox } = fastify.chat

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
    const { user } = request.caller
    const { data, next } = await fastify.answers.list(request, () => inbox.page(user, from, limit))
    return {
      success: 'success' as const,
      message: 'Conversations retrieved successfully' as const,
      data,
      ...(next === undefined ? {} : { next: `${next.lastAt.getTime()}.${next.id}` })
    }
  })
}

function addRead (fastify: App): void {
  const { conversations, conversationLog, membership } = fastify

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
    await membership.require(id, me, 'id')
    if (kindOf(id) === 'direct' && (await conversationLog.end(id)).rev === 0) {
      throw apiError('notFound', 'there is no message in this conversation', 'id')
    }
    const data = await conversations.mark(id, me, 'read', request.body.seq)
    return { success: 'success' as const, message: 'Conversation marked as read' as const, data }
  })
}

function cursorOf (after: string): InboxPosition {
  const [, ms, id] = CURSOR.exec(after) ?? []
  if (ms === undefined || id === undefined) {
    throw apiError('validation', 'after must be `next` of the page before', 'after')
  }
  return { lastAt: new Date(Number(ms)), id }
}
