import type { Message, Outgoing } from 'chat-app-client'
import type { Waiting } from '../store/outbox.js'
import { dayOf } from './names.js'

type SendFrame = Extract<Outgoing, { type: 'send' }>
export type WaitingMessage = Waiting & { frame: SendFrame }

/** A line of the conversation: one thing for the virtual list. */
export type Row =
  | { kind: 'day', key: string, text: string }
  | { kind: 'new', key: string }
  | { kind: 'message', key: string, message: Message, isGrouped: boolean }
  | { kind: 'waiting', key: string, waiting: WaitingMessage }

/** Messages of one sender within this time are one group. */
const GROUP_MS = 5 * 60_000

/**
 * The lines of a conversation.
 * @param readTo the seq after which messages were new when it was opened; undefined: none was
 */
export function rowsOf (
  messages: readonly Message[], waiting: readonly WaitingMessage[], me: string, readTo: number | undefined
): Row[] {
  const rows: Row[] = []
  let before: Message | undefined
  let day = ''
  let isMarked = readTo === undefined
  for (const message of messages) {
    const own = dayOf(message.createdAt)
    const isNewDay = own !== day && own !== ''
    if (isNewDay) rows.push({ kind: 'day', key: `day ${message.seq}`, text: own })
    if (isNewDay) day = own
    const isFirstNew = !isMarked && message.seq > readTo! && message.sender !== me
    if (isFirstNew) rows.push({ kind: 'new', key: 'new' })
    if (isFirstNew) isMarked = true
    const isGrouped = !isNewDay && !isFirstNew && before !== undefined && isNear(before, message)
    rows.push({ kind: 'message', key: keyOf(message), message, isGrouped })
    before = message
  }
  for (const one of waiting) rows.push({ kind: 'waiting', key: one.frame.clientId, waiting: one })
  return rows
}

/** Own messages keep the key that they had while they waited, so nothing is drawn twice. */
function keyOf (message: Message): string {
  return message.clientId ?? message._id
}

function isNear (before: Message, message: Message): boolean {
  const apart = Date.parse(message.createdAt) - Date.parse(before.createdAt)
  return before.sender === message.sender && message.replyTo === undefined && Math.abs(apart) < GROUP_MS
}
