/** What the outbox sends: messages and changes, each with the clientId that makes it idempotent. */
import {
  conversationOf, type AckFrame, type Change, type DeleteFrame, type EditFrame, type HelloFrame, type Message,
  type ReactFrame, type SendFrame
} from 'chat-protocol'
import type { Entry } from './fold.js'

/** A message or a change that waits for its answer. */
export type Outgoing = SendFrame | EditFrame | DeleteFrame | ReactFrame

/** The stored message or change; the present message if a change had no effect. */
export type Answer = Message | Change

/** The conversation that a frame is for. */
export function targetOf (frame: Outgoing, user: string): string {
  if (frame.conversation !== undefined) return frame.conversation
  return conversationOf(user, (frame as SendFrame).reciver!)
}

/** Frames with the same key have to be stored in their order, because the later one replaces the earlier. */
export function orderKey (frame: Outgoing): string | undefined {
  return frame.type === 'send' ? undefined : `${frame.conversation} ${frame.seq}`
}

/**
 * The entry of the log that an ack brings: a new message or a change. Undefined if the message may be in a
 * later state than its entry: that of a repeat, or of a change without effect.
 */
export function entryOfAck (
  { message, change }: AckFrame, type: Outgoing['type'] = 'send'
): Entry | undefined {
  if (change !== undefined) return { type: 'change', ...change }
  const isAsSent = message?.editedAt === undefined && message?.reactions === undefined
  return type === 'send' && isAsSent && message !== undefined ? { type: 'message', message } : undefined
}

/** Whether two frames with the same clientId mean the same. */
export function isSame (a: Outgoing, b: Outgoing): boolean {
  return contentOf(a) === contentOf(b)
}

function contentOf (frame: Outgoing): string {
  const { type, conversation, reciver, message, replyTo, seq, emoji, on } = frame as
    Partial<SendFrame & EditFrame & ReactFrame>
  return JSON.stringify([type, conversation, reciver, message, replyTo, seq, emoji, on])
}

/** The limit of the server that a frame exceeds, in words; undefined if none. */
export function excess (
  frame: Outgoing, { messageChars, frameBytes }: HelloFrame['limits']
): string | undefined {
  const message = 'message' in frame ? frame.message : ''
  // Code points are at most UTF-16 units, and a UTF-16 unit takes at most three bytes of UTF-8: mostly no
  // counting.
  if (message.length > messageChars && [...message].length > messageChars) {
    return `message: more than ${messageChars} code points`
  }
  const json = JSON.stringify(frame)
  if (json.length * 3 > frameBytes && new TextEncoder().encode(json).length > frameBytes) {
    return `message: its frame has more than ${frameBytes} bytes`
  }
  return undefined
}
