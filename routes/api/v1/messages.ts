import { conversationOf, type Message } from 'chat-protocol'
import type { App } from '../../../src/app.js'
import { apiError } from '../../../src/errors.js'
import { conversationOfPair, memberPair } from '../../../src/chat/legacy.js'
import { jsonPage, jsonText, spliceJson } from '../../../src/http/json-text.js'
import { replies } from '../../../src/http/schemas.js'
import { LIST_BYTES, PAGE_LIMIT } from '../../../src/lists.js'
import {
  AddMsgBody, AddMsgReply, GetAllMessagesBody, GetAllMessagesQuery, GetAllMessagesReply
} from '../../../src/chat/schemas/messages.js'

/** Sending and reading messages over HTTP, as the original documents it. */
export default async function messages (fastify: App) {
  addAddMsg(fastify)
  addGetAllMessages(fastify)
}

function addAddMsg (fastify: App): void {
  fastify.post('/addmsg', {
    serializerCompiler: spliceJson,
    schema: {
      tags: ['messages'],
      operationId: 'addmsg',
      summary: 'Send a message to a registered user',
      description: 'Answered once the message is stored durably. ' +
        'With a `clientId`, sending it again stores nothing twice.',
      body: AddMsgBody,
      response: replies(201, AddMsgReply, [401, 403, 404, 409])
    }
  }, async function addmsg (request, reply) {
    const { sender, reciver, ...message } = request.body
    if (sender !== request.caller.user) throw apiError('forbidden', 'sender must be yourself', 'sender')
    const conversation = conversationOf(sender, reciver)
    const json = await fastify.chat.sending.post({ conversation, sender, ...message }, 'reciver')
    reply.code(201)
    return {
      success: 'success' as const,
      message: 'Message sent successfully' as const,
      data: jsonText<Message>(json)
    }
  })
}

function addGetAllMessages (fastify: App): void {
  const { conversationLog } = fastify

  fastify.route({
    method: 'GET',
    url: '/getallmessages',
    serializerCompiler: spliceJson,
    schema: {
      tags: ['messages'],
      operationId: 'getallmessages',
      summary: 'Read a conversation',
      description: '`sender` and `reciver` stand in the query or, as the original documents it, in a JSON ' +
        'body; one of them is yourself. Without paging the newest 1,000 messages, oldest of them first; ' +
        'with `after=N` those numbered N+1, N+2 …; with `before=N` those just before N.',
      body: GetAllMessagesBody,
      querystring: GetAllMessagesQuery,
      response: replies(200, GetAllMessagesReply, [401, 403, 404])
    },
    handler: async function getallmessages (request) {
      const { after, before, limit = PAGE_LIMIT, ...query } = request.query
      const pair = memberPair(query, request.body)
      if (after !== undefined && before !== undefined) {
        throw apiError('validation', 'after and before exclude each other', 'before')
      }
      const conversation = conversationOfPair(pair, request.caller.user)
      const success = 'success' as const
      const message = 'Message sent successfully' as const
      const bounds = { limit, maxBytes: LIST_BYTES }
      const page = await fastify.answers.list(request, () => jsonPage<Message>(after === undefined
        ? conversationLog.before(conversation, before, 0, bounds)
        : conversationLog.after(conversation, after, 0, bounds)))
      return { success, message, ...page }
    }
  })
}
