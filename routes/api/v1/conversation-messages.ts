import type { ChangeFrame, Message, MessageFrame } from 'chat-protocol'
import type { App } from '../../../src/app.js'
import type { ChangeRequest } from '../../../src/chat/changes.js'
import { frameOf } from '../../../src/chat/log/entries.js'
import type { Page } from '../../../src/chat/log/page.js'
import { noSuchMessage, presentMessage } from '../../../src/chat/messages.js'
import { ConversationParams } from '../../../src/chat/schemas/conversations.js'
import {
  ChangesQuery, ChangesReply, ConversationPageQuery, ConversationPageReply, EditBody, MessageDeletedReply,
  MessageEditedReply, MessageParams, MessageSentReply, NewMessageBody, ReactionAddedReply, ReactionParams,
  ReactionRemovedReply
} from '../../../src/chat/schemas/messages.js'
import { mapInSlices } from '../../../src/concurrency/slices.js'
import type { EntryDocument } from '../../../src/database/documents.js'
import { apiError } from '../../../src/errors.js'
import { jsonPage, jsonText, spliceJson } from '../../../src/http/json-text.js'
import { replies } from '../../../src/http/schemas.js'
import { LIST_BYTES, PAGE_LIMIT } from '../../../src/lists.js'

const tags = ['conversations']
const success = 'success' as const
const MESSAGES = '/conversations/:id/messages'
const MESSAGE = `${MESSAGES}/:seq` as const
const REACTION = `${MESSAGE}/reactions/:emoji` as const

/** Messages of any conversation: sending, reading and changing them. */
export default async function conversationMessages (fastify: App) {
  addPage(fastify)
  addChanges(fastify)
  addSend(fastify)
  addEdit(fastify)
  addDelete(fastify)
  addReactions(fastify)
}

function addPage (fastify: App): void {
  const { conversationLog, membership } = fastify

  fastify.get(MESSAGES, {
    serializerCompiler: spliceJson,
    schema: {
      tags,
      operationId: 'conversationMessages',
      summary: 'Read the messages of a conversation',
      description: 'In their present state. Without paging the newest 1,000, oldest of them first; with ' +
        '`after=N` those numbered N+1, N+2 …; with `before=N` those just before N.',
      params: ConversationParams,
      querystring: ConversationPageQuery,
      response: replies(200, ConversationPageReply, [401, 403, 404])
    }
  }, async function conversationMessages (request) {
    const { after, before, limit = PAGE_LIMIT } = request.query
    const { id } = request.params
    if (after !== undefined && before !== undefined) {
      throw apiError('validation', 'after and before exclude each other', 'before')
    }
    const { aboveSeq } = await membership.require(id, request.caller.user, 'id')
    const bounds = { limit, maxBytes: LIST_BYTES }
    const page = await fastify.answers.list(request, () => jsonPage<Message>(after === undefined
      ? conversationLog.before(id, before, aboveSeq, bounds)
      : conversationLog.after(id, after, aboveSeq, bounds)))
    return { success, message: 'Messages retrieved' as const, ...page }
  })
}

function addChanges (fastify: App): void {
  const { conversationLog, membership } = fastify

  fastify.get('/conversations/:id/changes', {
    serializerCompiler: spliceJson,
    schema: {
      tags,
      operationId: 'changes',
      summary: 'Read all that happened in a conversation, in its order',
      description: 'The entries numbered above the rev `after`, as the WebSocket sends them.',
      params: ConversationParams,
      querystring: ChangesQuery,
      response: replies(200, ChangesReply, [401, 403, 404])
    }
  }, async function changes (request) {
    const { after = 0, limit = PAGE_LIMIT } = request.query
    const { id } = request.params
    const { above } = await membership.require(id, request.caller.user, 'id')
    const bounds = { limit, maxBytes: LIST_BYTES }
    const page = await fastify.answers.list(request, () => jsonPage<MessageFrame | ChangeFrame>(
      conversationLog.entries(id, Math.max(after, above), bounds).then(inFrames)))
    return { success, message: 'Changes retrieved' as const, ...page }
  })
}

async function inFrames ({ items, hasMore }: Page<EntryDocument>) {
  return { items: await mapInSlices(items, entry => ({ json: frameOf(entry) })), hasMore }
}

function addSend (fastify: App): void {
  fastify.post(MESSAGES, {
    serializerCompiler: spliceJson,
    schema: {
      tags,
      operationId: 'sendMessage',
      summary: 'Send a message to a conversation',
      description: 'Answered once the message is stored durably. ' +
        'With a `clientId`, sending it again stores nothing twice.',
      params: ConversationParams,
      body: NewMessageBody,
      response: replies(201, MessageSentReply, [401, 403, 404, 409])
    }
  }, async function sendMessageTo (request, reply) {
    const { params: { id: conversation }, caller: { user: sender } } = request
    const json = await fastify.chat.sending.post({ conversation, sender, ...request.body }, 'id')
    reply.code(201)
    return { success, message: 'Message sent' as const, data: jsonText<Message>(json) }
  })
}

/** Changes a message; returns it in the state that it has then. */
async function changed ({ chat, conversationLog }: App, request: ChangeRequest) {
  await chat.changes.change(request, 'id')
  const message = await conversationLog.message(request.conversation, request.seq)
  if (message === null) throw noSuchMessage('seq')
  return presentMessage(message)
}

function addEdit (fastify: App): void {
  fastify.patch(MESSAGE, {
    schema: {
      tags,
      operationId: 'editMessage',
      summary: 'Replace the text of your message',
      params: MessageParams,
      body: EditBody,
      response: replies(200, MessageEditedReply, [401, 403, 404, 409])
    }
  }, async function editMessage (request) {
    const { params, caller: { user }, body: { message, clientId } } = request
    const change = { kind: 'edit' as const, message }
    const data = await changed(fastify, { ...targetOf(params), user, clientId, change })
    return { success, message: 'Message edited' as const, data }
  })
}

function addDelete (fastify: App): void {
  fastify.delete(MESSAGE, {
    schema: {
      tags,
      operationId: 'deleteMessage',
      summary: 'Delete a message for all members',
      description: 'Its sender may, and in groups the owner and the admins. A tombstone stays.',
      params: MessageParams,
      response: replies(200, MessageDeletedReply, [401, 403, 404])
    }
  }, async function deleteMessage (request) {
    const { params, caller: { user } } = request
    const data = await changed(fastify, { ...targetOf(params), user, change: { kind: 'delete' } })
    return { success, message: 'Message deleted' as const, data }
  })
}

function addReactions (fastify: App): void {
  const schema = { tags, params: ReactionParams }

  fastify.put(REACTION, {
    schema: {
      ...schema,
      operationId: 'addReaction',
      summary: 'React to a message with an emoji',
      response: replies(200, ReactionAddedReply, [401, 403, 404, 409])
    }
  }, async function addReaction (request) {
    const { params, caller: { user } } = request
    const change = { kind: 'reaction' as const, emoji: params.emoji, on: true }
    const data = await changed(fastify, { ...targetOf(params), user, change })
    return { success, message: 'Reaction added' as const, data }
  })

  fastify.delete(REACTION, {
    schema: {
      ...schema,
      operationId: 'removeReaction',
      summary: 'Take a reaction back',
      response: replies(200, ReactionRemovedReply, [401, 403, 404, 409])
    }
  }, async function removeReaction (request) {
    const { params, caller: { user } } = request
    const change = { kind: 'reaction' as const, emoji: params.emoji, on: false }
    const data = await changed(fastify, { ...targetOf(params), user, change })
    return { success, message: 'Reaction removed' as const, data }
  })
}

function targetOf ({ id, seq }: { id: string, seq: string }) {
  return { conversation: id, seq: Number(seq) }
}
